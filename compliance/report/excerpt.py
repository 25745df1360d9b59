"""Excerpts: what a host answered where a check failed, cut to what fits on a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compliance.evidence import ANSWERS, Found, Reference
from compliance.observation import Observation

MOST_COMMANDS = 3
MOST_LINES, MOST_CHARACTERS = 12, 900


@dataclass(frozen=True)
class Excerpt:
    """A command, its exit code, and the beginning of what was answered. `cut`: there is more on record."""

    command: str
    code: int
    text: str
    cut: bool


Excerpts = Callable[[Found], list[Excerpt]]


def no_excerpts(found: Found) -> list[Excerpt]:
    """Return nothing: for reports without the answers at hand."""
    return []


class RecordedExcerpts:
    """Excerpts from the attachments of audits. `attachment` returns one by its hash."""

    def __init__(self, attachment: Callable[[str], bytes]) -> None:
        self._attachment = attachment
        self._read: dict[str, Observation] = {}

    def __call__(self, found: Found) -> list[Excerpt]:
        """Given a result and its record, return what its commands were answered. Raise AnlanError, BadInput."""
        observation = self._observation(found.record)
        said = None if observation is None else observation.hosts.get(found.result.host)
        if not isinstance(said, dict):
            return []
        answers = [said[command] for command in found.result.commands if command in said]
        return [
            Excerpt(each.command, each.code, *_cut('\n'.join(filter(None, (each.out.rstrip(), each.err.rstrip())))))
            for each in answers[:MOST_COMMANDS]
        ]

    def _observation(self, record: Reference) -> Observation | None:
        sha256 = record.attachments.get(ANSWERS)
        if sha256 is None:
            return None
        if sha256 not in self._read:
            self._read[sha256] = Observation.unpacked(self._attachment(sha256), f'record {record.number}: {ANSWERS}')
        return self._read[sha256]


def _cut(text: str) -> tuple[str, bool]:
    lines = text.split('\n')
    short = '\n'.join(lines[:MOST_LINES])[:MOST_CHARACTERS]
    return short, short != text
