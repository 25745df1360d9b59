"""Redundancy: the other hosts of a tier, the addresses that move between them, the carriers, as a host sees them."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.violation import answered

REDUNDANT = ('firewall', 'edge', 'balancer', 'app', 'data', 'monitoring')
FEWEST = {'data': 3}
"""A quorum needs three; of all else two are enough."""

INTERFACES = 'ip -j -d -s addr'
NAME = 'hostname'
PAIR = (
    'cat /run/anlan/no-conntrackd 2>/dev/null; echo --; conntrackd -s 2>/dev/null; echo --; '
    'cat /run/anlan/zone-fault; echo --; systemctl show -P ActiveState keepalived.service'
)
HOLDERS = 'cat /run/anlan/haproxy-fault; echo --; echo "show stat" | socat - /run/haproxy/admin.sock | cut -d, -f1,2,18'
DATABASE = (
    'python3 -c "import socket\n'
    "link = socket.socket(socket.AF_UNIX); link.settimeout(3); link.connect('/run/haproxy/admin.sock')\n"
    "link.sendall(b'show stat\\n'); said = b''.join(iter(lambda: link.recv(65536), b'')).decode()\n"
    "[print(*[line.split(',')[at] for at in (0, 1, 17)]) for line in said.splitlines() if line.count(',') > 17]\""
)
MEMBERS = 'curl -sk -m 8 https://%s:8008/cluster'


def pings(addresses):
    """Given addresses, return the question which of them answer; all are asked at once."""
    each = '; '.join(
        f'(ping -n -q -c 2 -i 0.2 -W 1 {address} > /dev/null && echo {address}) &' for address in addresses
    )
    return f'{each} wait; echo end'.replace('&;', '&')


def answering(host, addresses):
    """Return which of the addresses answer."""
    lines = host.run(pings(addresses)).stdout.split()
    if lines[-1:] != ['end']:
        not_verified('nobody could be asked')
    return set(lines[:-1])


def others(expected, zone):
    """Return the addresses in a zone of the other hosts of the tier."""
    every = expected.outputs['hosts']
    return {
        str(every[name]['variables']['anlan_addresses'][zone]) for name in expected.hosts(expected.tier)
        if name != expected.name and zone in every[name]['variables']['anlan_addresses']
    }  # fmt: skip


def pair(host):
    """Return why connections are not shared, what conntrackd counts, the fault file and the state of keepalived."""
    parts = [part.strip() for part in host.run(PAIR).stdout.split('--\n')]
    if len(parts) != 4:
        not_verified('the firewall does not say how its pair is')
    return parts


def paired(
    reason='',
    counts='cache internal:\nconnections created: 1 failed: 0\n 0 Malformed msgs 0 Lost msgs',
    fault='0',
    state='active',
):
    """Return the violation of an answer in which something is otherwise."""
    return answered('zone-fault', f'{reason}\n--\n{counts}\n--\n{fault}\n--\n{state}\n')


@tiers(*REDUNDANT)
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered(NAME, 'somebody-else\n'))
def test_there_are_enough_hosts_of_the_tier_and_this_is_one(host, expected):
    said = host.run(NAME)
    assert said.rc == 0 and said.stdout.strip() == expected.name, (
        f'{said.stdout.strip() or "nobody"} answers as {expected.name}'
    )
    names = expected.hosts(expected.tier)
    fewest = FEWEST.get(expected.tier, 2)
    assert len(names) >= fewest, f'{len(names)} host(s) of the tier, {fewest} are needed to lose one'


@tiers(*REDUNDANT)
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered(NAME, 'somebody-else\n'))
def test_hosts_of_the_tier_do_not_fail_together(host, expected):
    said = host.run(NAME)
    assert said.stdout.strip() == expected.name, f'{said.stdout.strip() or "nobody"} answers as {expected.name}'
    domains = [
        expected.outputs['hosts'][name]['variables']['anlan_fault_domain'] for name in expected.hosts(expected.tier)
    ]
    assert len(set(domains)) > 1, f'all in {domains[0]}'
    # Of three, the loss of one domain may not take the two that are needed.
    most = max(domains.count(each) for each in set(domains))
    assert len(domains) - most >= 1 and most <= len(domains) - FEWEST.get(expected.tier, 2) // 2, (
        f'by domain: {sorted(domains)}'
    )


@tiers('firewall', 'balancer', 'app', 'data', 'monitoring')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered('ping -n', 'end\n'))
def test_the_other_hosts_of_the_tier_live(host, expected):
    zone = 'sync' if expected.tier == 'firewall' else expected.variables['anlan_zone']
    wanted = others(expected, zone)
    if not wanted:
        not_applicable('the host is the only one of its tier')
    silent = wanted - answering(host, sorted(wanted))
    assert not silent, f'do not answer: {", ".join(sorted(silent))}'


@tiers('edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered('ping -n', 'end\n'))
def test_the_way_out_of_the_zone_is_held_by_a_firewall(host, expected):
    gateway = expected.variables['anlan_gateway']
    assert answering(host, [gateway]) == {gateway}, f'nobody holds {gateway}'


@tiers('balancer')
@clauses('22239-8.1.2.1-e', 'cosha-5.2', 'cosha-5.1')
@violation(answered('ping -n', 'end\n'))
def test_the_address_of_the_balancers_is_held(host, expected):
    address = expected.topology['virtual_addresses']['balancer']['address']
    assert answering(host, [address]) == {address}, f'nobody holds {address}'


@tiers('firewall')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered(INTERFACES, '[{"addr_info": [{"local": "HELD", "scope": "global"}]}]'))
def test_a_firewall_holds_every_address_that_moves_or_none(host, expected):
    said = host.run(INTERFACES)
    assert said.rc == 0, 'the interfaces are not told'
    held = {
        ip_address(each['local'])
        for interface in json.loads(said.stdout.replace('HELD', '192.0.2.1'))
        for each in interface['addr_info']
    }
    every = [each for each in expected.topology['virtual_addresses'].values() if each['tier'] == 'firewall']
    moving = {ip_address(address) for each in every for address in (each['address'], each['ipv6_address']) if address}
    own = {ip_address(address) for address in expected.variables['anlan_addresses'].values()}
    assert own <= held, 'the firewall does not have its own addresses'
    assert moving <= held or not moving & held, (
        f'held by one firewall alone should be all: {sorted(map(str, moving & held))}'
    )


@tiers('firewall')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(paired(state='failed'))
def test_addresses_can_move_to_this_firewall(host):
    assert pair(host)[3] == 'active', f'keepalived is {pair(host)[3]}'


@tiers('firewall')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(paired(fault='1'))
def test_a_firewall_sees_its_zones(host, expected):
    if len(expected.hosts('firewall')) < 2:
        not_applicable('there is one firewall')
    assert pair(host)[2] == '0', 'it sees less of its zones than the other firewall, and holds no address'


@pytest.mark.parametrize('what', [
    pytest.param('failed', marks=violation(paired(counts='cache internal:\ncreated: 9 failed: 7\n0 Lost msgs'))),
    pytest.param('lost', marks=violation(paired(counts='cache internal:\ncreated: 9 failed: 0\n 9999 Lost msgs'))),
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
def test_the_other_firewall_knows_the_connections(host, expected, what):
    if len(expected.hosts('firewall')) < 2:
        not_applicable('there is one firewall')
    reason, counts, _, _ = pair(host)
    if reason:
        not_verified(reason)
    assert 'cache internal' in counts, 'the states of connections are not shared'
    words = counts.split()
    if what == 'failed':
        number = sum(int(words[at + 1]) for at, word in enumerate(words) if word == 'failed:')
        assert number == 0, f'{number} states could not be kept'
    else:
        number = sum(int(words[at - 1]) for at, word in enumerate(words) if word == 'Lost')
        assert number <= 100, f'{number} messages of the other firewall were lost'


@tiers('balancer')
@clauses('22239-8.1.2.1-e', 'cosha-5.2', 'cosha-5.1')
@violation(answered('show stat', '0\n--\napp_ready,app-1,DOWN\napp_ready,app-2,UP\napp_ready,BACKEND,UP\n'))
def test_more_than_one_app_host_takes_requests(host, expected):
    lines = host.run(HOLDERS).stdout.partition('--\n')[2].splitlines()
    states = {line.split(',')[1]: line.split(',')[2] for line in lines if line.startswith('app_ready,')}
    if not states:
        not_verified('HAProxy does not tell its servers')
    wanted = set(expected.hosts('app'))
    up = {name for name in wanted if states.get(name, '').startswith('UP')}
    assert up == wanted, f'take no requests: {", ".join(sorted(wanted - up))}'


@tiers('app')
@clauses('22239-8.1.2.1-e', 'cosha-5.2', 'cosha-5.1')
@violation(answered('/run/haproxy/admin.sock', 'database db-1 DOWN\ndatabase db-2 DOWN\n'))
def test_the_way_to_the_database_leads_to_one_leader_of_several(host, expected):
    lines = [line.split() for line in host.run(DATABASE).stdout.splitlines()]
    states = {
        each[1]: ' '.join(each[2:])
        for each in lines
        if each and each[0] == 'database' and each[1] in expected.hosts('data')
    }
    if not states:
        not_verified('HAProxy does not tell its servers')
    assert set(states) == set(expected.hosts('data')), f'it knows {", ".join(sorted(states))} alone'
    up = [name for name, state in states.items() if state.startswith('UP')]
    assert len(up) == 1, f'{len(up)} leaders are known: {", ".join(up) or "none"}'


@tiers('data')
@clauses('22239-8.1.2.1-e', 'cosha-5.2')
@violation(answered('/cluster', '{"members": [{"name": "db-1", "role": "leader", "state": "running", "timeline": 1}]}'))
def test_every_member_of_the_database_follows_one_leader(host, expected):
    said = host.run(MEMBERS, expected.variables['anlan_address'])
    if said.rc != 0:
        not_verified('Patroni does not answer')
    members = {each['name']: each for each in json.loads(said.stdout)['members']}
    assert set(members) == set(expected.hosts('data')), f'members: {", ".join(sorted(members))}'
    leaders = [name for name, each in members.items() if each['role'] == 'leader']
    assert len(leaders) == 1, f'{len(leaders)} leaders'
    lame = [
        f'{name} ({each["state"]})' for name, each in members.items() if each['state'] not in ('running', 'streaming')
    ]
    assert not lame, f'do not follow: {", ".join(lame)}'


@pytest.mark.parametrize('family', [
    pytest.param('ipv4', marks=violation(answered('/edgez', 'end\n'))),
    pytest.param('ipv6', marks=violation(answered('/edgez', 'end\n'))),
])  # fmt: skip
@tiers('client')
@clauses('cosha-5.4', 'cosha-5.2')
def test_a_learner_comes_in_by_every_carrier(host, expected, family):
    door, every = expected.platform['front_door'], expected.outputs['hosts']
    key = 'anlan_addresses' if family == 'ipv4' else 'anlan_ipv6_addresses'
    if family == 'ipv6' and not expected.variables['anlan_ipv6_addresses']:
        not_applicable('the learner has no IPv6')
    ways = {name: list(every[name]['variables'][key].values()) for name in expected.hosts('edge')}
    address = {name: (f'[{each[0]}]' if family == 'ipv6' else each[0]) for name, each in ways.items() if each}
    assert len(address) > 1, f'{len(address)} edge(s) over {family}'
    asked = '; '.join(
        f'curl -sk -m 8 --resolve {door["name"]}:{door["port"]}:{each} https://{door["name"]}:{door["port"]}/edgez'
        for each in address.values()
    )
    said = host.run(f'{asked}; echo end').stdout.split()
    if said[-1:] != ['end']:
        not_verified('the learner cannot be asked')
    missing = set(address) - set(said)
    assert not missing, f'not reached over {family}: {", ".join(sorted(missing))}'


@tiers('edge')
@clauses('cosha-5.4', '22239-8.1.2.1-e')
@violation(answered(INTERFACES, '[{"ifname": "eth0", "addr_info": []}]'))
def test_each_carrier_has_an_edge_of_its_own(host, expected):
    zones = {expected.outputs['hosts'][name]['variables']['anlan_zone'] for name in expected.hosts('edge')}
    assert len(zones) > 1, f'all edges stand at {", ".join(zones)}'
    said = host.run(INTERFACES)
    assert said.rc == 0, 'the interfaces are not told'
    held = {each['local'] for interface in json.loads(said.stdout) for each in interface['addr_info']}
    own = expected.variables['anlan_address']
    assert own in held, f'this edge does not have {own}, its address at {expected.variables["anlan_zone"]}'
