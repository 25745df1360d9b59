"""Which backups a retention keeps: by last, day, week, month, year and age, and with each all that it builds on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from anlan.errors import BadInput
from backup.engines.pgbackrest_info import Backup
from backup.port import Retention

PERIODS: tuple[tuple[str, Callable[[datetime], str]], ...] = (
    ('daily', lambda moment: moment.strftime('%Y-%m-%d')),
    ('weekly', lambda moment: moment.strftime('%G-%V')),
    ('monthly', lambda moment: moment.strftime('%Y-%m')),
    ('yearly', lambda moment: moment.strftime('%Y')),
)


def kept(backups: Sequence[Backup], policy: str, retention: Retention, now: datetime) -> frozenset[str]:
    """Given all backups, a policy and its retention, return the labels that stay.

    Those of other policies stay, the newest of the policy always does, and whatever a kept one builds on.
    Raise BadInput if the retention keeps nothing.
    """
    if not any((retention.last, retention.within_days, *(getattr(retention, name) for name, _ in PERIODS))):
        raise BadInput(f'{policy}: a retention that keeps nothing is refused')
    own = sorted((each for each in backups if each.notes.get('policy') == policy), key=lambda each: each.ended)
    stay = {each.label for each in backups if each not in own}
    newest_first = own[::-1]
    stay |= {each.label for each in newest_first[: max(1, retention.last)]}
    stay |= {each.label for each in own if now - each.ended <= timedelta(days=retention.within_days)}
    for name, period in PERIODS:
        seen: set[str] = set()
        for each in newest_first:
            if len(seen) >= getattr(retention, name):
                break
            if period(each.ended) not in seen:
                seen.add(period(each.ended))
                stay.add(each.label)
    by_label = {each.label: each for each in backups}
    waiting = list(stay)
    while waiting:
        each = by_label[waiting.pop()]
        for label in (*each.references, each.prior):
            if label and label in by_label and label not in stay:
                stay.add(label)
                waiting.append(label)
    return frozenset(stay)


def order_of_removal(backups: Sequence[Backup], stay: frozenset[str]) -> tuple[str, ...]:
    """Given all backups and what stays, return what goes, those that others build on last."""
    going = [each for each in backups if each.label not in stay]
    return tuple(each.label for each in sorted(going, key=lambda each: each.ended, reverse=True))
