"""A topology follows from the platform file alone: hosts, addresses, virtual addresses, fault domains."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from anlan.platform.checks import RESERVED_LOW
from anlan.platform.tiers import COUNTS, MAXIMUM_COUNT
from infra.topology import LINK_ZONE
from tests.unit.samples import dual_stack, lab, onprem, topology_from, with_values


def test_size_full_has_seventeen_hosts_and_size_mini_has_eleven() -> None:
    assert len(topology_from(lab()).hosts) == 17
    assert len(topology_from(lab('mini')).hosts) == 11


def test_hosts_are_named_by_tier_and_number() -> None:
    names = [host.name for host in topology_from(lab()).hosts]
    assert names == [
        'fw-1', 'fw-2', 'edge-1', 'edge-2', 'lb-1', 'lb-2', 'app-1', 'app-2', 'db-1', 'db-2', 'db-3',
        'mon-1', 'mon-2', 'ops-1', 'vault-1', 'client-1', 'client-2',
    ]  # fmt: skip


def test_the_same_platform_gives_the_same_topology() -> None:
    assert topology_from(lab()) == topology_from(lab())


def test_a_host_stands_in_its_zone_and_only_a_firewall_in_every_zone() -> None:
    topology = topology_from(lab())
    zones = [network.zone for network in topology.networks]
    for host in topology.hosts:
        assert list(host.addresses) == (zones if host.tier == 'firewall' else [host.zone])
        assert all(address in topology.network(zone).subnet for zone, address in host.addresses.items())
    assert str(topology.host('fw-2').addresses['app']) == '198.18.20.3'
    assert str(topology.host('fw-2').address) == '198.18.40.3'


def test_edges_and_clients_stand_in_both_uplinks() -> None:
    topology = topology_from(lab())
    for tier in ('edge', 'client'):
        assert [host.zone for host in topology.tier(tier)] == ['uplink-a', 'uplink-b']


def test_no_address_stands_twice_even_with_as_many_hosts_as_can_be() -> None:
    counts = {'edge': 9, 'app': 9, 'data': 9, 'monitoring': 9, 'client': 9}
    topology = topology_from(with_values(lab(), {f'tiers.{tier}.count': count for tier, count in counts.items()}))
    addresses = [address for host in topology.hosts for address in host.addresses.values()]
    addresses += [virtual.address for virtual in topology.virtual_addresses]
    assert MAXIMUM_COUNT == 9
    assert len(addresses) == len(set(addresses))


def test_hosts_stay_below_the_addresses_that_a_gateway_may_have() -> None:
    counts = {'edge': 9, 'app': 9, 'data': 9, 'monitoring': 9, 'client': 9}
    topology = topology_from(with_values(lab(), {f'tiers.{tier}.count': count for tier, count in counts.items()}))
    for host in topology.hosts:
        for zone, address in host.addresses.items():
            assert 1 < int(address) - int(topology.network(zone).subnet.network_address) < RESERVED_LOW


def test_every_zone_but_the_firewalls_own_link_has_a_virtual_address() -> None:
    topology = topology_from(lab())
    firewall = {virtual.zone: virtual for virtual in topology.virtual_addresses if virtual.tier == 'firewall'}
    assert set(firewall) == {network.zone for network in topology.networks} - {LINK_ZONE}
    assert all(virtual.address == topology.network(zone).gateway for zone, virtual in firewall.items())
    (balancer,) = (virtual for virtual in topology.virtual_addresses if virtual.tier == 'balancer')
    assert (balancer.name, balancer.zone, str(balancer.address)) == ('balancer', 'dmz', '198.18.10.253')


def test_hosts_of_a_tier_are_spread_over_the_fault_domains() -> None:
    topology = topology_from(with_values(lab(), {'fault_domains': ['x', 'y']}))
    for tier in ('firewall', 'edge', 'balancer', 'app', 'data', 'monitoring'):
        assert [host.fault_domain for host in topology.tier(tier)][:2] == ['x', 'y']
    assert topology.host('db-3').fault_domain == 'x'


def test_memory_and_disk_come_from_the_tier() -> None:
    topology = topology_from(with_values(lab(), {'tiers.app': {'memory_mib': 900, 'disk_gib': 7}}))
    assert {(host.memory_mib, host.disk_gib) for host in topology.tier('app')} == {(900, 7)}
    assert topology.host('db-1').memory_mib == 1024


def test_existing_hosts_are_taken_as_they_are() -> None:
    values = {'target.hosts.app-1': {'address': '10.1.20.77', 'fault_domain': 'room-5', 'ssh_port': 2222}}
    topology = topology_from(with_values(onprem(), values))
    host = topology.host('app-1')
    assert (host.addresses, host.fault_domain, host.ssh_port) == ({'app': IPv4Address('10.1.20.77')}, 'room-5', 2222)
    assert str(topology.host('fw-1').addresses['data']) == '10.1.30.2'


def test_the_bastion_is_the_operations_host() -> None:
    assert topology_from(lab()).bastion.name == 'ops-1'


def test_what_is_not_there_is_a_key_error() -> None:
    topology = topology_from(lab())
    for ask in (lambda: topology.host('db-4'), lambda: topology.network('moon')):
        with pytest.raises(KeyError):
            ask()
    assert set(COUNTS['full']) == {host.tier for host in topology.hosts}


def test_only_hosts_in_an_uplink_with_ipv6_have_an_address_of_it() -> None:
    topology = topology_from(dual_stack())
    having = {host.name: {zone: str(each) for zone, each in host.ipv6_addresses.items()} for host in topology.hosts}
    assert {name: addresses for name, addresses in having.items() if addresses} == {
        'fw-1': {'uplink-a': 'fd00:18:0:1::2', 'uplink-b': 'fd00:18:0:2::2'},
        'fw-2': {'uplink-a': 'fd00:18:0:1::3', 'uplink-b': 'fd00:18:0:2::3'},
        'edge-1': {'uplink-a': 'fd00:18:0:1::11'},
        'edge-2': {'uplink-b': 'fd00:18:0:2::12'},
        'client-1': {'uplink-a': 'fd00:18:0:1::31'},
        'client-2': {'uplink-b': 'fd00:18:0:2::32'},
    }
    virtual = {each.name: str(each.ipv6_address) for each in topology.virtual_addresses if each.ipv6_address}
    assert virtual == {'firewall-uplink-a': 'fd00:18:0:1::254', 'firewall-uplink-b': 'fd00:18:0:2::254'}


def test_a_platform_without_ipv6_has_no_address_of_it() -> None:
    topology = topology_from(lab())
    assert not any(host.ipv6_addresses for host in topology.hosts)
    assert not any(each.ipv6_address for each in topology.virtual_addresses)
