"""What matters of records: those that still decide a state or a number. All others may go. Pure.

The judgement and the metrics of what is left are those of all; a test holds both against each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from backup.judgement import LAST_RESTORES, is_ahead
from backup.record import (
    CopyEnded,
    Ended,
    Lagged,
    Looked,
    PlantingEnded,
    Record,
    RestoreEnded,
    RunEnded,
    StolenEnded,
    VerificationEnded,
    moment_of,
    unfinished,
)

PLANTINGS = 512
"""Of each policy; the counters of planted damage go over so many. One a week and host: years."""

UNFINISHED = 4
"""Of each policy, host and place, the oldest and the newest of what began and has no end."""

_Kind = TypeVar('_Kind', bound=Record | Ended)


def mattering(records: Sequence[Record], now: datetime) -> list[Record]:
    """Given records in the order in which they came, and the time, return those that matter, in the same order."""
    distinct = list(dict.fromkeys(records))
    past = [each for each in distinct if not is_ahead(each, now)]
    kept = {*_of_past(past), *_ahead(distinct, now)}
    return [each for each in distinct if each in kept]


def _of_past(records: Sequence[Record]) -> Iterable[Record | Ended]:
    looks, lags, ends = _of(records, Looked), _of(records, Lagged), _of(records, Ended)
    yield from _newest(looks, lambda each: (each.policy, each.host, each.place))
    yield from _newest(lags, lambda each: (each.policy, each.place))
    yield from _newest(ends, _what)
    good = [each for each in _of(records, RunEnded) if not isinstance(each, CopyEnded) and _kept_something(each)]
    yield from _newest(good, lambda each: (each.policy, each.host))
    yield from _newest(good, lambda each: each.policy, oldest=True)
    checks = [each for each in _of(records, VerificationEnded) if each.failure is None and not each.problems]
    yield from _newest(checks, lambda each: (each.policy, each.place, each.depth))
    yield from _restores(_of(records, RestoreEnded))
    plantings = _of(records, PlantingEnded)
    yield from _newest(plantings, lambda each: each.policy, PLANTINGS)
    whole = [each for each in plantings if each.failure is None and each.planted and not each.missed]
    yield from _newest(whole, lambda each: each.policy)
    drills = _of(records, StolenEnded)
    yield from _newest(drills, lambda each: each.policy)
    yield from _newest([each for each in drills if each.verdict == 'pass'], lambda each: each.policy)
    yield from _begun(records, ends)


def _restores(restores: Sequence[RestoreEnded]) -> Iterable[Record]:
    verified = [each for each in restores if each.verified]
    yield from _newest(restores, lambda each: each.policy, LAST_RESTORES)
    yield from _newest(verified, lambda each: each.policy, LAST_RESTORES)
    telling = [each for each in verified if each.choice == 'newest' and each.lost_seconds is not None]
    yield from _newest(telling, lambda each: each.policy)


def _begun(records: Sequence[Record], ends: Sequence[Ended]) -> Iterable[Record]:
    """Yield what began and neither ended nor was followed by anything that began later."""
    latest: dict[tuple[str, str, str], datetime] = {}
    for end in ends:
        key = end.policy, end.host, end.place
        latest[key] = max(end.began, latest.get(key, end.began))
    open_ones = [
        each
        for each in unfinished(tuple(records))
        if (each.policy, each.host, each.place) not in latest or latest[each.policy, each.host, each.place] <= each.at
    ]
    yield from _newest(open_ones, lambda each: (each.policy, each.host, each.place), UNFINISHED)
    yield from _newest(open_ones, lambda each: (each.policy, each.host, each.place), UNFINISHED, oldest=True)


def _ahead(records: Sequence[Record], now: datetime) -> Iterable[Record]:
    """Yield the last of its kind that came, where that is of the future.

    One that is followed by another, of a clock that was put right since, says nothing any more.
    """
    last: dict[Hashable, Record] = {}
    for each in records:
        last[_what(each)] = each
    return (each for each in last.values() if is_ahead(each, now))


def _what(record: Record | Ended) -> Hashable:
    return type(record), record.policy, record.host, record.place, getattr(record, 'depth', getattr(record, 'what', ''))


def _kept_something(run: RunEnded) -> bool:
    return run.recovery_point is not None and run.failure in {None, 'incomplete'}


def _of(records: Sequence[Record], kind: type[_Kind]) -> list[_Kind]:
    return [each for each in records if isinstance(each, kind)]


def _newest(
    records: Sequence[_Kind], key: Callable[[_Kind], Hashable], count: int = 1, *, oldest: bool = False
) -> Iterable[_Kind]:
    """Given records and what they are told apart by, yield so many of each, by their moments."""
    groups: dict[Hashable, list[_Kind]] = defaultdict(list)
    # A stable order: of two of one moment, what came last is the newer one, as in the judgement.
    for each in sorted(records, key=moment_of):
        groups[key(each)].append(each)
    for group in groups.values():
        yield from group[:count] if oldest else group[-count:]
