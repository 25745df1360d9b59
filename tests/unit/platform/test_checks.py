"""Every cross-check is seen to say no, with the path and the reason, and to say nothing where all is well."""

from __future__ import annotations

from typing import Any

import pytest

from infra.topology import topology_of
from tests.unit.samples import ABSENT, lab, onprem, platform_of, problems_of, with_values


def only_problem(document: dict[str, Any]) -> tuple[str, str]:
    (problem,) = problems_of(document)
    return problem.path, problem.reason


@pytest.mark.parametrize('document', [lab(), lab('mini'), onprem()], ids=['full', 'mini', 'onprem'])
def test_a_good_platform_has_no_problem(document: dict[str, Any]) -> None:
    assert problems_of(document) == []


@pytest.mark.parametrize('zone', ['uplink-a', 'uplink-b', 'dmz', 'app', 'data', 'mgmt', 'offsite', 'sync'])
def test_a_missing_zone_is_named(zone: str) -> None:
    path, reason = only_problem(with_values(lab(), {f'zones.{zone}': ABSENT}))
    assert path == f'zones.{zone}'
    assert reason.startswith('is missing')


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'zones.moon': {'subnet': '198.18.70.0/24'}}, 'zones.moon', 'is no zone of the platform'),
        ({'zones.app.subnet': '198.18.10.0/25'}, 'zones.app.subnet', 'overlaps 198.18.10.0/24 of zone dmz'),
        ({'zones.app.subnet': '198.18.30.0/24'}, 'zones.data.subnet', 'overlaps 198.18.30.0/24 of zone app'),
        ({'zones.app.gateway': '198.18.21.254'}, 'zones.app.gateway', 'is not in the zone 198.18.20.0/24'),
        ({'zones.app.gateway': '198.18.20.11'}, 'zones.app.gateway', 'is kept for hosts'),
        ({'zones.app.gateway': '198.18.20.47'}, 'zones.app.gateway', 'is kept for hosts'),
        ({'zones.app.gateway': '198.18.20.0'}, 'zones.app.gateway', 'is kept for hosts or the network itself'),
        ({'zones.app.gateway': '198.18.20.255'}, 'zones.app.gateway', 'is kept for hosts or the network itself'),
        ({'balancer_address': '198.18.20.253'}, 'balancer_address', 'is not in the zone dmz 198.18.10.0/24'),
        ({'balancer_address': '198.18.10.254'}, 'balancer_address', "is the firewall pair's virtual address in dmz"),
        ({'balancer_address': '198.18.10.11'}, 'balancer_address', 'is kept for hosts'),
        ({'balancer_address': '198.18.10.255'}, 'balancer_address', 'is kept for hosts or the network itself'),
        ({'zones.dmz.gateway': '198.18.10.48'}, 'balancer_address', '198.18.10.47 is kept for hosts'),
        ({'tiers.data.count': 2}, 'tiers.data.count', '2 is below 3; etcd and a quorum'),
        ({'tiers.data.count': 4}, 'tiers.data.count', '4 is even; etcd gains nothing from an even number, take 5'),
        ({'tiers.firewall.count': 3}, 'tiers.firewall.count', '3 is above 2; the virtual addresses move in a pair'),
        ({'tiers.balancer.count': 3}, 'tiers.balancer.count', '3 is above 2; the virtual addresses move in a pair'),
        ({'tiers.operations.count': 2}, 'tiers.operations.count', 'must be 1; there is one bastion'),
        ({'tiers.offsite.count': 2}, 'tiers.offsite.count', 'must be 1'),
        ({'fault_domains': ['a']}, 'fault_domains', 'names fewer than two'),
        ({'fault_domains': ['a', 'b', 'a']}, 'fault_domains', 'names one domain twice'),
        (
            {'timing.patroni.retry_timeout_seconds': 10},
            'timing.patroni.ttl_seconds',
            '20 is below loop_wait_seconds + 2 × retry_timeout_seconds = 21',
        ),
        (
            {'certificates': {'host_days': 59, 'renew_before_days': 30}},
            'certificates.renew_before_days',
            '30 is above half of host_days (59)',
        ),
    ],
)
def test_each_fault_is_said_with_its_path_and_reason(values: dict[str, Any], path: str, reason: str) -> None:
    found_path, found_reason = only_problem(with_values(lab(), values))
    assert found_path == path
    assert reason in found_reason


