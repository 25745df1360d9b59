"""Patroni: who is a member, what it promises of acknowledged writes, and that nobody changes it without a proof."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.patroni import CURL, LEADERS, base, members, told
from compliance.reading.places import places, shut
from compliance.violation import answered, mode

pytestmark = tiers('data')

CALLS = ('PATCH config', 'POST failover', 'POST switchover', 'DELETE switchover')
"""An empty change, and deeds that lack what they need: nothing is done even where they are let through."""


def stranger(expected):
    """Return the command that tries what changes something, without certificate and password."""
    asked = f'{CURL} -o /dev/null -w "%{{http_code}}" -X $1 -H "Content-Type: application/json" -d "{{}}"'
    every = ' '.join(f'"{call}"' for call in CALLS)
    return f'for what in {every}; do set -- $what; echo "$1 $2 $({asked} {base(expected)}/$2 2>&1)"; done'


def cluster(*every):
    """Return the violation that Patroni tells of these members: (name, role, state)."""
    told_members = [{'name': name, 'role': role, 'state': state, 'lag': 0} for name, role, state in every]
    return answered(':8008/cluster', json.dumps({'members': told_members}) + '\n{}\n')


@clauses('22239-8.1.4.2-b', '22239-8.1.4.2-d', '22239-8.1.5.4-b')
@pytest.mark.parametrize(
    'call',
    [
        pytest.param(call, id=call.replace(' ', '-'), marks=violation(answered('http_code', f'{call} 200\n')))
        for call in CALLS
    ],
)
def test_a_stranger_changes_nothing(host, expected, call):
    codes = dict(line.rpartition(' ')[::2] for line in host.run(stranger(expected)).stdout.splitlines())
    if codes.get(call, '000').endswith('000'):
        not_verified(f'{call} was not answered')
    assert codes[call] in ('401', '403'), f'{call} without a proof is answered with {codes[call]}'


@clauses('22239-8.1.4.9-c', '22239-8.1.4.7-b')
@pytest.mark.parametrize(
    ('name', 'bad'),
    [
        pytest.param(name, bad, id=name, marks=violation(answered(':8008/config', '{}\n' + json.dumps({name: bad}))))
        for name, bad in [
            ('synchronous_mode', False), ('failsafe_mode', False), ('synchronous_node_count', 0), ('pause', True),
        ]
    ],
)  # fmt: skip
def test_an_acknowledged_write_is_on_two_hosts(host, expected, name, bad):
    value = told(host, expected, 'config').get(name)
    if name == 'pause':
        assert not value, 'automatic failover is paused'
    else:
        assert value and value != bad, f'{name} is {value}'


@clauses('22239-8.1.4.9-c')
@pytest.mark.parametrize(
    ('name', 'declared'),
    [
        pytest.param(
            name, declared, id=name, marks=violation(answered(':8008/config', '{}\n' + json.dumps({name: 999_999_999})))
        )
        for name, declared in [
            ('ttl', 'ttl_seconds'),
            ('loop_wait', 'loop_wait_seconds'),
            ('retry_timeout', 'retry_timeout_seconds'),
            ('primary_start_timeout', 'primary_start_timeout_seconds'),
            ('maximum_lag_on_failover', 'maximum_lag_mib'),
        ]
    ],
)
def test_the_times_of_a_failover_are_those_declared(host, expected, name, declared):
    wanted = expected.platform['timing']['patroni'][declared] * (1048576 if declared.endswith('_mib') else 1)
    value = told(host, expected, 'config').get(name)
    assert value == wanted, f'{name} is {value}, {wanted} is declared'


@clauses('22239-8.1.4.9-c', '22239-8.1.2.1-e')
@violation(cluster(('db-1', 'leader', 'running'), ('db-2', 'replica', 'stopped')))
def test_every_data_host_is_a_member_at_work(host, expected):
    states = {each['name']: each['state'] for each in members(host, expected)}
    for name in expected.hosts('data'):
        assert states.get(name) in ('running', 'streaming'), f'{name} is {states.get(name, "no member")}'
    more = set(states) - set(expected.hosts('data'))
    assert not more, f'members that nobody declared: {", ".join(sorted(more))}'


@clauses('22239-8.1.4.9-c')
@violation(cluster(('db-1', 'leader', 'running'), ('db-2', 'leader', 'running'), ('db-3', 'sync_standby', 'streaming')))
def test_there_is_one_leader(host, expected):
    leading = [each['name'] for each in members(host, expected) if each['role'] in LEADERS]
    assert len(leading) == 1, f'leaders: {", ".join(leading) or "none"}'


@clauses('22239-8.1.4.9-c')
@violation(cluster(('db-1', 'leader', 'running'), ('db-2', 'replica', 'streaming'), ('db-3', 'replica', 'streaming')))
def test_a_member_can_take_over_without_a_lost_row(host, expected):
    ready = [each['name'] for each in members(host, expected) if each['role'] in ('sync_standby', 'quorum_standby')]
    assert ready, 'no member has all that was acknowledged'


@clauses('22239-8.1.4.9-c', '22239-8.1.2.1-e')
@violation(cluster(('db-1', 'leader', 'running')))
def test_members_at_work_stand_in_different_fault_domains(host, expected):
    at_work = [each['name'] for each in members(host, expected) if each['state'] in ('running', 'streaming')]
    every = expected.outputs['hosts']
    domains = {every[name]['variables']['anlan_fault_domain'] for name in at_work if name in every}
    assert len(domains) >= 2, f'all members at work stand in fault domain {", ".join(domains) or "none"}'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.1-a')
@pytest.mark.parametrize(
    ('path', 'bits', 'owners'),
    [
        pytest.param(path, bits, owners, id=path.rpartition('/')[2], marks=violation(mode(path, bad)))
        for path, bits, owners, bad in [
            ('/etc/patroni/config.yml', 0o640, ('root:postgres', 'postgres:postgres'), '0644'),
            ('/run/anlan-patroni', 0o700, ('postgres:postgres',), '0755'),
            ('/run/anlan-patroni/pgpass', 0o600, ('postgres:postgres',), '0644'),
        ]
    ],
)
def test_files_with_passwords_are_shut(host, expected, path, bits, owners):
    if path.endswith('/pgpass') and path not in places(host, expected):
        not_applicable('this member follows nobody and has no such file')
    shut(host, expected, path, 0o7777 & ~bits, *owners)


@clauses('22239-8.1.4.4-a')
@violation(units.planted_unit('patroni'))
def test_it_runs_and_starts_by_itself(host, expected):
    units.running(host, expected, 'patroni')


@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('patroni', uid=0))
def test_nothing_of_it_runs_as_root(host, expected):
    units.without_root(host, expected, 'patroni')


@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('patroni', uid=103, rights=0))
def test_its_process_cannot_come_to_more_rights(host, expected):
    units.confined(host, expected, 'patroni')
