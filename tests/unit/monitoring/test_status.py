"""Judging: a whole platform is well, and each single fault is named in a reason."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitoring.expectation import METRICS, services_of
from monitoring.status import EXIT_CODE, Observations, Status, clients_of, judge
from tests.unit.samples import dual_stack, lab, topology_from

STEPS = ('open', 'log_in', 'courses', 'lesson_page', 'video', 'save_progress', 'other_device')
Fault = Callable[[dict[str, Any]], None]


def journey(seconds: float = 0.05) -> dict[str, Any]:
    return {
        'steps': [{'name': name, 'ok': True, 'seconds': seconds, 'reason': None} for name in STEPS],
        'served_by': 'edge-1',
    }


def members() -> list[dict[str, Any]]:
    return [
        {'name': 'db-1', 'role': 'leader', 'state': 'running'},
        {'name': 'db-2', 'role': 'quorum_standby', 'state': 'streaming', 'lag': 0},
        {'name': 'db-3', 'role': 'quorum_standby', 'state': 'streaming', 'lag': 0},
    ]


def whole(size: str = 'full') -> Observations:
    """Return what is seen of a platform that is whole: the first of each tier is active, db-1 leads."""
    topology = topology_from(dual_stack() if size == 'full' else lab(size))
    virtual = {
        each.name: {'zone': each.zone, 'address': str(each.address), 'tier': each.tier}
        for each in topology.virtual_addresses
    } | {
        f'{each.name} IPv6': {'zone': each.zone, 'address': str(each.ipv6_address), 'tier': each.tier}
        for each in topology.virtual_addresses
        if each.ipv6_address
    }
    hosts: dict[str, Any] = {}
    tiers = {host.name: host.tier for host in topology.hosts}
    for host in topology.hosts:
        answer: dict[str, Any] = {
            'addresses': [str(address) for address in host.addresses.values()],
            'services': dict.fromkeys(services_of(host.tier, tiers), 'active'),
            'metrics_seconds': dict.fromkeys(METRICS.get(host.tier, ()), 3.0),
            'failed_units': [],
            'certificate_days': 80.0,
            'clock': {'source': 'mon-1', 'offset_seconds': 0.0001, 'stratum': 3},
            'errors': {},
        }
        if host.number == 1:
            answer['addresses'] += [each['address'] for each in virtual.values() if each['tier'] == host.tier]
        if host.tier == 'data':
            leads = host.name == 'db-1'
            answer['database'] = {
                'patroni': {'role': 'primary' if leads else 'replica', 'state': 'running'},
                'cluster': {'members': members()},
            }
            answer['etcd'] = {'is_leader': leads, 'has_leader': True}
            answer['cache'] = {'role': 'master' if leads else 'replica', 'reason': ''}
        if host.tier == 'app':
            ready = {'ok': True, 'reason': ''}
            answer['application'] = {
                'release': 'abc',
                'ready': {'ready': True, 'checks': {'database': ready, 'cache': dict(ready)}},
            }
        hosts[host.name] = answer
    tiers = {host.name: host.tier for host in topology.hosts}
    return Observations(
        platform='sample',
        front_door='https://learn.sample.test/',
        checked_at='2026-01-01T00:00:00+00:00',
        hosts=hosts,
        unreachable={},
        tiers=tiers,
        zones={host.name: host.zone for host in topology.hosts},
        virtual_addresses=virtual,
        journeys={name: journey() for name in clients_of(tiers)},
        journey_errors={},
        journey_mean_limit_seconds=3.0,
        data_hosts=3,
    )


def with_fault(fault: Fault, size: str = 'full') -> Status:
    """Given a change of the hosts' answers, return the judgement of a platform that is whole but for that."""
    seen = whole(size)
    hosts = copy.deepcopy(dict(seen.hosts))
    fault(hosts)
    return judge(replace(seen, hosts=hosts))


def said(status: Status) -> list[str]:
    return [*status.lost_redundancy, *status.reasons]


def host_of(status: Status, name: str) -> Any:
    return next(host for host in status.hosts if host.name == name)


@pytest.mark.parametrize('size', ['full', 'mini'])
def test_a_whole_platform_is_well(size: str) -> None:
    status = judge(whole(size))
    assert (status.state, said(status)) == ('ok', [])
    assert {host.state for host in status.hosts} == {'ok'}


