"""The page: one HTML file that needs no network and no script. What hosts wrote is text in it, no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backup.coverage import Exemption
from backup.judgement import LAST_RESTORES
from backup.policy import Policy
from backup.record import Looked, PlantingEnded, Record, RestoreEnded, StolenEnded
from backup.report.calendar_words import said
from backup.report.picture import Size, restores, sizes
from backup.report.words import Language, size, span, words
from backup.retention_class import BOUNDS, kept_for
from backup.status import WORST, PolicyStatus

TEMPLATES = Path(__file__).parent / 'templates'
BEIJING = timezone(timedelta(hours=8), 'UTC+8')
MARKS = {'ok': '✓', 'unproven': '○', 'late': '◷', 'failed': '✗', 'never': '∅', 'planned': '…'}
UNSEEN = re.compile(
    '[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]'
)
"""What a reader would not see, or would see out of order."""


@dataclass(frozen=True)
class Found:
    """All that the report is made from."""

    platform: str
    now: datetime
    policies: tuple[Policy, ...]
    statuses: tuple[PolicyStatus, ...]
    records: tuple[Record, ...]
    exemptions: tuple[Exemption, ...]


@dataclass(frozen=True)
class Shown:
    """A policy as it is shown."""

    policy: Policy
    status: PolicyStatus | None
    kept: str
    restores: Markup | None
    sizes: Markup | None
    last_sizes: tuple[tuple[str, str, str, str], ...]
    planted: int
    caught: int
    sharing: tuple[str, ...]
    stolen: StolenEnded | None

    @property
    def state(self) -> str:
        """Return its state, `planned` for one that does not run yet."""
        return 'planned' if self.policy.planned is not None else 'never' if self.status is None else self.status.state


def render_page(found: Found, language: Language) -> str:
    """Given what was found and a language, return the report as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=_finalized,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    statuses = {each.name: each for each in found.statuses}
    shown = tuple(_shown(policy, statuses.get(policy.name), found, language) for policy in found.policies)
    environment.filters['said'] = lambda text: getattr(text, language)
    environment.filters['span'] = lambda seconds: span(seconds, language)
    environment.filters['size'] = size
    environment.filters['choice'] = lambda policy, done: _choice(policy, done, language)
    environment.filters['calendar'] = lambda text: said(text, language)
    environment.filters['at'] = lambda at: '–' if at is None else f'{at.astimezone(UTC):%Y-%m-%d %H:%M}'
    return environment.get_template(
        'report.html.j2'
    ).render(
        found=found,
        t=words(language),
        language=language,
        lang={'zh': 'zh-CN', 'en': 'en'}[language],
        style=Markup((TEMPLATES / 'style.css').read_text(encoding='utf-8')),  # noqa: S704 - a file of ours
        marks=MARKS,
        when=f'{found.now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC '
        f'({found.now.astimezone(BEIJING):%Y-%m-%d %H:%M} UTC+8)',
        shown=shown,
        counts={state: sum(each.state == state for each in shown) for state in (*reversed(WORST), 'planned')},
        last_restores=sorted(
            ((each, done) for each in shown if each.status for done in each.status.restores),
            key=lambda pair: pair[1].ended,
            reverse=True,
        )[:LAST_RESTORES],
    )


def _shown(policy: Policy, status: PolicyStatus | None, found: Found, language: Language) -> Shown:
    own = [each for each in found.records if each.policy == policy.name]
    title = getattr(policy.title, language)
    done: Sequence[RestoreEnded] = status.restores if status is not None else ()
    looks = daily_sizes([each for each in own if isinstance(each, Looked)])
    plantings = [each for each in own if isinstance(each, PlantingEnded)]
    days = kept_for(policy.keep.retention(), language)
    bounds = BOUNDS[policy.keep.retention_class]
    because = bounds.because_zh if language == 'zh' else bounds.because_en
    kept = f'{days}；要求：{because}' if language == 'zh' else f'{days}; required: {because}'
    last = {each.place: each for each in looks}
    return Shown(
        policy=policy,
        status=status,
        kept=kept,
        restores=_markup(restores(done, policy.recovery_time_seconds, language, title)) if done else None,
        sizes=_markup(sizes(looks, language, title)) if looks else None,
        last_sizes=tuple(
            (
                place, size(look.source_bytes), size(look.stored_bytes),
                f'{look.source_bytes / look.stored_bytes:.1f} ×' if look.stored_bytes else '–',
            )
            for place, look in sorted(last.items())
        ),
        planted=sum(len(each.planted) for each in plantings),
        sharing=tuple(
            getattr(other.title, language)
            for other in found.policies
            if other is not policy and other.repository == policy.repository
        ),
        stolen=max((each for each in own if isinstance(each, StolenEnded)), key=lambda each: each.ended, default=None),
        caught=sum(len(set(each.caught) & set(each.planted)) for each in plantings),
    )  # fmt: skip


def daily_sizes(looks: Sequence[Looked]) -> list[Size]:
    """Given looks at a policy, return for each day and place the sum over its hosts of the last look of the day.

    A host that nobody looked at on a day stands with its look of the day before.
    """
    days = sorted({each.at.astimezone(UTC).date() for each in looks})
    last: dict[tuple[str, str], Looked] = {}
    found: list[Size] = []
    ordered = sorted(looks, key=lambda each: each.at)
    for day in days:
        for each in ordered:
            if each.at.astimezone(UTC).date() == day:
                last[each.place, each.host] = each
        for place in sorted({place for place, _ in last}):
            there = [look for (own, _), look in last.items() if own == place]
            found.append(
                Size(
                    datetime(day.year, day.month, day.day, tzinfo=UTC), place,
                    sum(each.source_bytes for each in there), sum(each.stored_bytes for each in there),
                )
            )  # fmt: skip
    return found


def _choice(policy: Policy, done: RestoreEnded, language: Language) -> str:
    """Given a policy and a restore of it, return in words what was restored: a dash where it failed before it chose."""
    if done.choice == 'newest' and done.snapshot is None:
        return '–'
    with_log = done.choice == 'newest' and policy.engine == 'pgbackrest'
    return words(language).get('choice_newest_with_log' if with_log else f'choice_{done.choice}', done.choice)


def _markup(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - it escapes what it is given


def _finalized(value: Any) -> Any:
    """Given what stands in the template's braces, return it with what a reader would not see made visible."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return UNSEEN.sub(lambda found: f'⟨U+{ord(found.group()):04X}⟩', value)
    return value
