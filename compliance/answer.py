"""Answers: what a host said to a command, and when."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

UNFINISHED = 124
"""Exit code of a command that its deadline ended, as coreutils' `timeout` has it."""

LATE = re.compile(r'(?:^|\n)no end within [0-9.]+ s$')
CUT = re.compile(r'\n\[cut: \d+ bytes in all\]$')
"""What the program that asks a host writes at the end of an answer that is not whole."""


@dataclass(frozen=True)
class Answer:
    """A command, its exit code, what it wrote, when it was asked (UTC, ISO 8601) and how long it took."""

    command: str
    code: int
    out: str
    err: str
    asked: str
    seconds: float

    @property
    def missing(self) -> str:
        """Return why this is not all that the command had to say; empty if it is."""
        if self.code == UNFINISHED and LATE.search(self.err):
            return 'it did not end in time'
        return 'it said more than is kept' if CUT.search(self.out) else ''

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Answer:
        """Given what `document` returned, return the answer. Raise ValueError if it is none: hosts may say anything."""
        try:
            answer = cls(**document)
        except TypeError:
            raise ValueError('it is no answer') from None
        texts = (answer.command, answer.out, answer.err, answer.asked)
        if not all(isinstance(each, str) for each in texts) or type(answer.code) is not int:
            raise ValueError('it is no answer')
        if type(answer.seconds) not in (int, float) or not math.isfinite(answer.seconds):
            raise ValueError('its time is no number')
        return answer


@dataclass(frozen=True)
class Silence:
    """Why a host answered nothing."""

    reason: str