def test_a_whole_platform_shows_who_does_what() -> None:
    status = judge(whole())
    assert status.database['leader'] == 'db-1'
    assert [replica['name'] for replica in status.database['replicas']] == ['db-2', 'db-3']
    assert status.cache == {'master': 'db-1', 'masters': ['db-1'], 'replicas': ['db-2', 'db-3']}
    assert host_of(status, 'db-1').roles == ['leader', 'cache master']
    assert host_of(status, 'db-2').roles == ['sync replica']
    assert host_of(status, 'lb-1').roles == ['active']
    assert host_of(status, 'lb-2').roles == []
    assert host_of(status, 'app-1').release == 'abc'
    assert [row['holders'] for row in status.virtual_addresses if row['name'] == 'balancer'] == [['lb-1']]


def test_a_status_is_plain_data() -> None:
    document = judge(whole()).document()
    assert json.loads(json.dumps(document)) == document


def test_each_state_has_an_exit_code_of_its_own() -> None:
    assert EXIT_CODE == {'ok': 0, 'degraded': 1, 'down': 2}


def set_service(name: str, unit: str, state: str) -> Fault:
    return lambda hosts: hosts[name]['services'].update({unit: state})


def set_clock(name: str, seconds: float) -> Fault:
    return lambda hosts: hosts[name]['clock'].update(offset_seconds=seconds)


def set_member(index: int, **values: Any) -> Fault:
    """Return a fault of the cluster as every member sees it."""

    def fault(hosts: dict[str, Any]) -> None:
        for name in ('db-1', 'db-2', 'db-3'):
            hosts[name]['database']['cluster']['members'][index].update(values)

    return fault


def set_value(name: str, part: str, value: Any) -> Fault:
    return lambda hosts: hosts[name].update({part: value})


def no_leader(hosts: dict[str, Any]) -> None:
    for name in ('db-1', 'db-2', 'db-3'):
        hosts[name]['database']['patroni']['role'] = 'replica'
        hosts[name]['database']['cluster']['members'][0]['role'] = 'replica'


def lacks_database(hosts: dict[str, Any]) -> None:
    hosts['app-1']['application']['ready']['checks']['database'] = {'ok': False, 'reason': 'no answer in 2 s'}


ON_A_HOST: list[tuple[str, Fault, str, str]] = [
    ('inactive', set_service('edge-2', 'nginx.service', 'inactive'), 'edge-2', 'nginx.service is inactive'),
    ('failed', set_service('db-2', 'etcd.service', 'failed'), 'db-2', 'etcd.service is failed'),
    ('unit', set_value('ops-1', 'failed_units', ['logrotate.service']), 'ops-1', 'logrotate.service has failed'),
    (
        'task',
        set_value('ops-1', 'failed_units', ['foo.timer', 'anlan-backup-x.service']),
        'ops-1',
        'foo.timer has failed',
    ),
    ('certificate', set_value('lb-1', 'certificate_days', 13.9), 'lb-1', 'its certificate ends in 13.9 days'),
    ('certificate over', set_value('lb-1', 'certificate_days', -2.0), 'lb-1', 'its certificate ends in -2 days'),
    ('clock ahead', set_clock('app-2', 1.5), 'app-2', 'its clock is off by 1.5 s'),
    ('clock behind', set_clock('app-2', -90.0), 'app-2', 'its clock is off by -90.0 s'),
    ('unread', lambda hosts: hosts['mon-1'].update(clock=None, errors={'clock': 'no chronyc'}), 'mon-1',
     'clock could not be read: no chronyc'),
    ('lag', set_member(1, lag=5 * 1024 * 1024), 'db-2', 'its replica lags 5.0 MiB'),
    ('cache', lambda hosts: hosts['db-3']['cache'].update(reason='its link to the master is down'), 'db-3',
     'the cache: its link to the master is down'),
    ('application', lacks_database, 'app-1', 'the application is without database: no answer in 2 s'),
]  # fmt: skip


@pytest.mark.parametrize(('name', 'fault', 'host', 'reason'), ON_A_HOST, ids=[row[0] for row in ON_A_HOST])
def test_a_fault_of_a_host_degrades_the_platform_and_is_named_with_the_host(
    name: str, fault: Fault, host: str, reason: str
) -> None:
    status = with_fault(fault)
    assert status.state == 'degraded'
    (found,) = status.reasons
    assert found.startswith(f'{host}: {reason}')
    assert host_of(status, host).state == 'degraded'
    tier = host_of(status, host).tier
    assert any(line.startswith(f'{tier}: ') for line in status.lost_redundancy)


