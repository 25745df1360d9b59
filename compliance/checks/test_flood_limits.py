"""Limits of the network: what one source may send, as the kernel has it, held against the platform file."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, tiers, violation
from compliance.violation import run

LIMITS = 'nft -j -t list table inet anlan_limits'
ANEW = 'nft -f /etc/anlan/limits.nft'
METERS = ('syns', 'prefix_syns', 'new_connections', 'datagrams', 'echo_requests', 'connections')


def loaded(host):
    """Return chains and rules of the limits. None of the sources that are counted."""
    said = host.run(LIMITS)
    assert said.rc == 0, f'no limits are loaded: {said.stderr.strip()}'
    every = json.loads(said.stdout)['nftables']
    return [each['chain'] for each in every if 'chain' in each], [each['rule'] for each in every if 'rule' in each]


def dropping(host, chain):
    """Given a chain, return its rules that drop."""
    return [rule for rule in loaded(host)[1] if rule['chain'] == chain and any('drop' in part for part in rule['expr'])]


def meters(rules, name):
    """Given rules and the name of a meter, return the limit of each rule that fills it and then drops."""
    found = {}
    for rule in rules:
        parts = {kind: value for each in rule['expr'] for kind, value in each.items()}
        if 'set' in parts and 'drop' in parts and parts['set']['set'].rpartition('_')[0] == f'@{name}':
            found[parts['set']['set'][-2:]] = parts['set']['stmt'][0]
    return found


def emptied(name):
    """Given a meter, return the violation that takes the rules out that fill it, until all is loaded anew."""
    return run(
        'nft -a list table inet anlan_limits | '
        f"awk '/^\\tchain/ {{ chain = $2 }} / @{name}_v[46] / {{ print chain, $NF }}' | "
        'while read -r chain each; do nft delete rule inet anlan_limits $chain handle $each; done',
        ANEW,
    )


@pytest.mark.parametrize(
    'name', [pytest.param(each, id=each.replace('_', '-'), marks=violation(emptied(each))) for each in METERS]
)
@tiers('firewall', 'edge')
@clauses('22239-8.1.2.1-a', '22239-8.1.3.3-a', 'cosha-5.3')
def test_a_source_that_sends_too_much_is_held_back(host, expected, name):
    limit = expected.platform['limits'][name]
    found = meters(loaded(host)[1], name)
    assert set(found) == {'v4', 'v6'}, f'{name} is limited over {sorted(found) or "nothing"} alone'
    for version, each in found.items():
        if name == 'connections':
            assert each.get('ct count') == {'val': limit, 'inv': True}, f'{name} {version}: {each}, {limit} declared'
        else:
            rate = each.get('limit', {})
            assert (rate.get('rate'), rate.get('burst'), rate.get('per'), rate.get('inv')) == (
                limit['per_second'], limit['burst'], 'second', True,
            ), f'{name} {version}: {rate}, {limit} declared'  # fmt: skip


@tiers('firewall', 'edge')
@clauses('22239-8.1.3.3-a', 'cosha-5.3')
@violation(run("nft 'flush chain inet anlan_limits service'", ANEW))
def test_sources_that_never_held_a_connection_share_one_limit(host, expected):
    wanted = expected.platform['limits']['service_syns']
    rates = [part['limit'] for rule in dropping(host, 'service') for part in rule['expr'] if 'limit' in part]
    assert rates, 'a flood from everywhere meets no limit'
    assert rates[0]['rate'] == wanted['per_second'], f'{rates[0]["rate"]} a second, {wanted["per_second"]} declared'


@tiers('firewall', 'edge')
@clauses('22239-8.1.3.3-a')
@violation(run(
    "nft -a list chain inet anlan_limits datagrams | sed -n 's/.*11211.*# handle //p' | "
    'while read -r each; do nft delete rule inet anlan_limits datagrams handle $each; done',
    ANEW,
))  # fmt: skip
def test_answers_of_services_that_amplify_are_dropped(host):
    ports = {
        port for rule in dropping(host, 'datagrams') for part in rule['expr']
        if 'match' in part and part['match']['left'] == {'payload': {'protocol': 'udp', 'field': 'sport'}}
        and isinstance(part['match']['right'], dict) for port in part['match']['right']['set']
    }  # fmt: skip
    passing = sorted({19, 53, 123, 389, 1900, 11211} - ports)
    assert not passing, f'answers from these ports come in, by which others amplify a flood: {passing}'


@tiers('firewall', 'edge')
@clauses('22239-8.1.3.3-a')
@violation(run("nft 'delete table inet anlan_limits'", ANEW))
def test_limits_come_before_connections_are_tracked(host):
    hooked = {each['name']: each for each in loaded(host)[0] if 'hook' in each}
    first = hooked.get('meters', {})
    assert first.get('hook') == 'prerouting', "the meters are in no packet's way"
    # Connection tracking comes at -200: what is held back costs no room in its table.
    assert first['prio'] < -200, f'the meters come at {first["prio"]}, after connection tracking'