@pytest.mark.parametrize(
    'values',
    [
        {'zones.app.gateway': '198.18.20.48'},
        {'balancer_address': '198.18.10.48'},
        {'zones.app.subnet': '198.18.20.0/26'},
        {'tiers.data.count': 5},
        {'tiers.app.count': 9},
        {
            'timing.patroni': {'loop_wait_seconds': 2, 'retry_timeout_seconds': 9},
            'objectives.database_crash_seconds': 6,
        },
        {'certificates': {'host_days': 60, 'renew_before_days': 30}},
    ],
)
def test_what_is_just_right_is_taken(values: dict[str, Any]) -> None:
    assert problems_of(with_values(lab(), values)) == []


def test_a_zone_that_is_too_small_is_said() -> None:
    found = {
        problem.path: problem.reason
        for problem in problems_of(with_values(lab(), {'zones.app.subnet': '198.18.20.0/27'}))
    }
    assert '198.18.20.0/27 is too small; at least a /26' in found['zones.app.subnet']


@pytest.mark.parametrize('tier', ['firewall', 'edge', 'balancer', 'app', 'monitoring'])
def test_one_host_in_a_redundant_tier_of_size_full_is_refused(tier: str) -> None:
    path, reason = only_problem(with_values(lab(), {f'tiers.{tier}.count': 1}))
    assert path == f'tiers.{tier}.count'
    assert reason.startswith('1 is below 2; size full promises that any one host may fail')
    assert problems_of(with_values(lab('mini'), {f'tiers.{tier}.count': 1})) == []


def test_one_database_host_is_refused_in_every_size() -> None:
    assert only_problem(with_values(lab('mini'), {'tiers.data.count': 1}))[0] == 'tiers.data.count'
    assert {problem.path for problem in problems_of(with_values(lab(), {'tiers.data.count': 1}))} == {
        'tiers.data.count'
    }


def test_size_mini_stands_in_one_fault_domain() -> None:
    assert problems_of(with_values(lab('mini'), {'fault_domains': ['a']})) == []


@pytest.mark.parametrize(
    ('objective', 'worst_seconds', 'source'),
    [
        ('virtual_address_move_seconds', 0.4, 'timing.vrrp'),
        ('backend_loss_seconds', 2.7, 'timing.haproxy'),
        ('database_host_loss_seconds', 31.2, 'timing.patroni and timing.haproxy'),
        ('database_crash_seconds', 4.0, 'timing.patroni'),
        ('cache_loss_seconds', 5.0, 'timing.sentinel'),
    ],
)
def test_an_objective_that_the_settings_cannot_reach_is_refused(
    objective: str, worst_seconds: float, source: str
) -> None:
    assert problems_of(with_values(lab(), {f'objectives.{objective}': worst_seconds})) == []
    path, reason = only_problem(with_values(lab(), {f'objectives.{objective}': worst_seconds - 0.1}))
    assert path == f'objectives.{objective}'
    assert f'{source} allow up to {worst_seconds:g} s' in reason


@pytest.mark.parametrize(
    ('setting', 'value', 'objectives'),
    [
        ('vrrp.advert_interval_seconds', 1.0, {'virtual_address_move_seconds'}),
        ('haproxy.fall', 4, {'backend_loss_seconds'}),
        ('haproxy.check_interval_milliseconds', 2000, {'backend_loss_seconds'}),
        ('haproxy.rise', 6, {'database_host_loss_seconds'}),
        ('patroni.ttl_seconds', 30, {'database_host_loss_seconds'}),
        ('patroni.loop_wait_seconds', 2, {'database_crash_seconds'}),
        ('patroni.primary_start_timeout_seconds', 2, {'database_crash_seconds'}),
        ('sentinel.down_after_milliseconds', 14000, {'cache_loss_seconds'}),
    ],
)
def test_a_setting_that_breaks_an_objective_is_refused(setting: str, value: float, objectives: set[str]) -> None:
    found = problems_of(with_values(lab(), {f'timing.{setting}': value}))
    assert {problem.path for problem in found} == {f'objectives.{name}' for name in objectives}


@pytest.mark.parametrize('tier', ['firewall', 'edge', 'balancer', 'app', 'data', 'monitoring'])
def test_existing_hosts_of_a_tier_in_one_fault_domain_are_refused(tier: str) -> None:
    prefix = {'firewall': 'fw', 'balancer': 'lb', 'data': 'db', 'monitoring': 'mon'}.get(tier, tier)
    count = 3 if tier == 'data' else 2
    values = {f'target.hosts.{prefix}-{number}.fault_domain': 'rack-7' for number in range(1, count + 1)}
    path, reason = only_problem(with_values(onprem(), values))
    assert path == f'target.hosts.{prefix}-1.fault_domain'
    assert f"all hosts of tier {tier} are in 'rack-7'" in reason
    assert (
        problems_of(with_values(onprem(), values | {'size': 'mini', f'tiers.{tier}.count': count} | minis(tier))) == []
    )


