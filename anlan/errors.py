"""What can go wrong, each class with the exit code that a shell sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_BUSY = 3
EXIT_INTERRUPTED = 130

EXIT_CODES_HELP = (
    'Exit codes: 0 done · 1 failed, can be run again · 2 bad input, nothing was touched · '
    '3 another run holds the platform · 130 interrupted, can be run again.'
)


class AnlanError(Exception):
    """A failure that is for the user: one clear sentence, and what to do about it."""

    exit_code = EXIT_FAILED


class BadInput(AnlanError):
    """What the user gave cannot be used; nothing was touched."""

    exit_code = EXIT_BAD_INPUT


class Busy(AnlanError):
    """Somebody else holds what this run needs."""

    exit_code = EXIT_BUSY


class DeadlineExceeded(AnlanError):
    """A wait ended without what it waited for."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a file, by its path inside the file."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f'{self.path}: {self.reason}' if self.path else self.reason


class InvalidFile(BadInput):
    """A file with problems, all of them; `more` says what was not looked at."""

    def __init__(self, file: str, problems: Iterable[Problem], more: str = '') -> None:
        self.file = file
        self.problems = tuple(problems)
        lines = '\n'.join(f'  {problem}' for problem in self.problems)
        count = len(self.problems)
        rest = f'\n  ({more})' if more else ''
        super().__init__(f'{file} has {count} {"error" if count == 1 else "errors"}:\n{lines}{rest}')
