"""Running pgBackRest: as its own account, with a deadline, its answer line by line, its exit codes as our classes."""

from __future__ import annotations

import os
import pwd
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backup.failure import BackupFailed, ExitClass

ACCOUNT = 'pgbackrest'
GRACE_SECONDS = 15.0
"""Between asking a process to end and ending it: so long it may take to leave all in order."""

SENTENCE_CHARACTERS = 600

CLASSES: dict[int, ExitClass] = {
    26: ExitClass.CORRUPT, 28: ExitClass.CORRUPT, 29: ExitClass.CORRUPT, 38: ExitClass.TARGET_REFUSED,
    39: ExitClass.UNREACHABLE, 40: ExitClass.TARGET_REFUSED, 44: ExitClass.NO_SOURCE, 45: ExitClass.CORRUPT,
    49: ExitClass.UNREACHABLE, 50: ExitClass.LOCKED, 51: ExitClass.CORRUPT, 55: ExitClass.NO_REPOSITORY,
    56: ExitClass.UNREACHABLE, 62: ExitClass.LOCKED, 72: ExitClass.UNREACHABLE, 73: ExitClass.NO_REPOSITORY,
    75: ExitClass.NO_SNAPSHOT, 80: ExitClass.NO_SOURCE, 81: ExitClass.NO_SOURCE, 82: ExitClass.UNREACHABLE,
    93: ExitClass.TARGET_REFUSED, 95: ExitClass.WRONG_PASSWORD, 101: ExitClass.UNREACHABLE,
    103: ExitClass.NO_REPOSITORY, 105: ExitClass.REFUSED, 106: ExitClass.CLOCK,
}  # fmt: skip
"""pgBackRest's exit codes (its error.yaml) that mean something to whoever runs it; all others are FAILED."""

SAYINGS: tuple[tuple[str, ExitClass], ...] = (
    ('No space left on device', ExitClass.NO_SPACE),
    ('Disk quota exceeded', ExitClass.NO_SPACE),
    ('QuotaExceeded', ExitClass.NO_SPACE),
    ('RequestTimeTooSkewed', ExitClass.CLOCK),
    ('AccessDenied', ExitClass.REFUSED),
    ('InvalidAccessKeyId', ExitClass.REFUSED),
    ('SignatureDoesNotMatch', ExitClass.REFUSED),
    ('NoSuchBucket', ExitClass.NO_REPOSITORY),
    ('cipher header invalid', ExitClass.WRONG_PASSWORD),
    ('unable to flush', ExitClass.WRONG_PASSWORD),
    ('unable to connect', ExitClass.UNREACHABLE),
    ('unable to get address', ExitClass.UNREACHABLE),
    ('timeout after', ExitClass.UNREACHABLE),
)
"""Words in what it says that tell more than its code: one code stands for many reasons."""


@dataclass(frozen=True)
class Command:
    """How pgBackRest is run here: its settings, the stanza, and as whom (root gives itself up for it)."""

    configuration: Path
    stanza: str
    account: str = ACCOUNT
    program: str = 'pgbackrest'
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, verb: str, options: Sequence[str] = (), words: Sequence[str] = ()) -> list[str]:
        """Given a command, its options and its words, return the whole command line. No secret is on it."""
        return [
            self.program, f'--config={self.configuration}', f'--stanza={self.stanza}', '--log-timestamp=n',
            '--log-level-stderr=off', *options, verb, *words,
        ]  # fmt: skip

    def run(
        self,
        verb: str,
        deadline_seconds: float,
        options: Sequence[str] = (),
        words: Sequence[str] = (),
        each: Callable[[str], None] = lambda line: None,
    ) -> str:
        """Run a command, call `each` with every line of its answer as it comes, and return the whole answer.

        Raise BackupFailed with its class and its own last error; at the deadline it is told to end and then ended.
        """
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            each(line)

        code = follow(self.argv(verb, options, words), deadline_seconds, self.account, self.environment, take)
        text = '\n'.join(lines)
        if code is None:
            raise BackupFailed(ExitClass.DEADLINE, f'pgbackrest {verb} was not done within {deadline_seconds:.0f} s')
        if code != 0:
            raise BackupFailed(class_of(code, text), f'pgbackrest {verb}: {sentence_of(text) or f"exit code {code}"}')
        return text


def follow(
    argv: Sequence[str],
    deadline_seconds: float,
    account: str,
    environment: Mapping[str, str],
    each: Callable[[str], None],
) -> int | None:
    """Given a command line, run it and return its exit code, or None if it was ended at the deadline.

    Raise BackupFailed if it cannot be started at all.
    """
    ends = time.monotonic() + deadline_seconds
    whom: dict[str, object] = {}
    if os.geteuid() == 0 and account != 'root':
        try:
            known = pwd.getpwnam(account)
        except KeyError:
            raise BackupFailed(ExitClass.FAILED, f'there is no account {account} here') from None
        whom = {'user': account, 'group': known.pw_gid, 'extra_groups': os.getgrouplist(account, known.pw_gid)}
    try:
        process = subprocess.Popen(  # type: ignore[call-overload]
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd='/',
            start_new_session=True, env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', **environment}, **whom,
        )  # fmt: skip
    except OSError as error:
        raise BackupFailed(ExitClass.FAILED, f'{argv[0]} cannot be started: {error.strerror}') from None
    try:
        return _read(process, ends, each)
    except BaseException:
        _end(process)
        raise


def _read(process: subprocess.Popen[bytes], ends: float, each: Callable[[str], None]) -> int | None:
    assert process.stdout is not None
    rest = b''
    with selectors.DefaultSelector() as selector, process.stdout as stream:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            left = ends - time.monotonic()
            if left <= 0 or not selector.select(left):
                _end(process)
                return None
            piece = os.read(stream.fileno(), 65536)
            *whole, rest = (rest + piece).split(b'\n')
            for line in whole:
                each(line.decode(errors='replace'))
            if not piece:
                break
    if rest:
        each(rest.decode(errors='replace'))
    try:
        return process.wait(max(0.1, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end(process)
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    for word, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        try:
            os.killpg(process.pid, word)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
            break
        except subprocess.TimeoutExpired:
            continue


def class_of(code: int, text: str) -> ExitClass:
    """Given an exit code and what was said, return the class."""
    for words, exit_class in SAYINGS:
        if words in text:
            return exit_class
    return CLASSES.get(code, ExitClass.FAILED)


def sentence_of(text: str) -> str:
    """Given what was said, return its last error as one line, without the advice that follows it."""
    found: list[str] = []
    for line in text.splitlines():
        if ' ERROR: ' in f' {line}':
            found = [line.split('ERROR:', 1)[1].strip()]
        elif found and line.startswith(' ') and 'HINT' not in line and len(found) < 4:
            found.append(line.strip())
        elif not line.startswith(' ') and 'INFO' not in line and len(found) > 0:
            continue
    return ' / '.join(found)[:SENTENCE_CHARACTERS]
