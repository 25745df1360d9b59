"""How far the copies are behind, as one host sees it: what it cannot know it does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backup.lag import log_lag, replica_lag, say
from backup.record import Lagged
from backup.replica import ReplicaView
from backup.task import HostPlan
from tests.unit.backup.policy_samples import NOW, PROMISES

VIEW = ReplicaView(NOW, True, 7, NOW - timedelta(seconds=1), 5000, 5000, 'streaming')
PLAN = HostPlan('sample', 'vault-1', (), PROMISES)


def test_a_replica_is_as_far_behind_as_the_leaders_last_word_is_old() -> None:
    assert replica_lag(VIEW) == 1.0
    cut_off = replace(VIEW, beaten=NOW - timedelta(minutes=20), status='none')
    assert replica_lag(cut_off) == 1200.0


def test_a_replica_whose_clock_is_a_little_behind_is_not_ahead_of_the_leader() -> None:
    assert replica_lag(replace(VIEW, beaten=NOW + timedelta(seconds=1))) == 0.0


def test_of_a_replica_that_does_not_answer_or_is_promoted_nothing_is_said() -> None:
    assert replica_lag(None) == 'the replica does not answer'
    assert replica_lag(replace(VIEW, in_recovery=False)) == 'the replica is promoted: it is a database of its own'


@pytest.mark.parametrize(
    ('answer', 'found'),
    [
        ('12.5', 12.5), ('-3', 0.0), ('follows', None), (None, 'the database does not answer'),
        ('never', 'nothing of its log was ever kept (never)'),
    ],
)  # fmt: skip
def test_the_leader_alone_says_how_old_the_newest_kept_piece_of_its_log_is(answer: str | None, found: object) -> None:
    assert log_lag(answer) == found


def test_a_measurement_is_told_for_each_policy_that_promises_a_copy_in_real_time() -> None:
    told: list[Lagged] = []
    assert say(PLAN, 'replica', 0.5, NOW, tell=lambda each: told.append(each)) is None
    assert say(PLAN, 'log', 30.0, NOW, tell=lambda each: told.append(each)) is None
    assert told == [
        Lagged('database', 'vault-1', 'offsite', NOW, 0.5), Lagged('database', 'vault-1', 'local', NOW, 30.0),
    ]  # fmt: skip


@pytest.mark.parametrize('found', ['the replica does not answer', None])
def test_without_a_measurement_nothing_is_told_but_the_reason(found: str | None) -> None:
    def never(_: Lagged) -> str | None:
        raise AssertionError('told')

    assert say(PLAN, 'replica', found, NOW, tell=never) == found


def test_a_journal_that_takes_nothing_is_said() -> None:
    assert say(PLAN, 'replica', 0.5, NOW, tell=lambda _: 'the journal is gone') == 'the journal is gone'
