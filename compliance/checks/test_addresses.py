"""Addresses of a host, its ways and its neighbours: the zones as they are, compared with those declared."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface, ip_network

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.violation import answered, run

INTERFACES = 'ip -j -d -s addr'
WAYS = (
    'ip -j route; echo --; ip -6 -j route; echo --; ip -j neigh; echo --; '
    'for each in /sys/class/net/*; do if [ -e $each/wireless ] || [ -e $each/phy80211 ]; then echo ${each##*/}; fi; '
    'done; echo end'
)
OWN = 'set -- $(ip -4 -o addr show scope global | grep -v " lo " | head -1 | tr / " ")'
"""For the shell of a violation: $2 is the first interface, $4 its address."""


def addresses(host):
    """Return what the host says of its interfaces, the loopback among them."""
    said = host.run(INTERFACES)
    assert said.rc == 0, f'the interfaces are not told: {said.stderr.strip()}'
    return json.loads(said.stdout)


def ways(host):
    """Return routes, neighbours, and the names of wireless interfaces."""
    parts = host.run(WAYS).stdout.split('--\n')
    if len(parts) != 4 or not parts[3].endswith('end\n'):
        not_verified('the host does not tell its ways and neighbours')
    routes = [each for part in parts[:2] for each in json.loads(part.strip() or '[]')]
    return routes, json.loads(parts[2].strip() or '[]'), parts[3].split()[:-1]


def wide_addresses(host):
    """Return the addresses of all interfaces that others can reach."""
    return {
        ip_interface(f'{each["local"]}/{each["prefixlen"]}')
        for interface in addresses(host) for each in interface['addr_info'] if each['scope'] == 'global'
    }  # fmt: skip


def declared(expected):
    """Return the addresses that the host may have, those that move among them."""
    own = [*expected.variables['anlan_addresses'].values(), *expected.variables['anlan_ipv6_addresses'].values()]
    moving = [
        address for each in expected.topology['virtual_addresses'].values() if each['tier'] == expected.tier
        for address in (each['address'], each['ipv6_address']) if address
    ]  # fmt: skip
    return {ip_address(each) for each in own}, {ip_address(each) for each in moving}


@clauses('22239-8.1.2.1-c', '22239-8.1.2.1-d')
@violation(run('ip addr add 192.0.2.77/32 dev lo', 'ip addr del 192.0.2.77/32 dev lo 2>/dev/null || true'))
def test_a_host_has_no_address_but_those_declared(host, expected):
    own, moving = declared(expected)
    more = {each for each in wide_addresses(host) if each.ip not in own | moving}
    assert not more, f'addresses that nobody declared: {", ".join(map(str, sorted(more, key=str)))}'


@clauses('22239-8.1.2.1-c')
@violation(answered(INTERFACES, '[{"ifname": "eth0", "addr_info": []}]'))
def test_a_host_has_each_address_that_is_declared(host, expected):
    missing = declared(expected)[0] - {each.ip for each in wide_addresses(host)}
    assert not missing, f'declared and not there: {", ".join(map(str, sorted(missing, key=str)))}'


@clauses('22239-8.1.2.1-c')
@violation(
    answered(INTERFACES, '[{"ifname": "e", "addr_info": [{"local": "10.0.0.1", "prefixlen": 8, "scope": "global"}]}]')
)
def test_an_address_has_the_network_of_its_zone(host, expected):
    networks = {
        ip_network(subnet) for each in expected.topology['networks'].values()
        for subnet in (each['subnet'], each['ipv6_subnet']) if subnet
    }  # fmt: skip
    found = wide_addresses(host)
    assert found, 'the host has no address'
    wrong = [
        str(each) for each in found if each.network not in networks and each.network.prefixlen != each.max_prefixlen
    ]
    assert not wrong, f'not of the network of any zone: {", ".join(wrong)}'


@clauses('22239-8.1.2.1-d')
@tiers('edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
@violation(run('ip addr add 192.0.2.77/32 dev lo', 'ip addr del 192.0.2.77/32 dev lo 2>/dev/null || true'))
def test_a_host_stands_in_one_zone_alone(host, expected):
    subnet = ip_network(expected.topology['networks'][expected.variables['anlan_zone']]['subnet'])
    elsewhere = [str(each) for each in wide_addresses(host) if each.version == 4 and each.ip not in subnet]
    assert not elsewhere, f'the host stands outside its zone, too: {", ".join(elsewhere)}'


@clauses('22239-8.1.3.1-a', '22239-8.1.3.1-c')
@violation(run('ip link add anlan-pl0 type veth peer name anlan-pl1', 'ip link del anlan-pl0 2>/dev/null || true'))
def test_each_interface_belongs_to_a_zone(host, expected):
    own, _ = declared(expected)
    more = [
        interface['ifname'] for interface in addresses(host) if interface['ifname'] != 'lo'
        and not any(ip_address(each['local']) in own for each in interface['addr_info'])
    ]  # fmt: skip
    assert not more, f'interfaces without a declared address, as a tunnel or another network has: {", ".join(more)}'


@clauses('22239-8.1.3.3-b')
@violation(run('ip link set lo promisc on', 'ip link set lo promisc off'))
def test_no_interface_takes_what_is_for_others(host):
    found = [each['ifname'] for each in addresses(host) if each.get('promiscuity') or 'PROMISC' in each['flags']]
    assert not found, f'interfaces that take what is for others: {", ".join(found)}'


@clauses('22239-8.1.2.1-a', '22239-8.1.2.1-b')
@violation(answered(
    INTERFACES, '[{"ifname": "eth0", "stats64": {"rx": {"packets": 1000, "errors": 50, "dropped": 0}}}]'
))  # fmt: skip
def test_interfaces_lose_next_to_nothing(host):
    bad = []
    for each in addresses(host):
        for way, count in each.get('stats64', {}).items():
            lost = count['errors'] + count['dropped']
            if lost > 20 + count['packets'] / 1000:
                bad.append(f'{each["ifname"]} {way}: {lost} of {count["packets"]}')
    if not any('stats64' in each for each in addresses(host)):
        not_verified('the interfaces do not count')
    assert not bad, f'frames lost, more than one in a thousand: {"; ".join(bad)}'


@clauses('22239-8.1.3.1-a', '22239-8.1.3.1-c')
@violation(
    run('ip route add default dev lo metric 9999', 'ip route del default dev lo metric 9999 2>/dev/null || true')
)
def test_the_way_out_is_the_firewall_and_no_other(host, expected):
    routes = ways(host)[0]
    assert routes, 'the host has no route at all'
    gateways = {
        address
        for each in expected.topology['networks'].values()
        for address in (each['gateway'], each['ipv6_gateway'])
        if address
    }
    wrong = [
        each
        for each in routes
        if (each.get('gateway') or each['dst'] == 'default') and each.get('gateway') not in gateways
    ]
    assert not wrong, 'ways that no firewall keeps: ' + '; '.join(
        f'{each["dst"]} over {each.get("gateway", each.get("dev"))}' for each in wrong
    )


@clauses('22239-8.1.3.1-b')
@violation(run(
    f'{OWN}; ip neigh replace ${{4%.*}}.250 lladdr 02:00:00:00:00:99 dev $2 nud permanent',
    f'{OWN}; ip neigh del ${{4%.*}}.250 dev $2 2>/dev/null || true',
))  # fmt: skip
@tiers('firewall', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
def test_no_stranger_is_seen_in_the_zones_inside(host, expected):
    networks = expected.topology['networks']
    inside = [ip_network(each['subnet']) for zone, each in networks.items() if not zone.startswith('uplink')]
    known = {ip_address(each) for each in expected.addresses()}
    known |= {ip_address(each['address']) for each in expected.topology['virtual_addresses'].values()}
    known |= {ip_address(each['gateway']) for each in networks.values()}
    if expected.platform['target']['kind'] == 'lab':
        # The machine on which a lab runs has the first address of each of its networks.
        known |= {each.network_address + 1 for each in inside}
    seen = {
        ip_address(each['dst']): each for each in ways(host)[1]
        if each.get('lladdr') and any(ip_address(each['dst']) in network for network in inside)
    }  # fmt: skip
    if not seen:
        not_verified('the host has heard of no neighbour lately')
    strangers = [f'{address} ({seen[address]["lladdr"]})' for address in sorted(set(seen) - known)]
    assert not strangers, f'neighbours that are no host of the platform: {", ".join(strangers)}'


@clauses('22239-8.1.2.1-c')
@violation(
    answered(
        INTERFACES, '[{"ifname": "e", "addr_info": [{"local": "2001:db8::1", "prefixlen": 64, "scope": "global"}]}]'
    )
)
@tiers('balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
def test_what_needs_no_ipv6_has_none(host, expected):
    if expected.variables['anlan_ipv6_addresses']:
        not_applicable('the platform declares IPv6 in this zone')
    found = [str(each) for each in wide_addresses(host) if each.version == 6]
    assert not found, f'IPv6 that nobody declared: {", ".join(found)}'


@clauses('22239-8.1.3.1-d')
@violation(answered('phy80211', '[]\n--\n[]\n--\n[]\n--\nwlan0\nend\n'))
def test_no_interface_is_wireless(host):
    found = ways(host)[2]
    assert not found, f'wireless: {", ".join(found)}'
