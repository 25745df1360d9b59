"""The lag of the replica off-site, judged from what both sides said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backup.failure import BackupFailed
from backup.replica import LeaderView, ReplicaView, judge, leader_question, leader_view, replica_view

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
LEADER = LeaderView(NOW, 100, NOW - timedelta(seconds=0.5), 5000, 'async', 'reserved')
REPLICA = ReplicaView(NOW, True, 98, NOW - timedelta(seconds=2.5), 4900, 4800, 'streaming')


def test_seconds_bytes_and_changes_are_told() -> None:
    found = judge(LEADER, REPLICA)
    assert (found.seconds, found.received_bytes, found.replayed_bytes, found.changes) == (2.0, 100, 200, 2)
    assert found.problems == ()


def test_a_replica_read_after_the_leader_is_never_ahead() -> None:
    found = judge(LEADER, replace(REPLICA, number=101, beaten=NOW, received=6000, replayed=6000))
    assert (found.seconds, found.received_bytes, found.replayed_bytes, found.changes) == (0.0, 0, 0, 0)


def test_without_a_heartbeat_no_seconds_are_claimed() -> None:
    found = judge(replace(LEADER, beaten=NOW - timedelta(seconds=60)), REPLICA)
    assert found.seconds is None
    assert 'nobody writes it' in found.problems[0]


@pytest.mark.parametrize(
    ('leader', 'replica', 'words'),
    [
        (LEADER, replace(REPLICA, in_recovery=False), 'promoted'),
        (LEADER, replace(REPLICA, status='none'), 'receives nothing'),
        (replace(LEADER, synchronous='quorum'), REPLICA, 'counts as synchronous'),
        (replace(LEADER, slot='lost'), REPLICA, 'slot: lost'),
        (None, REPLICA, 'leader does not answer'),
        (LEADER, None, 'replica does not answer'),
    ],
)
def test_what_is_wrong_is_said(leader: LeaderView | None, replica: ReplicaView | None, words: str) -> None:
    assert any(words in problem for problem in judge(leader, replica).problems)


def test_without_the_leader_the_age_of_its_last_word_is_the_lag() -> None:
    assert judge(None, REPLICA).seconds == 2.5


@pytest.mark.parametrize('text', ['', 'x', '[]', '{}', '{"now": "soon"}'])
def test_an_answer_that_is_not_understood_is_refused(text: str) -> None:
    for read in (leader_view, replica_view):
        with pytest.raises(BackupFailed):
            read(text)


def test_a_name_cannot_leave_its_quotes() -> None:
    assert "'vault''; DROP'" in leader_question("vault'; DROP")