def minis(kept: str) -> dict[str, Any]:
    """Return the counts of size full for the other tiers, so that every host still belongs to one."""
    counts = {'firewall': 2, 'edge': 2, 'balancer': 2, 'app': 2, 'monitoring': 2, 'client': 2}
    return {f'tiers.{tier}.count': count for tier, count in counts.items() if tier != kept}


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'target.hosts.db-3': ABSENT}, 'target.hosts.db-3', 'is missing; tier data has 3 hosts'),
        ({'target.hosts.client-2': ABSENT}, 'target.hosts.client-2', 'is missing; tier client has 2 hosts'),
        (
            {'target.hosts.app-9': {'address': '10.1.20.30', 'fault_domain': 'rack-1'}},
            'target.hosts.app-9',
            'belongs to no tier',
        ),
        (
            {'target.hosts.app-2.address': '10.1.20.11'},
            'target.hosts.app-2.address',
            '10.1.20.11 is the address of app-1 too',
        ),
        (
            {'target.hosts.app-2.address': '10.1.30.40'},
            'target.hosts.app-2.address',
            '10.1.30.40 is not in zone app (10.1.20.0/24)',
        ),
        (
            {'target.hosts.fw-1.zone_addresses.app': ABSENT},
            'target.hosts.fw-1.zone_addresses.app',
            'is missing; a firewall stands in every zone',
        ),
        (
            {'target.hosts.fw-1.zone_addresses.app': '10.1.30.77'},
            'target.hosts.fw-1.zone_addresses.app',
            '10.1.30.77 is not in zone app',
        ),
        (
            {'target.hosts.fw-2.zone_addresses.app': '10.1.20.2'},
            'target.hosts.fw-2.zone_addresses.app',
            '10.1.20.2 is the address of fw-1 too',
        ),
        (
            {'target.hosts.fw-1.zone_addresses.moon': '10.9.9.9'},
            'target.hosts.fw-1.zone_addresses.moon',
            'moon is no zone of the platform',
        ),
        (
            {'target.hosts.app-1.zone_addresses': {'app': '10.1.20.11'}},
            'target.hosts.app-1.zone_addresses',
            'is for firewalls only',
        ),
    ],
)
def test_each_fault_of_existing_hosts_is_said(values: dict[str, Any], path: str, reason: str) -> None:
    found_path, found_reason = only_problem(with_values(onprem(), values))
    assert found_path == path
    assert reason in found_reason


@pytest.mark.parametrize(
    ('host', 'address'),
    [
        ('app-1', '10.1.20.254'),
        ('lb-1', '10.1.10.253'),
        ('app-1', '10.1.20.0'),
        ('app-1', '10.1.20.255'),
    ],
    ids=['gateway', 'balancers', 'network', 'broadcast'],
)
def test_an_existing_host_cannot_have_an_address_that_is_virtual_or_the_networks_own(host: str, address: str) -> None:
    found = problems_of(with_values(onprem(), {f'target.hosts.{host}.address': address}))
    assert f'target.hosts.{host}.address' in {problem.path for problem in found}


def test_the_address_of_a_firewall_is_the_one_that_it_is_managed_under() -> None:
    """Two addresses in mgmt are a contradiction: either it is refused, or `address` is the one that is used."""
    document = with_values(onprem(), {'target.hosts.fw-1.address': '10.1.40.40'})
    if not problems_of(document):
        assert str(topology_of(platform_of(document)).host('fw-1').address) == '10.1.40.40'


@pytest.mark.parametrize('backend', ['postgres://anlan:secret@db/state', 's3://key:secret@bucket'])
def test_a_password_in_the_states_address_is_refused_and_not_repeated(backend: str) -> None:
    (problem,) = problems_of(with_values(lab(), {'state.backend': backend}))
    assert problem.path == 'state.backend'
    assert 'secret' not in problem.reason


def test_an_operator_has_a_name_of_their_own_and_a_public_key() -> None:
    good = {'li-wei': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ li-wei'}
    assert problems_of(with_values(lab(), {'configuration.operators': good})) == []
    (problem,) = problems_of(with_values(lab(), {'configuration.operators': {'postgres': good['li-wei']}}))
    assert problem.path == 'configuration.operators.postgres'
    for wrong in ({'Li Wei': good['li-wei']}, {'li-wei': '-----BEGIN ' + 'A KEY-----'}, {'li-wei': 'no key'}):
        assert problems_of(with_values(lab(), {'configuration.operators': wrong}))
