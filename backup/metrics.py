"""Metrics of the backups as OpenMetrics text, from the same records and states that people are shown. Pure.

What is not known has no sample: an alert on absence speaks then, never a zero that looks like health.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from backup.failure import ExitClass
from backup.judgement import LAG_SEEN_SECONDS, LOOK_SECONDS, present
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
)
from backup.status import WORST, PolicyStatus
from backup.task import Promise

PREFIX = 'anlan_backup_'
CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
Type = Literal['gauge', 'counter']


@dataclass
class Family:
    """A metric: its name without prefix, type, help, unit, and samples by labels."""

    name: str
    type: Type
    help: str
    unit: str = ''
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def add(self, value: float | None, **labels: str) -> None:
        """Given a value and labels, have it in the text; None is not known and is left out."""
        if value is not None:
            self.samples[tuple(sorted(labels.items()))] = value


def exposition(
    promises: Sequence[Promise],
    statuses: Sequence[PolicyStatus],
    records: Sequence[Record],
    now: datetime,
    refused: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> str:
    """Given promises, states, records and the time, return the text. It ends with `# EOF`, so a cut one is seen.

    `refused`: how many records were not believed, by who sent them and why. A record of the future says nothing here.
    """
    records = present(records, now)
    families = [
        *_of_states(promises, statuses),
        *_of_places(records, now),
        *_of_lags(records, now),
        *_of_ends(records),
        *_of_plantings(records),
    ]
    written = Family('written_timestamp_seconds', 'gauge', 'When this was written.', 'seconds')
    written.add(now.timestamp())
    return render([*families, _of_refusals(refused), written])


def render(families: Iterable[Family]) -> str:
    """Given families, return them as OpenMetrics text; one without a sample tells its type all the same."""
    lines = []
    for family in families:
        name = PREFIX + family.name
        lines.append(f'# TYPE {name} {family.type}')
        if family.unit:
            lines.append(f'# UNIT {name} {family.unit}')
        lines.append(f'# HELP {name} {_escaped(family.help)}')
        suffix = '_total' if family.type == 'counter' else ''
        for labels, value in sorted(family.samples.items()):
            inside = ','.join(f'{label}="{_escaped(text)}"' for label, text in labels)
            lines.append(f'{name}{suffix}{f"{{{inside}}}" if inside else ""} {_number(value)}')
    return '\n'.join([*lines, '# EOF', ''])


def _of_states(promises: Sequence[Promise], statuses: Sequence[PolicyStatus]) -> list[Family]:
    success = Family('last_success_timestamp_seconds', 'gauge', 'When something was last kept.', 'seconds')
    first = Family('first_success_timestamp_seconds', 'gauge', 'When something was first kept.', 'seconds')
    restored = Family(
        'last_verified_restore_timestamp_seconds', 'gauge', 'When a restore was last found right.', 'seconds'
    )
    age = Family('recovery_point_age_seconds', 'gauge', 'Age of what would be had back from a place now.', 'seconds')
    point = Family('promised_recovery_point_seconds', 'gauge', 'How much may be lost at most.', 'seconds')
    time = Family('promised_recovery_time_seconds', 'gauge', 'How long a restore may take.', 'seconds')
    took = Family(
        'measured_recovery_time_seconds', 'gauge', 'The slowest of the last ten verified restores.', 'seconds'
    )
    state = Family('state', 'gauge', '1 for the state that a policy is in, 0 for the others.')
    follow = Family('promised_real_time_lag_seconds', 'gauge', 'How far a copy in real time may be behind.', 'seconds')
    for promise in promises:
        follow.add(promise.real_time_lag_seconds, policy=promise.policy)
        point.add(promise.recovery_point_seconds, policy=promise.policy)
        time.add(promise.recovery_time_seconds, policy=promise.policy)
    for each in statuses:
        first.add(_stamp(each.first_success), policy=each.name)
        success.add(_stamp(each.last_success), policy=each.name)
        restored.add(_stamp(each.last_verified_restore), policy=each.name)
        took.add(each.measured_recovery_time_seconds, policy=each.name)
        for place, seconds in each.recovery_point_ages.items():
            age.add(seconds, policy=each.name, place=place)
        for name in WORST:
            state.add(float(name == each.state), policy=each.name, state=name)
    return [state, first, success, restored, age, point, time, took, follow]


def _of_places(records: Sequence[Record], now: datetime) -> list[Family]:
    """A look that is too old says nothing of a place now, so its numbers are left out."""
    snapshots = Family('snapshots', 'gauge', 'Snapshots that can be restored.')
    source = Family('source_bytes', 'gauge', 'What the snapshots would take restored.', 'bytes')
    stored = Family('stored_bytes', 'gauge', 'What the snapshots take stored.', 'bytes')
    lock = Family('lock_age_seconds', 'gauge', 'Since when somebody holds the repository; 0, nobody does.', 'seconds')
    used = Family('place_used_ratio', 'gauge', 'How full a place is.', 'ratio')
    looked = Family('looked_timestamp_seconds', 'gauge', 'When a place was last looked at.', 'seconds')
    last: dict[tuple[str, str, str], Looked] = {}
    for each in sorted((each for each in records if isinstance(each, Looked)), key=lambda each: each.at):
        last[each.policy, each.host, each.place] = each
    fullest: dict[str, float] = {}
    for (policy, host, place), look in last.items():
        labels = {'policy': policy, 'host': host, 'place': place}
        looked.add(look.at.timestamp(), **labels)
        if (now - look.at).total_seconds() > LOOK_SECONDS:
            continue
        snapshots.add(look.snapshots, **labels)
        source.add(look.source_bytes, **labels)
        stored.add(look.stored_bytes, **labels)
        lock.add(look.lock_age_seconds, **labels)
        if look.used_share is not None:
            fullest[place] = max(fullest.get(place, 0.0), look.used_share)
    for place, share in fullest.items():
        used.add(share, place=place)
    return [snapshots, source, stored, lock, used, looked]


def _of_lags(records: Sequence[Record], now: datetime) -> list[Family]:
    seconds = Family('real_time_lag_seconds', 'gauge', 'How far the copy in real time is behind.', 'seconds')
    rows = Family('real_time_lag_rows', 'gauge', 'Rows that the copy in real time lacks.')
    last: dict[tuple[str, str], Lagged] = {}
    for each in sorted((each for each in records if isinstance(each, Lagged)), key=lambda each: each.at):
        last[each.policy, each.place] = each
    for (policy, place), lag in last.items():
        if (now - lag.at).total_seconds() <= LAG_SEEN_SECONDS:
            seconds.add(max(0.0, lag.seconds), policy=policy, place=place)
            rows.add(lag.rows, policy=policy, place=place)
    return [seconds, rows]


def _of_ends(records: Sequence[Record]) -> list[Family]:
    code = Family('last_exit_code', 'gauge', 'Exit code of the last of its kind; 0, it did what it should.')
    took = Family('last_duration_seconds', 'gauge', 'How long the last of its kind took.', 'seconds')
    damage = Family('damage_found', 'gauge', 'What the last look at a place found wrong with what it holds.')
    last: dict[tuple[str, str, str, str], Ended] = {}
    for each in sorted((each for each in records if isinstance(each, Ended)), key=lambda each: each.ended):
        last[each.policy, each.host, each.place, _what(each)] = each
    codes = {each.word: each.value for each in ExitClass}
    for (policy, host, place, what), end in last.items():
        labels = {'policy': policy, 'host': host, 'place': place, 'what': what}
        code.add(0 if end.failure is None else codes[end.failure], **labels)
        took.add(end.seconds, **labels)
        if isinstance(end, VerificationEnded):
            damage.add(len(end.problems), **labels)
    return [code, took, damage]


def _of_plantings(records: Sequence[Record]) -> list[Family]:
    """Counted over the records that there are; when old ones are cut away, it starts anew like any counter."""
    planted = Family('corruption_planted', 'counter', 'Damage planted to see whether the checks see it.')
    caught = Family('corruption_caught', 'counter', 'Planted damage that a check saw.')
    missed = Family('corruption_missed', 'gauge', 'Kinds of damage that the last planting of a policy did not see.')
    sums: dict[tuple[str, str], list[int]] = {}
    for each in sorted((each for each in records if isinstance(each, PlantingEnded)), key=lambda each: each.ended):
        for kind in each.planted:
            count = sums.setdefault((each.policy, kind), [0, 0])
            count[0] += 1
            count[1] += kind in each.caught
        missed.add(len(each.missed), policy=each.policy)
    for (policy, kind), (many, seen) in sums.items():
        planted.add(many, policy=policy, damage=kind)
        caught.add(seen, policy=policy, damage=kind)
    return [planted, caught, missed]


def _of_refusals(refused: Mapping[tuple[str, str], int]) -> Family:
    family = Family('records_refused', 'counter', 'Records that were not believed, by who sent them and why.')
    for (host, reason), count in refused.items():
        family.add(count, host=host, reason=reason)
    return family


def _what(end: Ended) -> str:
    kinds: Mapping[type[Ended], str] = {
        CopyEnded: 'copy', RunEnded: 'run', RestoreEnded: 'restore', PlantingEnded: 'planting', StolenEnded: 'stolen',
    }  # fmt: skip
    return kinds.get(type(end), getattr(end, 'depth', 'forget'))


def _stamp(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _escaped(text: str) -> str:
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')


def _number(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        raise ValueError('a metric that is no number')
    return str(int(value)) if float(value).is_integer() else repr(float(value))
