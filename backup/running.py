"""Running a program: a deadline, its lines as they come, and no process of it left over, however the run ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from anlan.deadline import Deadline
from backup.failure import BackupFailed, ExitClass

GRACE_SECONDS = 10.0
"""What a program has between being asked to end and being killed: restic removes its lock in that time."""

LOOK_SECONDS = 0.2
PIPE_SECONDS = 5.0
KEPT_LINES = 400
INHERITED = ('PATH', 'HOME', 'TMPDIR', 'LANG')
"""What a program sees of our environment. All else could change where it looks and with whose credentials."""

Line = Callable[[str], None]


@dataclass(frozen=True)
class Ran:
    """How a program ended: its code, the last lines of its errors, the time it took.

    `stopped` is why we ended it, None if it ended by itself.
    """

    code: int
    errors: tuple[str, ...]
    seconds: float
    stopped: str | None = None


def run(
    argv: Sequence[str],
    deadline_seconds: float,
    *,
    environment: Mapping[str, str] | None = None,
    line: Line | None = None,
    error_line: Line | None = None,
    watch: Callable[[], str | None] | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Ran:
    """Given a command and a deadline, run it in a process group of its own and return how it ended.

    `line` and `error_line` get each line of output and errors as it comes; `watch` is asked all the time and returns
    why the program is to be ended, else None. `environment` is added to PATH, HOME, TMPDIR and LANG. Whoever ends it
    (deadline, `watch`, an exception, Ctrl-C), the group is asked to end and killed after `grace_seconds`. Raise
    BackupFailed if the program cannot be started, and what `line`, `error_line` and `watch` raise.
    """
    deadline = Deadline(deadline_seconds)
    if deadline.passed():
        raise BackupFailed(ExitClass.DEADLINE, f'{argv[0]} was not begun: no time was left')
    own = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors='replace', env=own | dict(environment or {}), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise BackupFailed(ExitClass.FAILED, f'{argv[0]} cannot be started: {error.strerror}') from None
    assert process.stdout is not None
    assert process.stderr is not None
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    out = _Reader(process.stdout, line or _drop)

    def keep(text: str) -> None:
        kept.append(text)
        (error_line or _drop)(text)

    err = _Reader(process.stderr, keep)
    stopped: str | None = None
    try:
        while stopped is None:
            seconds = min(LOOK_SECONDS, max(deadline.remaining_seconds(), 0.001))
            # The end of its output tells at once that a program ends; asking for its code alone means asking often.
            if out.ended(seconds):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
            if process.poll() is not None:
                break
            out.complain()
            err.complain()
            stopped = watch() if watch is not None else None
            if stopped is None and deadline.passed():
                stopped = f'not done within {deadline_seconds:g} s'
    finally:
        if process.returncode is None:
            _end(process, grace_seconds)
        # A child of the program that is still there would hold the pipes, and a lock, for ever.
        _signal(process.pid, signal.SIGKILL)
        out.end()
        err.end()
    out.complain()
    err.complain()
    return Ran(process.returncode, tuple(kept), time.monotonic() - deadline.started, stopped)


class _Reader:
    """Hands the lines of a pipe on, in a thread of its own; what the receiver raises is raised by `complain`."""

    def __init__(self, stream: IO[str], line: Line) -> None:
        self._stream = stream
        self._line = line
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            for text in self._stream:
                if self._error is not None:
                    continue
                try:
                    self._line(text.rstrip('\n'))
                except BaseException as error:  # it belongs to who called run, in the thread that called
                    self._error = error

    def complain(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def ended(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self) -> None:
        if self.ended(PIPE_SECONDS):
            self._stream.close()


def _end(process: subprocess.Popen[str], grace_seconds: float) -> None:
    _signal(process.pid, signal.SIGTERM)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    finally:
        if process.returncode is None:
            _signal(process.pid, signal.SIGKILL)
            process.wait()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _drop(_: str) -> None:
    """Take a line and do nothing."""