LOST: list[tuple[str, Fault, str]] = [
    ('no leader', no_leader, 'the database: there is no leader that answers'),
    ('replica running, not streaming', set_member(2, state='running'),
     'the database: 1 of 2 replicas stream; db-3 is running'),
    ('replica stopped', set_member(2, state='stopped'), 'the database: 1 of 2 replicas stream; db-3 is stopped'),
    ('replica gone', lambda hosts: [hosts[name]['database']['cluster']['members'].pop() for name in
                                    ('db-1', 'db-2', 'db-3')],
     'the database: 1 of 2 replicas stream; db-3 is no member of it'),
    ('etcd without leader', set_value('db-2', 'etcd', {'is_leader': False, 'has_leader': False}),
     'etcd: 2 of 3 members'),
    ('etcd silent', set_value('db-3', 'etcd', None), 'etcd: 2 of 3 members'),
    ('two masters', set_value('db-2', 'cache', {'role': 'master', 'reason': ''}), 'the cache: 2 masters (db-1, db-2)'),
    ('no master', set_value('db-1', 'cache', {'role': 'replica', 'reason': ''}), 'the cache: 0 masters (none)'),
    ('cache silent', set_value('db-3', 'cache', None), 'the cache: 1 of 2 replicas follow'),
    ('held by nobody', lambda hosts: hosts['lb-1']['addresses'].remove('198.18.10.253'),
     'the virtual address balancer (198.18.10.253) is held by nobody'),
    ('held by two', lambda hosts: hosts['lb-2']['addresses'].append('198.18.10.253'),
     'the virtual address balancer (198.18.10.253) is held by lb-1, lb-2'),
    ('gateway of two', lambda hosts: hosts['fw-2']['addresses'].append('198.18.20.254'),
     'the virtual address firewall-app (198.18.20.254) is held by fw-1, fw-2'),
    ('left behind', lambda hosts: hosts['fw-1']['addresses'].remove('fd00:18:0:1::254'),
     'the virtual address firewall-uplink-a IPv6 (fd00:18:0:1::254) is held by nobody'),
]  # fmt: skip


@pytest.mark.parametrize(('name', 'fault', 'reason'), LOST, ids=[row[0] for row in LOST])
def test_a_fault_between_hosts_degrades_the_platform_and_is_named(name: str, fault: Fault, reason: str) -> None:
    status = with_fault(fault)
    assert status.state == 'degraded'
    assert reason in status.lost_redundancy


def test_what_is_just_within_its_limit_is_well() -> None:
    for fault in (
        set_value('lb-1', 'certificate_days', 14.0),
        set_clock('app-2', 1.0),
        set_member(1, lag=1024 * 1024),
    ):
        assert with_fault(fault).state == 'ok'


@pytest.mark.parametrize('name', ['fw-1', 'edge-1', 'lb-2', 'app-1', 'db-1', 'db-3', 'mon-1', 'ops-1', 'vault-1'])
def test_a_host_that_is_not_reached_is_down_and_the_platform_degraded(name: str) -> None:
    seen = whole()
    hosts = {**seen.hosts, name: None}
    status = judge(replace(seen, hosts=hosts, unreachable={name: 'no SSH session'}))
    assert status.state == 'degraded'
    assert f'{name}: no SSH session' in status.reasons
    assert host_of(status, name).state == 'down'
    assert any(line.startswith(f'{host_of(status, name).tier}: ') for line in status.lost_redundancy)


def test_a_host_without_an_answer_and_without_a_reason_is_down_too() -> None:
    seen = whole()
    status = judge(replace(seen, hosts={**seen.hosts, 'app-1': None}))
    assert 'app-1: gave no answer' in status.reasons


def test_the_leaders_host_that_is_not_reached_leaves_no_leader() -> None:
    seen = whole()
    status = judge(replace(seen, hosts={**seen.hosts, 'db-1': None}, unreachable={'db-1': 'gone'}))
    assert 'the database: there is no leader that answers' in status.lost_redundancy
    assert 'etcd: 2 of 3 members' in status.lost_redundancy


def test_data_hosts_that_all_are_silent_are_said_once() -> None:
    seen = whole()
    hosts = {name: None if name.startswith('db-') else answer for name, answer in seen.hosts.items()}
    status = judge(replace(seen, hosts=hosts))
    assert 'the database: no data host answers' in status.lost_redundancy
    assert status.database['leader'] is None


def test_the_last_host_of_a_tier_leaves_no_spare() -> None:
    status = with_fault(set_service('app-2', 'nginx.service', 'inactive'))
    assert 'app: 1 of 2 hosts are whole; no spare is left' in status.lost_redundancy
    status = with_fault(set_service('db-3', 'etcd.service', 'inactive'))
    assert 'data: 2 of 3 hosts are whole' in status.lost_redundancy


