"""Parameters of a host's own network, as they are in effect on each interface."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.violation import SAVED, run

FOR_EACH = {
    'ipv4': ('accept_redirects', 'secure_redirects', 'send_redirects', 'accept_source_route', 'rp_filter', 'proxy_arp',
             'route_localnet', 'bootp_relay', 'forwarding'),
    'ipv6': ('accept_redirects', 'accept_source_route', 'accept_ra', 'forwarding', 'disable_ipv6'),
}  # fmt: skip
SINGLE = {
    'syncookies': ('ipv4/tcp_syncookies', ('1', '2'), 'a flood of half-open connections keeps honest ones out'),
    'rfc1337': ('ipv4/tcp_rfc1337', ('1',), 'a reset ends what waits for its end'),
    'broadcast-echo': ('ipv4/icmp_echo_ignore_broadcasts', ('1',), 'the host answers pings to everybody'),
    'bogus-errors': ('ipv4/icmp_ignore_bogus_error_responses', ('1',), 'errors that nobody asked for are believed'),
    'thin-timeouts': (
        'ipv4/tcp_thin_linear_timeouts',
        ('1',),
        'lost packets are repeated too late when an address moves',
    ),
}
PARAMETERS = 'cd /proc/sys/net && grep -s . ' + ' '.join(
    [f'{family}/conf/*/{name}' for family, names in FOR_EACH.items() for name in names]
    + [path for path, _, _ in SINGLE.values()]
)


def parameters(*paths, value):
    """Given parameters below /proc/sys/net (with * for interfaces) and a value, return the violation that sets them."""
    saved, files = f'{SAVED}/parameters', ' '.join(f'/proc/sys/net/{path}' for path in paths)
    # A container sees /proc/sys read-only; in a view of its own it may be written, and the network is the host's own.
    writable = 'mount -o remount,bind,rw /proc/sys 2>/dev/null'
    return run(
        f'mkdir -p {SAVED}; for each in {files}; do echo "$each $(cat $each)"; done > {saved}; '
        f"unshare --mount sh -c '{writable}; while read -r each old; do echo {value} > $each; done < {saved}'",
        f"if [ -e {saved} ]; then unshare --mount sh -c '{writable}; while read -r each old; do echo $old > $each; "
        f"done < {saved}' && rm -f {saved}; fi",
    )


def values(host):
    """Return the parameters, by path."""
    said = host.run(PARAMETERS)
    found = dict(line.split(':', 1) for line in said.stdout.splitlines())
    if not found:
        not_verified(f'the parameters cannot be read: {said.stderr.strip()}')
    return found


def by_interface(host, family, name):
    """Return what the parameter is of `all`, and of each interface but the loopback."""
    found = values(host)
    prefix, suffix = f'{family}/conf/', f'/{name}'
    each = {
        path[len(prefix) : -len(suffix)]: int(value) for path, value in found.items()
        if path.startswith(prefix) and path.endswith(suffix)
    }  # fmt: skip
    interfaces = {key: value for key, value in each.items() if key not in ('all', 'default', 'lo')}
    if family == 'ipv6':
        off = by_interface(host, 'ipv6', 'disable_ipv6')[1] if name != 'disable_ipv6' else {}
        interfaces = {key: value for key, value in interfaces.items() if not off.get(key)}
        if not interfaces and off:
            not_applicable('no interface of the host speaks IPv6')
    if 'all' not in each or not interfaces:
        not_verified(f'{family} {name} of no interface can be read')
    return each['all'], interfaces


IPV4 = [
    (
        'accept_redirects',
        lambda whole, own, router: own and whole if router else own or whole,
        'redirects are believed',
    ),
    ('secure_redirects', lambda whole, own, router: own or whole, 'redirects of gateways are believed'),
    ('send_redirects', lambda whole, own, router: own or whole, 'redirects are sent'),
    ('accept_source_route', lambda whole, own, router: own and whole, 'who sends a packet chooses its way'),
    ('rp_filter', lambda whole, own, router: max(own, whole) == 0, 'a source without a way back is believed'),
    ('proxy_arp', lambda whole, own, router: own or whole, 'the host answers for others'),
    ('route_localnet', lambda whole, own, router: own or whole, 'what is for the loopback comes from outside'),
    ('bootp_relay', lambda whole, own, router: own and whole, 'requests for addresses are handed on'),
]
"""Parameter; given that of all, of the interface and whether it forwards: whether it is wrong; what then happens."""

CLAUSES_OF = {'send_redirects': '22239-8.1.3.1-a', 'rp_filter': '22239-8.1.3.3-b'}


@pytest.mark.parametrize(
    ('name', 'wrong', 'what'),
    [
        pytest.param(*each, id=each[0].replace('_', '-'), marks=[
            clauses(CLAUSES_OF.get(each[0], '22239-8.1.4.4-b')),
            violation(parameters(f'ipv4/conf/*/{each[0]}', value=0 if each[0] == 'rp_filter' else 1)),
        ])
        for each in IPV4
    ],
)  # fmt: skip
def test_ipv4_in_effect_on_each_interface(host, name, wrong, what):
    whole, interfaces = by_interface(host, 'ipv4', name)
    router = by_interface(host, 'ipv4', 'forwarding')[1]
    bad = {each: value for each, value in interfaces.items() if wrong(whole, value, router.get(each))}
    assert not bad, f'{what}: {name} is {whole} of all and {bad}'


IPV6 = {
    'accept_redirects': (1, lambda whole, own, router: own == 1 and not router, 'redirects are believed'),
    'accept_source_route': (1, lambda whole, own, router: min(whole, own) > 0, 'who sends a packet chooses its way'),
    'accept_ra': (2, lambda whole, own, router: own == 2 or (own == 1 and not router), 'anybody tells it its routes'),
}


def ipv6_cases(*names):
    """Given parameters, return a case of each."""
    return [
        pytest.param(name, id=name.replace('_', '-'), marks=violation(parameters(f'ipv6/conf/*/{name}', value=planted)))
        for name, (planted, _, _) in IPV6.items() if name in names
    ]  # fmt: skip


def judge_ipv6(host, name):
    _, wrong, what = IPV6[name]
    whole, interfaces = by_interface(host, 'ipv6', name)
    router = by_interface(host, 'ipv6', 'forwarding')[1]
    bad = {each: value for each, value in interfaces.items() if wrong(whole, value, router.get(each))}
    assert not bad, f'{what}: {name} is {bad}'


@pytest.mark.parametrize('name', ipv6_cases(*IPV6))
@tiers('edge')
@clauses('22239-8.1.3.1-a', '22239-8.1.4.4-b')
def test_ipv6_in_effect_on_each_interface(host, name):
    judge_ipv6(host, name)


@pytest.mark.parametrize('name', ipv6_cases('accept_source_route', 'accept_ra'))
@tiers('firewall')
@clauses('22239-8.1.3.1-a')
def test_ipv6_in_effect_where_packets_are_handed_on(host, name):
    judge_ipv6(host, name)


@pytest.mark.parametrize(
    ('path', 'right', 'what'),
    [
        pytest.param(*each, id=name, marks=[
            violation(parameters(each[0], value=0)),
            clauses({'syncookies': '22239-8.1.3.3-a', 'thin-timeouts': 'cosha-5.1'}.get(name, '22239-8.1.4.4-b')),
        ])
        for name, each in SINGLE.items()
    ],
)  # fmt: skip
def test_of_the_whole_host(host, path, right, what):
    value = values(host).get(path)
    if value is None:
        not_verified(f'the host has no parameter {path}')
    assert value in right, f'{what}: {path} is {value}'


@pytest.mark.parametrize('family', [
    pytest.param('ipv4', marks=violation(parameters('ipv4/conf/e*/forwarding', value=1))),
    pytest.param('ipv6', marks=violation(parameters('ipv6/conf/e*/forwarding', value=1))),
])  # fmt: skip
@tiers('edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
@clauses('22239-8.1.2.1-d', '22239-8.1.3.1-a')
def test_firewalls_alone_hand_packets_on(host, family):
    found = {
        path: value for path, value in values(host).items()
        if path.startswith(f'{family}/conf/') and path.endswith('/forwarding') and '/default/' not in path
    }  # fmt: skip
    if not found:
        not_verified(f'{family} forwarding cannot be read')
    assert set(found.values()) == {'0'}, (
        f'packets are handed on: {[path for path, value in found.items() if value != "0"]}'
    )
