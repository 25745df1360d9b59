"""The page: one HTML file that needs no network and no script. What hosts and people wrote is text in it, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from compliance.assessment import Assessment
from compliance.evidence import Found
from compliance.report.excerpt import Excerpt, Excerpts, no_excerpts
from compliance.report.picture import ORDER, picture
from compliance.report.words import words
from compliance.saying import Language, grouped, verdict_word, visible
from compliance.score import NO_OFFICIAL_RESULT, percent
from compliance.verdicts import ClauseVerdict, ProofVerdict

TEMPLATES = Path(__file__).parent / 'templates'
BEIJING = timezone(timedelta(hours=8), 'UTC+8')
MARKS = {'pass': '✓', 'fail': '✗', 'stale': '◷', 'not-verified': '?', 'inherited': '↗', 'not-applicable': '–'}
HOSTS_WITH_ANSWERS = 2
"""Of a check that fails on many hosts, the answers of so many are shown; all of them are on record."""


@dataclass(frozen=True)
class Shown:
    """A result as it is shown: hosts where a check said the same, and answers of the first of them.

    `at` is its place in the report. `elsewhere`: the clause under which its answers stand already.
    """

    name: str
    verdict: str
    reason: str
    hosts: str
    answers: tuple[tuple[str, tuple[Excerpt, ...]], ...] = ()
    more: bool = False
    elsewhere: str = ''


@dataclass(frozen=True)
class ShownProof:
    """A proof as it is shown: how many results of each verdict, and those that are no pass."""

    proof: ProofVerdict
    counts: tuple[tuple[str, int], ...]
    records: str
    shown: tuple[Shown, ...]


def render_page(assessment: Assessment, language: Language, excerpts: Excerpts = no_excerpts) -> str:
    """Given an assessment, a language and a way to answers, return the report as HTML. Raise AnlanError."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=_finalized,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    texts = words(language)
    shown = _shown_proofs(assessment, excerpts)
    chapters = assessment.by_chapter()
    names = [(getattr(chapter.title, language), _counts(judged)) for chapter, judged in chapters]
    environment.filters['word'] = lambda verdict: verdict_word(verdict, language)
    environment.filters['said'] = lambda said: getattr(said, language)
    return environment.get_template('report.html.j2').render(
        a=assessment, t=texts, language=language, lang={'zh': 'zh-CN', 'en': 'en'}[language],
        style=Markup((TEMPLATES / 'style.css').read_text(encoding='utf-8')),  # noqa: S704 - a file of ours
        picture=Markup(picture(names, language)),  # noqa: S704 - it escapes what it is given
        note=NO_OFFICIAL_RESULT, percent=percent, marks=MARKS, order=ORDER,
        when=f'{assessment.situation.now:%Y-%m-%d %H:%M:%S} UTC '
        f'({assessment.situation.now.astimezone(BEIJING):%Y-%m-%d %H:%M} UTC+8)',
        chapters=chapters, counts=_counts, shown=shown,
        failures={name: _failures(proofs) for name, proofs in shown.items()},
        failing=[each for each in assessment.verdicts if each.verdict == 'fail'],
        high_risk_downgraded=[
            each for each in assessment.verdicts if each.verdict == 'fail' and each.clause.may_be_downgraded
        ],
        high_risk_open=[
            each for each in assessment.verdicts
            if each.clause.high_risk and each.verdict in {'not-verified', 'stale'}
        ],
        records=sorted(
            {record.number: record for each in assessment.verdicts for record in each.records}.values(),
            key=lambda record: record.number,
        ),
    )  # fmt: skip


def _finalized(value: Any) -> Any:
    """Given what stands in the template's braces, return it with what a reader would not see made visible."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _counts(judged: Sequence[ClauseVerdict]) -> dict[str, int]:
    return {verdict: count for verdict in ORDER if (count := sum(each.verdict == verdict for each in judged))}


def _failures(proofs: Sequence[ShownProof]) -> int:
    """Return how many findings make these proofs fail; the same on several hosts is one."""
    of_checks = sum(each.verdict == 'fail' for row in proofs for each in row.shown)
    return of_checks + sum(row.proof.verdict == 'fail' and row.proof.record is not None for row in proofs)


def _shown_proofs(assessment: Assessment, excerpts: Excerpts) -> Mapping[str, tuple[ShownProof, ...]]:
    """Return the proofs of every clause as they are shown; answers stand once, where they come first."""
    places: dict[tuple[str, str], str] = {}
    return {
        # What nobody looked at has its reason already, and no results to show.
        each.clause.id: tuple(
            _shown_proof(each.clause.id, proof, excerpts, places) for proof in each.proofs if proof.records()
        )
        for each in assessment.verdicts
    }


def _shown_proof(
    clause: str, proof: ProofVerdict, excerpts: Excerpts, places: dict[tuple[str, str], str]
) -> ShownProof:
    same: dict[tuple[str, str, str], list[Found]] = {}
    for each in proof.found:
        if each.result.verdict in {'fail', 'not-verified'}:
            same.setdefault((each.result.verdict, each.result.name, each.result.reason), []).append(each)
    shown = []
    for (verdict, name, reason), found in sorted(same.items(), key=lambda item: (item[0][0], item[0][1])):
        hosts = grouped(each.result.host for each in found)
        if verdict != 'fail':
            shown.append(Shown(name, verdict, reason, hosts))
            continue
        first = places.setdefault((name, reason), clause)
        if first != clause:
            shown.append(Shown(name, verdict, reason, hosts, elsewhere=first))
            continue
        answers = [(each.result.host, tuple(excerpts(each))) for each in found[:HOSTS_WITH_ANSWERS]]
        kept = tuple(each for each in answers if each[1])
        shown.append(Shown(name, verdict, reason, hosts, kept, bool(kept) and len(found) > HOSTS_WITH_ANSWERS))
    counts = tuple(
        (verdict, count) for verdict in ORDER if (count := sum(each.result.verdict == verdict for each in proof.found))
    )
    numbers = ', '.join(map(str, sorted({record.number for record in proof.records()})))
    return ShownProof(proof, counts, numbers, tuple(shown))
