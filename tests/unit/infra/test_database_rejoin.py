"""What a data host does about a member that does not follow: the states to leave alone, and those to mend."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import Any

import pytest

from anlan.paths import ROOT

FILE = ROOT / 'playbooks' / 'roles' / 'database' / 'files' / 'database-rejoin'
FOLLOWS = {'state': 'running', 'role': 'replica', 'replication_state': 'streaming'}
STRAYS = {'state': 'running', 'role': 'replica'}
CLUSTER: dict[str, Any] = {
    'scope': 'test',
    'members': [
        {'name': 'db-1', 'role': 'leader', 'state': 'running'},
        {'name': 'db-2', 'role': 'quorum_standby', 'state': 'streaming'},
    ],
}


def decide(
    own: Any, cluster: Any = CLUSTER, before: Any = None, now: float = 1000.0, log_is_gone: bool = False
) -> tuple[str, str, dict[str, Any]]:
    loader = importlib.machinery.SourceFileLoader('database_rejoin', str(FILE))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    answer: tuple[str, str, dict[str, Any]] = module.decide(
        'db-2', own, cluster, before or {}, now, 120, 180, log_is_gone
    )
    return answer


def cluster(**changes: Any) -> dict[str, Any]:
    leader = CLUSTER['members'][0] | changes
    return CLUSTER | {'members': [leader, CLUSTER['members'][1]]}


LONG_AGO = {'since': 0.0, 'restarted': 100.0}


@pytest.mark.parametrize(
    ('own', 'seen'),
    [
        (FOLLOWS, CLUSTER),
        (FOLLOWS, None),
        ({'state': 'running', 'role': 'primary'}, CLUSTER),
        ({'state': 'creating replica', 'role': 'replica'}, CLUSTER),
        (STRAYS, CLUSTER | {'pause': True}),
        (STRAYS | {'pause': True}, CLUSTER),
        (STRAYS, cluster(role='replica', state='streaming')),
        (STRAYS, cluster(state='stopped')),
        (STRAYS, cluster(name='db-2')),
        (STRAYS, None),
        (None, None),
    ],
    ids=['follows', 'follows, nobody else answers', 'leads', 'is copied', 'pause', 'pause that it alone knows',
         'no leader', 'a leader that does not run', 'itself', 'nobody answers', 'nothing answers'],
)  # fmt: skip
def test_left_alone_however_long_and_its_time_begins_anew(own: Any, seen: Any) -> None:
    action, _, state = decide(own, seen, LONG_AGO)
    assert (action, state) == ('nothing', {})


STRAYING = pytest.mark.parametrize(
    ('own', 'seen', 'said'),
    [
        (STRAYS, CLUSTER, 'PostgreSQL (running) has not followed the leader'),
        (
            {'state': 'start failed', 'role': 'replica'},
            CLUSTER,
            'PostgreSQL (start failed) has not followed the leader',
        ),
        (STRAYS | {'state': 'stopped'}, CLUSTER, 'PostgreSQL (stopped) has not followed the leader'),
        (None, CLUSTER, 'Patroni has not answered'),
        (FOLLOWS, CLUSTER | {'members': CLUSTER['members'][:1]}, 'the others have not known this member'),
    ],
    ids=['does not stream', 'does not start', 'is not started', 'Patroni hangs', 'is no member'],
)


@STRAYING
def test_a_member_that_strays_is_first_waited_for(own: Any, seen: Any, said: str) -> None:
    first = decide(own, seen)
    assert first == ('nothing', f'{said} for 0 s', {'since': 1000.0, 'restarted': None})
    assert decide(own, seen, first[2], 1119)[0] == 'nothing'


@STRAYING
def test_then_its_patroni_is_started_anew_once_and_then_it_is_copied(own: Any, seen: Any, said: str) -> None:
    action, reason, state = decide(own, seen, {'since': 880.0, 'restarted': None})
    assert (action, reason, state) == ('restart', f'{said} for 120 s', {'since': 880.0, 'restarted': 1000.0})
    assert decide(own, seen, state, 1179) == ('nothing', f'{said} for 299 s', state)
    assert decide(own, seen, state, 1180) == ('copy', f'{said} for 300 s', {})


SLOW = [
    STRAYS | {'state': 'starting'},
    STRAYS | {'state': 'stopping'},
    STRAYS | {'replication_state': 'in archive recovery'},
]


@pytest.mark.parametrize('own', SLOW, ids=['starts', 'stops', 'replays an archive'])
def test_a_large_database_may_take_its_time(own: Any) -> None:
    assert decide(own, CLUSTER, {'since': 0.0, 'restarted': None}, 15 * 120 - 1)[0] == 'nothing'
    assert decide(own, CLUSTER, {'since': 0.0, 'restarted': None}, 15 * 120)[0] == 'restart'
    assert decide(own, CLUSTER, {'since': 0.0, 'restarted': 1800.0}, 1800 + 15 * 180 - 1)[0] == 'nothing'
    assert decide(own, CLUSTER, {'since': 0.0, 'restarted': 1800.0}, 1800 + 15 * 180)[0] == 'copy'


@pytest.mark.parametrize('own', [STRAYS, STRAYS | {'state': 'starting'}], ids=['runs', 'starts'])
def test_a_member_whose_log_is_gone_is_copied_without_another_start(own: Any) -> None:
    first = decide(own, CLUSTER, {'since': 881.0, 'restarted': None}, log_is_gone=True)
    assert first[0] == 'nothing'
    action, reason, state = decide(own, CLUSTER, {'since': 880.0, 'restarted': None}, log_is_gone=True)
    assert (action, state) == ('copy', {})
    assert reason.endswith('the leader no longer has the log that it asks for')


def test_a_member_that_follows_is_left_alone_whatever_it_said_before() -> None:
    assert decide(FOLLOWS, CLUSTER, LONG_AGO, log_is_gone=True) == ('nothing', 'it follows, or leads', {})


@pytest.mark.parametrize(
    ('own', 'seen'),
    [(None, CLUSTER), (FOLLOWS, CLUSTER | {'members': CLUSTER['members'][:1]})],
    ids=['Patroni hangs', 'is no member'],
)
def test_what_cannot_be_copied_is_started_anew_whatever_it_said_before(own: Any, seen: Any) -> None:
    action, reason, _ = decide(own, seen, {'since': 880.0, 'restarted': None}, log_is_gone=True)
    assert action == 'restart'
    assert 'log' not in reason
