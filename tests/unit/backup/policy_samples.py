"""A platform's backups over six weeks, made up: promises, records, and what the places hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from backup.judgement import judge
from backup.policies_file import load_policies
from backup.policy import Policy
from backup.record import (
    Begun,
    CopyEnded,
    Lagged,
    Looked,
    PlantingEnded,
    Record,
    RestoreEnded,
    RunEnded,
    StolenEnded,
    VerificationEnded,
)
from backup.schedule import plans, promise_of
from backup.status import PolicyStatus
from backup.task import HostPlan, Promise

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOSTS = {
    'operations': ('ops-1',), 'data': ('db-1', 'db-2', 'db-3'), 'app': ('app-1', 'app-2'),
    'monitoring': ('mon-1', 'mon-2'), 'offsite': ('vault-1',), 'operator': ('ops-1',),
}  # fmt: skip
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
POLICIES = load_policies()
PROMISES = tuple(promise_of(policy, HOSTS) for policy in POLICIES if policy.planned is None)


def policy(name: str) -> Policy:
    """Given a name, return the policy."""
    return next(each for each in POLICIES if each.name == name)


def promise(name: str) -> Promise:
    """Given a policy's name, return what it promises."""
    return next(each for each in PROMISES if each.policy == name)


def host_plans() -> dict[str, HostPlan]:
    """Return what each host of the platform does."""
    return plans('sample', POLICIES, HOSTS)


def end(ago: timedelta, seconds: float = 30.0, **changes: Any) -> dict[str, Any]:
    """Given how long ago something ended and how long it took, return what every end tells."""
    at = NOW - ago
    given = {
        'identity': f'{at.timestamp():.0f}', 'policy': 'media', 'host': 'app-1', 'place': 'local',
        'began': at - timedelta(seconds=seconds), 'ended': at, 'failure': None, 'sentence': '',
    }  # fmt: skip
    return given | changes


def run(ago: timedelta, seconds: float = 30.0, **changes: Any) -> RunEnded:
    """Given how long ago a run ended, return its record: it kept something, unless changes say otherwise."""
    given = end(ago, seconds, **changes)
    return RunEnded(
        **{'snapshot': 'a' * 64, 'recovery_point': given['began'], 'source_bytes': 10**9, 'files': 10} | given
    )


def look(ago: timedelta, **changes: Any) -> Looked:
    """Given how long ago a place was looked at, return the record: its newest snapshot is half an hour older."""
    at = NOW - ago
    given = {
        'policy': 'media', 'host': 'app-1', 'place': 'local', 'at': at, 'snapshots': 12, 'newest': at - 30 * MINUTE,
        'source_bytes': 9 * 10**9, 'stored_bytes': 10**9, 'lock_age_seconds': 0.0, 'used_share': 0.4,
    }  # fmt: skip
    return Looked(**given | changes)


def restore(ago: timedelta, seconds: float = 40.0, **changes: Any) -> RestoreEnded:
    """Given how long ago a restore ended, return its record: what came back was compared, and is right."""
    given = end(ago, seconds, host='ops-1', **changes)
    default = {
        'snapshot': 'a' * 64, 'recovery_point': given['began'] - 40 * MINUTE, 'restored_bytes': 10**9, 'files': 10,
        'checks': 12, 'problems': (),
    }  # fmt: skip
    return RestoreEnded(**default | given)


def drilled(ago: timedelta, **changes: Any) -> StolenEnded:
    """Given how long ago a drill of stolen credentials ended, return its record: it passed, unless changes say no."""
    given = end(ago, host='ops-1', place='offsite', **changes)
    default = {'objects': 2, 'overwritten': 2, 'deleted': 2, 'tried': 9, 'refused': 9, 'checks': 3}
    return StolenEnded(**default | given)


def well(given: Promise) -> list[Record]:
    """Given a promise, return records with which it is kept."""
    hosts = given.each_of + given.any_of[:1] or ('ops-1',)
    name = given.policy
    records: list[Record] = []
    for host in hosts:
        records.append(run(40 * MINUTE, policy=name, host=host))
        records += [look(10 * MINUTE, policy=name, host=host, place=place) for place in given.places]
    for place in given.places:
        common = {'policy': name, 'host': 'ops-1', 'place': place}
        records.append(VerificationEnded(**end(8 * HOUR, **common), depth='structure', problems=(), read_bytes=1))
        records.append(VerificationEnded(**end(3 * DAY, **common), depth='data', problems=(), read_bytes=10**8))
        if given.real_time_lag_seconds is not None:
            records.append(Lagged(name, 'ops-1', place, NOW - MINUTE, 0.4, 0))
    common = {'policy': name, 'host': 'ops-1', 'place': 'offsite'}
    records.append(VerificationEnded(**end(5 * HOUR, **common), depth='equality', problems=(), read_bytes=0))
    records.append(CopyEnded(**end(20 * MINUTE, **common)))
    records.append(PlantingEnded(**end(3 * DAY, **common), planted=('flipped-byte',), caught=('flipped-byte',)))
    ago = 4 * DAY
    lost = 40 * MINUTE if given.real_time_lag_seconds is None else timedelta(seconds=20)
    records.append(restore(ago, policy=name, recovery_point=NOW - ago - timedelta(seconds=40) - lost))
    return records


def judged(name: str, records: list[Record], **options: Any) -> PolicyStatus:
    """Given a policy's name and records, return its state."""
    return judge([promise(name)], records, NOW, **options)[0]


def six_weeks() -> list[Record]:
    """Return six weeks of records of all policies, with some that went wrong."""
    records: list[Record] = []
    grow: dict[str, Callable[[int], float]] = {
        'media': lambda day: 4e9 + 6e7 * day,
        'records': lambda day: 3e8 + 3e7 * day,
    }
    for number, given in enumerate(PROMISES):
        records += [each for each in well(given) if not isinstance(each, Looked)]
        size: Callable[[int], float] = grow.get(
            given.policy, lambda day, number=number: (8e7 + 2e6 * day) * (number + 1)
        )
        hosts = given.each_of + given.any_of[:1] or ('ops-1',)
        for hours in range(42 * 24 + 2, 0, -24):
            day = hours / 24
            for host in hosts:
                source = int(size(int(42 - day)))
                for place, share in (('local', 1.0), ('offsite', 1.03)):
                    records.append(
                        look((hours - 1) * HOUR, policy=given.policy, host=host, place=place, source_bytes=source * 9,
                             stored_bytes=int(source * share))
                    )  # fmt: skip
        for week in range(11, 0, -1):
            records.append(
                restore(week * 7 * DAY - 3 * DAY, 12 + 9 * number + week, policy=given.policy,
                        place=('local', 'offsite')[week % 2], restored_bytes=int(size(10)),
                        choice=('newest', 'random')[given.real_time_lag_seconds is not None])
            )  # fmt: skip
    records.append(restore(2 * DAY, 31.0, policy='media', place='offsite', problems=('lesson-3: sha256 differs',)))
    records.append(restore(2 * DAY, 3.0, policy='etcd', failure='unreachable', sentence='vault-1 does not answer',
                           recovery_point=None, checks=0, restored_bytes=0))  # fmt: skip
    records.append(Begun('never-ended', 'run', 'records', 'mon-2', 'local', NOW - 9 * HOUR))
    return records