def test_the_leaders_own_view_counts_not_that_of_a_member_left_behind() -> None:
    def stale(hosts: dict[str, Any]) -> None:
        hosts['db-2']['database']['cluster']['members'][0]['role'] = 'replica'
        hosts['db-2']['database']['cluster']['members'][1]['role'] = 'leader'

    status = with_fault(stale)
    assert status.database['leader'] == 'db-1'


def test_a_service_of_which_a_host_says_nothing_is_not_taken_for_active() -> None:
    """`systemctl` that answers less than it was asked must not make a host look whole."""
    status = with_fault(lambda hosts: hosts['app-1']['services'].pop('anlan-application.service'))
    assert status.state == 'degraded'
    assert any('anlan-application.service' in reason for reason in status.reasons)


def test_a_replica_whose_lag_nobody_knows_is_not_taken_for_one_without_lag() -> None:
    status = with_fault(set_member(1, lag='unknown'))
    assert status.state == 'degraded'
    assert any('db-2' in reason for reason in said(status))


def test_a_clock_that_follows_nobody_is_said() -> None:
    """chronyc that is not synchronised shows stratum 0 and an offset of 0."""
    status = with_fault(set_value('app-1', 'clock', {'source': '', 'offset_seconds': 0.0, 'stratum': 0}))
    assert status.state == 'degraded'
    assert any(reason.startswith('app-1: its clock') for reason in status.reasons)


def test_the_only_host_of_a_tier_in_size_mini_is_said() -> None:
    status = with_fault(set_service('app-1', 'nginx.service', 'failed'), 'mini')
    assert status.state == 'degraded'
    assert 'app: its only host is not whole' in status.lost_redundancy


def test_a_database_host_lost_in_size_mini_is_said_too() -> None:
    assert 'etcd: 2 of 3 members' in with_fault(set_value('db-2', 'etcd', None), 'mini').lost_redundancy


def test_all_faults_are_named_at_once() -> None:
    def many(hosts: dict[str, Any]) -> None:
        set_service('edge-1', 'nginx.service', 'failed')(hosts)
        set_clock('edge-1', 9.0)(hosts)
        set_value('db-3', 'etcd', None)(hosts)

    status = with_fault(many)
    assert len(host_of(status, 'edge-1').reasons) == 2
    assert {line.split(':')[0] for line in status.lost_redundancy} == {'edge', 'etcd'}


def test_clients_are_those_of_their_tier() -> None:
    assert clients_of({'client-1': 'client', 'app-1': 'app', 'client-2': 'client'}) == ['client-1', 'client-2']


def test_a_port_that_serves_an_old_certificate_is_said() -> None:
    status = with_fault(set_value('edge-1', 'stale_ports', [443]))
    assert status.state == 'degraded'
    assert any('port 443 serves another certificate' in reason for reason in status.reasons)


def test_a_host_still_to_be_made_anew_may_lack_what_it_never_had_and_nothing_else() -> None:
    seen = whole()
    hosts = {name: copy.deepcopy(answer) for name, answer in seen.hosts.items()}
    set_service('app-2', 'anlan-block-list.service', 'absent')(hosts)
    seen = replace(seen, hosts=hosts)
    assert 'app-2: anlan-block-list.service is absent' in judge(seen).reasons
    assert judge(seen, outdated=['app-1']).state == 'degraded'
    assert judge(seen, outdated=['app-2']).state == 'ok'
    set_service('app-2', 'nginx.service', 'inactive')(hosts)
    assert judge(seen, outdated=['app-2']).reasons == ['app-2: nginx.service is inactive']


def test_a_service_that_runs_and_tells_nothing_any_more_is_named() -> None:
    def gone(hosts: dict[str, Any]) -> None:
        hosts['fw-2']['metrics_seconds'] |= {'block_list': None, 'intrusion': 300.0}

    reasons = with_fault(gone).reasons
    assert 'fw-2: /run/anlan/metrics/block_list.prom is not there' in reasons
    assert 'fw-2: /run/anlan/metrics/intrusion.prom was last written 300 s ago' in reasons


def test_who_sends_events_may_try_again_and_again_but_not_be_stopped() -> None:
    unit = 'anlan-event-upload@mon-1.service'
    assert with_fault(set_service('edge-1', unit, 'activating')).state == 'ok'
    assert f'edge-1: {unit} is inactive' in with_fault(set_service('edge-1', unit, 'inactive')).reasons
