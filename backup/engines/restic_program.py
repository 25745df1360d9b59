"""Running restic on one repository: waits for locks, gives a silent place up, and says by class what went wrong."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anlan.deadline import Deadline
from backup.engines.restic_answer import document
from backup.engines.restic_failure import class_of, said, sentence_of
from backup.engines.restic_locks import Lock, lock_of
from backup.engines.restic_settings import ResticSettings
from backup.failure import BackupFailed, ExitClass
from backup.running import Ran, run

State = Callable[[dict[str, Any]], None]
LOCKED_CODE = 11
LOCK_LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What restic said and how it ended: its output without progress, its errors as plain sentences."""

    ran: Ran
    out: str
    messages: tuple[str, ...]

    @property
    def code(self) -> int:
        """Return the exit code."""
        return self.ran.code


@dataclass
class _Silence:
    """Since when the place has not answered: restic tells of each try, and of the first that went well again."""

    limit_seconds: float
    since: float | None = None
    last: str = ''
    tries: int = field(default=0)

    def hear(self, line: str) -> None:
        if 'returned error, retrying after' in line:
            self.since = self.since or time.monotonic()
            self.last = line
            self.tries += 1
        elif 'operation successful after' in line:
            self.since = None

    def reason(self) -> str | None:
        if self.since is None or time.monotonic() - self.since < self.limit_seconds:
            return None
        return f'gave up after {self.tries} tries in {self.limit_seconds:g} s'


@dataclass(frozen=True)
class ResticProgram:
    """restic with the settings of one repository."""

    settings: ResticSettings

    def ask(
        self, words: Sequence[str], deadline_seconds: float, *, lock: bool = True, state: State | None = None,
        accept: Sequence[int] = (0,), extra_environment: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Given a subcommand and a deadline, run it and return its answer.

        Where another job holds the repository it is tried again until the deadline, and a lock that restic calls stale
        is removed. Raise BackupFailed with the class unless the exit code is one of `accept`.
        """
        deadline = Deadline(deadline_seconds)
        while True:
            answer = self._once(words, deadline, lock, state, extra_environment or {})
            if answer.code != LOCKED_CODE or answer.ran.stopped:
                break
            held = self.free(deadline)
            if deadline.remaining_seconds() <= self.settings.lock_retry_seconds:
                holders = '; '.join(each.holder() for each in held) or sentence_of(answer.messages)
                raise BackupFailed(ExitClass.LOCKED, f'{self.settings.repository} is held by {holders}')
            if held:
                time.sleep(self.settings.lock_retry_seconds)
        if answer.ran.stopped:
            raise self._stopped(words, answer)
        if answer.code not in accept:
            raise self.failed(words, answer)
        return answer

    def failed(self, words: Sequence[str], answer: Answer) -> BackupFailed:
        """Given a subcommand and its answer, return the failure that it is."""
        exit_class = class_of(answer.code, answer.messages)
        sentence = f'restic {words[0]} of {self.settings.repository}: {sentence_of(answer.messages)}'
        return BackupFailed(exit_class, sentence)

    def locks(self, deadline_seconds: float) -> tuple[Lock, ...]:
        """Return the locks of the repository; one that is removed meanwhile, or cannot be read, is not among them."""
        deadline = Deadline(deadline_seconds)
        listed = self._once(('list', 'locks'), deadline, False, None, {})
        if listed.code != 0 or listed.ran.stopped:
            raise self.failed(('list locks',), listed)
        found = []
        for identity in listed.out.split():
            answer = self._once(('cat', 'lock', identity), deadline, False, None, {})
            if answer.code == 0:
                try:
                    found.append(lock_of(identity, answer.out))
                except ValueError:
                    continue
        return tuple(found)

    def free(self, deadline: Deadline) -> tuple[Lock, ...]:
        """Given a deadline, remove the stale locks and return those that live."""
        seconds = min(LOCK_LOOK_SECONDS, max(deadline.remaining_seconds(), self.settings.lock_retry_seconds, 1.0))
        held = self.locks(seconds)
        now, host = datetime.now(UTC), socket.gethostname()
        stale = [each for each in held if each.stale(now, host)]
        if stale:
            # restic judges by the same rule once more, and removes what it calls stale, never a lock of who lives.
            self._once(('unlock',), Deadline(seconds), True, None, {})
        return tuple(each for each in held if each not in stale)

    def _once(
        self, words: Sequence[str], deadline: Deadline, lock: bool, state: State | None, extra: dict[str, str]
    ) -> Answer:
        out: list[str] = []
        silence = _Silence(self.settings.unreachable_seconds)

        def line(text: str) -> None:
            if text.startswith('{"message_type":"status"'):
                if state is not None:
                    state(document(text))
            elif text:
                out.append(text)

        ran = run(
            self.settings.command(words, lock=lock), deadline.remaining_seconds(),
            environment=self.settings.child_environment() | extra, line=line, error_line=silence.hear,
            watch=silence.reason,
        )  # fmt: skip
        messages = tuple(self.settings.scrubbed(each) for each in said(ran.errors))
        return Answer(ran, '\n'.join(out), messages)

    def _stopped(self, words: Sequence[str], answer: Answer) -> BackupFailed:
        """What was ended by us: the place was silent, or the time was over. Who only retried was not reached."""
        tries = [each for each in answer.messages if 'returned error, retrying after' in each]
        well = [each for each in answer.messages if 'operation successful after' in each]
        what = f'restic {words[0]} of {self.settings.repository}'
        if tries and not (well and answer.messages.index(well[-1]) > answer.messages.index(tries[-1])):
            exit_class = class_of(1, tries[-1:])
            exit_class = ExitClass.UNREACHABLE if exit_class is ExitClass.FAILED else exit_class
            return BackupFailed(exit_class, f'{what}: {answer.ran.stopped}: {sentence_of(tries)}')
        return BackupFailed(ExitClass.DEADLINE, f'{what}: {answer.ran.stopped}')
