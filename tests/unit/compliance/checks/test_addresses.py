"""Checks of addresses: interfaces, ways and neighbours as `ip` tells them."""

import json

from compliance.checks import test_addresses as addresses
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails


def interface(*pairs, name='eth0', **more):
    return {'ifname': name, 'flags': [], **more, 'addr_info': [
        {'local': local, 'prefixlen': length, 'scope': 'global'} for local, length in pairs
    ]}  # fmt: skip


def host(*interfaces, routes='[]', neighbours='[]'):
    return Asked({
        addresses.INTERFACES: json.dumps(interfaces), addresses.WAYS: f'{routes}\n--\n[]\n--\n{neighbours}\n--\nend\n',
    })  # fmt: skip


OWN = interface(('198.18.30.11', 24))


def test_a_host_with_its_own_address_alone_passes():
    for check in (
        addresses.test_a_host_has_no_address_but_those_declared,
        addresses.test_a_host_stands_in_one_zone_alone,
        addresses.test_each_interface_belongs_to_a_zone,
        addresses.test_an_address_has_the_network_of_its_zone,
    ):
        check(host(OWN), expected('db-1'))


def test_an_address_in_another_zone_is_named():
    other = host(OWN, interface(('198.18.40.99', 24), name='eth1'))
    fails(addresses.test_a_host_stands_in_one_zone_alone, other, expected('db-1'), saying='198.18.40.99')
    fails(addresses.test_each_interface_belongs_to_a_zone, other, expected('db-1'), saying='eth1')


def test_an_address_that_moves_may_be_there_or_not():
    balancer = interface(('198.18.10.11', 24), ('198.18.10.253', 24))
    addresses.test_a_host_has_no_address_but_those_declared(host(balancer), expected('lb-1'))
    addresses.test_a_host_has_each_address_that_is_declared(host(interface(('198.18.10.11', 24))), expected('lb-1'))


def test_a_wider_network_than_the_zones_is_seen():
    wide = host(interface(('198.18.30.11', 16)))
    fails(addresses.test_an_address_has_the_network_of_its_zone, wide, expected('db-1'), saying='/16')


def test_a_way_without_a_gateway_or_over_a_stranger_is_seen():
    check = addresses.test_the_way_out_is_the_firewall_and_no_other
    good = '[{"dst": "default", "gateway": "198.18.30.254"}, {"dst": "198.18.30.0/24", "dev": "eth0"}]'
    check(host(OWN, routes=good), expected('db-1'))
    for bad in ('[{"dst": "default", "dev": "lo"}]', '[{"dst": "10.0.0.0/8", "gateway": "198.18.30.9"}]'):
        fails(check, host(OWN, routes=bad), expected('db-1'), saying='no firewall keeps')


def test_a_stranger_in_the_zone_is_named_and_who_never_answered_is_none():
    check = addresses.test_no_stranger_is_seen_in_the_zones_inside
    known = '{"dst": "198.18.30.12", "lladdr": "02:00:00:00:00:01"}'
    check(host(OWN, neighbours=f'[{known}, {{"dst": "198.18.30.77", "state": ["FAILED"]}}]'), expected('db-1'))
    stranger = '{"dst": "198.18.30.77", "lladdr": "02:00:00:00:00:02"}'
    fails(check, host(OWN, neighbours=f'[{known}, {stranger}]'), expected('db-1'), saying='198.18.30.77')
    cannot_judge(check, host(OWN), expected('db-1'), saying='no neighbour')


def test_lost_frames_are_seen_where_they_are_more_than_a_few():
    def counted(lost):
        ways = {'rx': {'packets': 100000, 'errors': 0, 'dropped': lost}}
        return host(interface(('198.18.30.11', 24), stats64=ways))

    addresses.test_interfaces_lose_next_to_nothing(counted(100))
    fails(addresses.test_interfaces_lose_next_to_nothing, counted(900), saying='900 of 100000')
