"""An assessment: all verdicts of a platform at one time, the ledger that they were read from, and the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anlan.ledger.record import moment
from compliance.catalogue import Catalogue
from compliance.clause import Chapter
from compliance.score import Score, score_of
from compliance.verdicts import ClauseVerdict, Situation
from compliance.waivers import Waiver, WaiverUse, uses_of


@dataclass(frozen=True)
class Source:
    """The ledger as it was read: how many records, the hash of the last, and the fingerprint of the key."""

    records: int
    head: str
    key: str


@dataclass(frozen=True)
class Assessment:
    """What is reported, exported and packed."""

    platform: str
    catalogue: Catalogue
    situation: Situation
    source: Source
    verdicts: tuple[ClauseVerdict, ...]
    waivers: tuple[WaiverUse, ...]
    score: Score

    @property
    def good(self) -> bool:
        """Return whether no clause fails but for waivers, and no waiver is over."""
        return not self.unwaived() and not self.expired()

    def unwaived(self) -> list[ClauseVerdict]:
        """Return the clauses that fail, and that nobody answers for."""
        return [each for each in self.verdicts if each.verdict == 'fail' and not each.waived]

    def expired(self) -> list[WaiverUse]:
        """Return the waivers whose last day is over."""
        return [each for each in self.waivers if each.use == 'expired']

    def by_chapter(self) -> list[tuple[Chapter, list[ClauseVerdict]]]:
        """Return the chapters in order, each with its verdicts."""
        by_id = {each.clause.id: each for each in self.verdicts}
        return [
            (chapter, [by_id[clause.id] for clause in chapter.clauses if clause.id in by_id])
            for chapter in self.catalogue.chapters
        ]

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'platform': self.platform, 'time': moment(self.situation.now),
            'configuration': self.situation.configuration, 'hosts': list(self.situation.hosts),
            'ledger': {'records': self.source.records, 'head': self.source.head, 'key': self.source.key},
            'score': self.score.document(),
            'waivers': [{**each.waiver.model_dump(mode='json'), 'use': each.use} for each in self.waivers],
            'verdicts': [each.document() for each in self.verdicts],
        }  # fmt: skip


def assess(
    platform: str, catalogue: Catalogue, situation: Situation, source: Source, *, verdicts: list[ClauseVerdict],
    waivers: tuple[Waiver, ...],
) -> Assessment:  # fmt: skip
    """Given a platform's name, the catalogue and all that its verdicts rest on, return the assessment."""
    matched = {waiver for each in verdicts for waiver in each.waivers}
    uses = uses_of(waivers, matched, situation.now.date())
    return Assessment(platform, catalogue, situation, source, tuple(verdicts), uses, score_of(verdicts))
