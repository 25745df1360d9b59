"""Answers: what a host said to a command, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

UNFINISHED = 124
"""Exit code of a command that its deadline ended, as coreutils' `timeout` has it."""


@dataclass(frozen=True)
class Answer:
    """A command, its exit code, what it wrote, when it was asked (UTC, ISO 8601) and how long it took."""

    command: str
    code: int
    out: str
    err: str
    asked: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Answer:
        """Given what `document` returned, return the answer."""
        return cls(**document)


@dataclass(frozen=True)
class Silence:
    """Why a host answered nothing."""

    reason: str
