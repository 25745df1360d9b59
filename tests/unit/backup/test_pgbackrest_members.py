"""A backup is taken from a replica that is fit, never from one that lags, and says from where and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backup.engines.pgbackrest_members import Limits, choose, member_of, source_of
from backup.failure import BackupFailed, ExitClass

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
LIMITS = Limits(16_000_000, 30)


def replica(name: str, location: int, seconds: float = 1, **more: Any) -> Any:
    stamp = (NOW - timedelta(seconds=seconds)).isoformat()
    said = {
        'role': 'replica', 'state': 'running', 'replication_state': 'streaming',
        'xlog': {'replayed_location': location, 'replayed_timestamp': stamp},
    }  # fmt: skip
    return member_of(name, said | more)


def leader(name: str = 'db-1', location: int = 100_000_000) -> Any:
    return member_of(name, {'role': 'primary', 'state': 'running', 'xlog': {'location': location}})


def test_the_nearest_replica_that_is_fit_is_read() -> None:
    found = choose([leader(), replica('db-2', 90_000_000), replica('db-3', 99_000_000)], [], LIMITS, NOW)
    assert (found.leader, found.replica, found.source) == ('db-1', 'db-3', 'db-3')


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (replica('db-2', 50_000_000), 'db-2 lags 50.0 MB, above 16.0 MB'),
        (replica('db-2', 99_999_000, 90), 'db-2 lags 90 s, above 30 s'),
        (replica('db-2', 100_000_000, replication_state='in archive recovery'), 'db-2 does not follow the leader'),
        (replica('db-2', 100_000_000, state='starting'), 'db-2 is starting'),
    ],
)
def test_a_replica_that_is_not_fit_leaves_the_leader_and_the_reason(bad: Any, reason: str) -> None:
    found = choose([leader(), bad], [], LIMITS, NOW)
    assert (found.replica, found.source) == (None, 'db-1')
    assert found.reason == f'from the leader: {reason}'


def test_where_nothing_is_written_an_old_change_is_no_lag() -> None:
    assert choose([leader(), replica('db-2', 100_000_000, 9000)], [], LIMITS, NOW).replica == 'db-2'


def test_one_that_does_not_answer_is_named() -> None:
    found = source_of(['db-1', 'db-2'], LIMITS, {'db-1': {'role': 'primary', 'state': 'running'}}.get)
    assert found.reason == 'from the leader: db-2 does not answer'


@pytest.mark.parametrize('members', [[], [replica('db-2', 1)], [leader(), leader('db-2')]])
def test_without_one_leader_nothing_is_backed_up(members: list[Any]) -> None:
    with pytest.raises(BackupFailed) as failed:
        choose(members, ['db-9'], LIMITS, NOW)
    assert failed.value.exit_class is ExitClass.NO_SOURCE
