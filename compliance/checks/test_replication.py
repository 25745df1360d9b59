"""Replication: the copy of what was acknowledged is there, follows, and travels encrypted."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.database import leader, replica, state
from compliance.violation import answered

pytestmark = tiers('data')

GOOD = {
    'leader': True, 'paused': False, 'synchronous': 'ANY 1 ("db-1","db-2")', 'receiver': None, 'without_tls': 0,
    'with_tls': 3, 'damaged': None, 'checked': 3,
    'followers': [{'name': 'db-1', 'state': 'streaming', 'sync': 'quorum', 'tls': 'TLSv1.3', 'behind': 0}],
    'slots': [{'name': 'db_1', 'active': True, 'wal': 'reserved'}],
}  # fmt: skip


def said(**parts):
    """Return the violation that a member says this of the cluster."""
    return answered('pg_stat_wal_receiver', json.dumps({**GOOD, **parts}))


def follower(**parts):
    """Return one follower, as the leader tells of it, with these parts changed."""
    return [{**GOOD['followers'][0], **parts}]


@clauses('22239-8.1.4.9-c')
@violation(said(synchronous=''))
def test_a_write_is_acknowledged_when_a_replica_has_it(host):
    assert leader(host)['synchronous'], 'no replica has to have a write before it is acknowledged'


@clauses('22239-8.1.4.9-c')
@violation(said(followers=follower(sync='async')))
def test_a_replica_has_all_that_was_acknowledged(host):
    ready = [each for each in leader(host)['followers'] or () if each['sync'] in ('sync', 'quorum')]
    assert ready, 'no replica is synchronous'


@clauses('22239-8.1.4.9-c')
@violation(said(followers=follower(name='db-1')))
def test_every_other_member_follows_the_leader(host, expected):
    following = {each['name'] for each in leader(host)['followers'] or () if each['state'] == 'streaming'}
    missing = set(expected.hosts('data')) - {expected.name} - following
    assert not missing, f'{", ".join(sorted(missing))} do not follow'


@clauses('22239-8.1.4.9-c')
@violation(said(followers=follower(behind=10**10)))
def test_no_replica_is_far_behind(host, expected):
    most = expected.platform['timing']['patroni']['maximum_lag_mib'] * 1048576
    followers = leader(host)['followers'] or []
    if not followers:
        not_verified('nobody follows the leader')
    for each in followers:
        assert each['behind'] is not None and each['behind'] <= most, f'{each["name"]} is {each["behind"]} bytes behind'


@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '35273-6.3-a')
@violation(said(followers=follower(tls=None)))
def test_the_log_travels_encrypted(host):
    followers = leader(host)['followers'] or []
    if not followers:
        not_verified('nobody follows the leader')
    plain = [each['name'] for each in followers if (each['tls'] or '') not in ('TLSv1.2', 'TLSv1.3')]
    assert not plain, f'the log goes to {", ".join(plain)} without TLS'


@clauses('22239-8.1.4.9-c', '22239-8.1.4.4-a')
@pytest.mark.parametrize(
    ('key', 'good'),
    [
        pytest.param(
            'active',
            (True,),
            id='used',
            marks=violation(said(slots=[{'name': 'x', 'active': False, 'wal': 'reserved'}])),
        ),
        pytest.param(
            'wal',
            ('reserved', 'extended'),
            id='kept',
            marks=violation(said(slots=[{'name': 'x', 'active': True, 'wal': 'lost'}])),
        ),
    ],
)
def test_what_a_replica_still_needs_is_kept(host, key, good):
    slots = leader(host)['slots'] or []
    if not slots:
        not_verified('no place of the log is held for anybody')
    for each in slots:
        assert each[key] in good, f'{each["name"]}: {key} is {each[key]}'


@clauses('22239-8.1.4.9-c')
# Patroni lets a replica that was paused go on within a second: too soon to be seen.
@violation(said(leader=False, paused=True))
def test_a_replica_applies_what_it_gets(host):
    assert not replica(host)['paused'], 'the replica keeps what it gets and does not apply it'


@clauses('22239-8.1.4.9-c')
@violation(said(leader=False, receiver=None))
def test_a_replica_gets_the_log(host):
    receiver = replica(host)['receiver'] or {}
    assert receiver.get('state') == 'streaming', (
        f'the log is received by nobody: {receiver.get("state", "no receiver")}'
    )


@clauses('22239-8.1.4.8-a', '22239-8.1.4.1-c')
@violation(said(leader=False, receiver={'state': 'streaming', 'mode': 'require'}))
def test_a_replica_makes_sure_who_its_leader_is(host):
    receiver = replica(host)['receiver'] or {}
    assert receiver.get('mode') == 'verify-full', (
        f'the leader’s certificate is not checked: sslmode={receiver.get("mode")}'
    )


@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '35273-6.3-a')
@violation(said(without_tls=1))
def test_no_session_over_the_network_is_without_tls(host):
    said_now = state(host)
    assert not said_now['without_tls'], f'{said_now["without_tls"]} session(s) without TLS'
    if not said_now['with_tls']:
        not_verified('nobody is connected over the network')


@clauses('22239-8.1.4.7-b')
@violation(said(damaged={'learning': 4}))
def test_no_page_of_the_database_was_found_damaged(host):
    said_now = state(host)
    if not said_now['checked']:
        not_verified('no database counts its checksums')
    assert not said_now['damaged'], f'damaged pages: {said_now["damaged"]}'
