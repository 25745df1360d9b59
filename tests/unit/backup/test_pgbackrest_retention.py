"""What a retention keeps, and that nothing kept loses what it builds on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from anlan.errors import BadInput
from backup.engines.pgbackrest_info import Backup
from backup.engines.pgbackrest_retention import kept, order_of_removal
from backup.port import Retention
from backup.retention_class import horizon_days

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def backup(label: str, days: float, prior: str | None = None, policy: str = 'database') -> Backup:
    ended = NOW - timedelta(days=days)
    return Backup(
        label, 'incremental' if prior else 'full', ended, ended, prior, (prior,) if prior else (), '', '', '', '17-1',
        1, 1, 1, False, {'policy': policy},
    )  # fmt: skip


ALL = (
    backup('A', 30), backup('A1', 29, 'A'), backup('B', 14), backup('B1', 13, 'B'),
    backup('C', 2), backup('C1', 1, 'C'),
)  # fmt: skip


def test_an_incremental_keeps_the_full_one_that_it_builds_on() -> None:
    assert kept(ALL, 'database', Retention(last=1), NOW) == {'C', 'C1'}


def test_all_of_the_last_days_stay() -> None:
    assert kept(ALL, 'database', Retention(within_days=14), NOW) == {'B', 'B1', 'C', 'C1'}


def test_of_each_month_the_newest_stays() -> None:
    assert kept(ALL, 'database', Retention(monthly=2), NOW) == {'A', 'A1', 'C', 'C1'}


def test_the_newest_stays_whatever_its_age() -> None:
    assert kept(ALL[:2], 'database', Retention(within_days=1), NOW) == {'A', 'A1'}


def test_backups_of_other_policies_are_left_alone() -> None:
    assert 'X' in kept((*ALL, backup('X', 400, policy='other')), 'database', Retention(last=1), NOW)


def test_a_retention_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(BadInput):
        kept(ALL, 'database', Retention(), NOW)


def test_what_others_build_on_goes_last() -> None:
    assert order_of_removal(ALL, frozenset({'C', 'C1'})) == ('B1', 'B', 'A1', 'A')


@pytest.mark.parametrize(
    ('retention', 'last_of_period'),
    [
        (Retention(weekly=4), (2026, 6, 7)), (Retention(monthly=4), (2026, 1, 31)),
        (Retention(monthly=12), (2026, 2, 28)), (Retention(yearly=3), (2022, 12, 31)),
    ],
)  # fmt: skip
def test_the_last_of_a_period_stays_as_long_as_is_said_and_hardly_longer(
    retention: Retention, last_of_period: tuple[int, int, int]
) -> None:
    first = datetime(*last_of_period, tzinfo=UTC)

    def stays(days: int) -> bool:
        given = tuple(backup(str(number), (NOW - first).days - number) for number in range(days + 1))
        return '0' in kept(given, 'database', retention, NOW)

    assert stays(horizon_days(retention))
    assert not stays(horizon_days(retention) + 8)
