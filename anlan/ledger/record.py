"""Records: what was done to what, when, with which verdict, and what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, get_args

from anlan.ledger.canonical import canonical, digest

Verdict = Literal['pass', 'fail', 'stale', 'not-verified', 'inherited', 'not-applicable']
VERDICTS: tuple[str, ...] = get_args(Verdict)
FIRST = '0' * 64
"""What the first record names as the one before."""

SEAL, BEGINNING = 'seal', 'beginning'
"""Kinds that the ledger writes itself."""


@dataclass(frozen=True)
class Draft:
    """A record that is not in the ledger yet.

    `attachments` holds SHA-256 by name, `configuration` that of the configuration of what was tried. `verdict` is None
    for what only happened: the start of a run, a note.
    """

    kind: str
    subject: str
    started: datetime
    ended: datetime
    verdict: Verdict | None = None
    clauses: Sequence[str] = ()
    observed: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    configuration: str = ''

    def document(self, number: int, previous: str) -> dict[str, Any]:
        """Given the record's place, return it as plain data."""
        return {
            'number': number, 'previous': previous, 'kind': self.kind, 'subject': self.subject,
            'started': moment(self.started), 'ended': moment(self.ended), 'verdict': self.verdict,
            'clauses': sorted(set(self.clauses)), 'observed': dict(self.observed),
            'attachments': dict(self.attachments), 'configuration': self.configuration,
        }  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A line of the ledger."""

    line: bytes
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Record:
        """Given plain data, return the record. Raise NotCanonical."""
        return cls(canonical(document), document)

    @cached_property
    def sha256(self) -> str:
        """Return the hash that the next record names."""
        return digest(self.line)

    @property
    def number(self) -> int:
        """Return its place, from 1."""
        number: int = self.document['number']
        return number

    @property
    def kind(self) -> str:
        """Return what kind of run or event it tells of."""
        return str(self.document['kind'])

    @property
    def attachments(self) -> Mapping[str, str]:
        """Return SHA-256 of attached files by name."""
        return dict(self.document.get('attachments') or {})


def moment(time: datetime) -> str:
    """Given a time, return it in UTC, in milliseconds. Raise ValueError if it does not say of which zone it is."""
    if time.tzinfo is None:
        raise ValueError(f'{time.isoformat()} has no time zone')
    return time.astimezone(UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')
