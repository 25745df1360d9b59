"""Firewalls: the rules as the kernel has them, held against the declared flows."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading.nft_rules import FAMILIES, flow_shape, rule_of, shape
from compliance.reading.sections import part, question, told
from compliance.violation import run

RULES = 'nft -j list table inet anlan'
ASKED = question(
    {
        'chains': 'nft -j list chains',
        'room': 'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max',
    }
)
ANEW = 'nft -f /etc/anlan/firewall.nft'
FILTERS = ('forward', 'input')


def inserted(chain, rule, how='insert'):
    """Given a chain and a rule, return the violation that puts it at the chain's beginning (or, `add`, its end)."""
    return run(
        f'nft \'{how} rule inet anlan {chain} {rule} comment "anlan-planted"\'',
        f"nft -a list chain inet anlan {chain} | sed -n 's/.*anlan-planted.*# handle //p' | "
        f'while read -r each; do nft delete rule inet anlan {chain} handle $each; done',
    )


def taken(chain, comment):
    """Given a chain and the comment of its rule, return the violation that takes the rule out."""
    return run(
        f'nft -a list chain inet anlan {chain} | sed -n \'s/.*comment "{comment}".*# handle //p\' | '
        f'while read -r each; do nft delete rule inet anlan {chain} handle $each; done',
        ANEW,
    )


def table(host):
    """Return the chains of the firewall's table by name, and the rules of each in order."""
    said = host.run(RULES)
    assert said.rc == 0, f'the firewall has no rules loaded: {said.stderr.strip()}'
    chains, rules = {}, {}
    for each in json.loads(said.stdout)['nftables']:
        if 'chain' in each:
            chains[each['chain']['name']] = each['chain']
        elif 'rule' in each:
            rules.setdefault(each['rule']['chain'], []).append(rule_of(each['rule']))
    return chains, rules


def accepting(rules):
    """Given rules, return those that let new connections in: neither answers nor pings that are counted."""
    return [each for each in rules if each['verdict'] == 'accept' and 'ct state' not in each['asks']]


@pytest.mark.parametrize('chain', [
    pytest.param(each, marks=violation(run(
        f"nft 'chain inet anlan {each} {{ policy accept ; }}'", f"nft 'chain inet anlan {each} {{ policy drop ; }}'"
    )))
    for each in FILTERS
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.3.2-a', '22239-8.1.2.1-d')
def test_what_no_rule_names_is_dropped(host, chain):
    found = table(host)[0].get(chain, {})
    assert found.get('hook') == chain, f'the chain {chain} is not in the way of packets'
    assert found.get('policy') == 'drop', f'the policy of {chain} is {found.get("policy")}'


@pytest.mark.parametrize('chain', [pytest.param(each, marks=violation(taken(each, 'undeclared'))) for each in FILTERS])
@tiers('firewall')
@clauses('22239-8.1.3.2-a', '22239-8.1.3.5-a')
def test_what_is_dropped_is_logged_and_shown_to_the_intrusion_detection(host, chain):
    rules = table(host)[1].get(chain, [])
    assert rules, f'{chain} has no rule'
    assert rules[-1]['verdict'] == 'drop' and not rules[-1]['asks'], f'{chain} does not end with a drop of all'
    logs = [log for each in rules[-3:] for log in each['log']]
    assert any(log.get('prefix') for log in logs), f'{chain} drops without a line in the journal'
    assert any(log.get('group') == 5 for log in logs), f'the intrusion detection does not see what {chain} drops'


@pytest.mark.parametrize('chain', [pytest.param(each, marks=violation(taken(each, 'answers'))) for each in FILTERS])
@tiers('firewall')
@clauses('22239-8.1.3.2-d')
def test_answers_pass_by_the_state_of_their_connection(host, chain):
    states = [each['asks']['ct state'] for each in table(host)[1].get(chain, []) if each['verdict'] == 'accept'
              and 'ct state' in each['asks']]  # fmt: skip
    assert states, f'{chain} lets nothing pass by the state of its connection'
    wide = [sorted(found) for _, found in states if found != {'established', 'related'}]
    assert not wide, f'{chain} lets these states pass: {wide}'


@pytest.mark.parametrize('chain', [pytest.param(each, marks=violation(taken(each, 'invalid'))) for each in FILTERS])
@tiers('firewall')
@clauses('22239-8.1.3.2-d')
def test_what_belongs_to_no_connection_is_dropped_before_a_rule_lets_it_pass(host, chain):
    rules = [each for each in table(host)[1].get(chain, []) if 'meta iif' not in each['asks']]
    invalid = [at for at, each in enumerate(rules) if each['verdict'] == 'drop'
               and each['asks'] == {'ct state': ('in', frozenset({'invalid'}))}]  # fmt: skip
    first = next((at for at, each in enumerate(rules) if each in accepting(rules) or 'jump' in each['verdict']), 999)
    assert invalid and invalid[0] < first, f'{chain} does not drop what belongs to no connection, or too late'


@pytest.mark.parametrize('family', [
    pytest.param('ip', id='ipv4', marks=violation(taken('forward', 'app-to-cache'))),
    pytest.param('ip6', id='ipv6', marks=violation(taken('forward', 'learners-quic'))),
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.3.2-b', '22239-8.1.3.2-c', '22239-8.1.10.8-b', '22239-8.1.5.4-e')
def test_each_declared_flow_has_its_rule(host, expected, family):
    loaded = [(each['comment'], shape(each)) for each in accepting(table(host)[1].get('forward', []))]
    wanted = {flow['name']: flow_shape(flow, family) for flow in expected.topology['flows']}
    wanted = {name: each for name, each in wanted.items() if each}
    if not wanted:
        not_applicable(f'no flow is declared over {family}')
    missing = [name for name, each in wanted.items() if (name, each) not in loaded]
    assert not missing, f'flows without a rule of exactly their addresses and ports: {", ".join(missing)}'


@tiers('firewall')
@clauses('22239-8.1.3.2-b', '22239-8.1.3.2-a', '22239-8.1.3.1-c', '22239-8.1.3.5-d', '22239-8.1.10.8-b')
@violation(inserted('forward', 'ip saddr 192.0.2.1 ip daddr 192.0.2.2 tcp dport 4444 accept'))
def test_no_rule_lets_pass_what_is_no_declared_flow(host, expected):
    wanted = [(flow['name'], flow_shape(flow, family)) for flow in expected.topology['flows'] for family in FAMILIES]
    rules = accepting(table(host)[1].get('forward', []))
    assert rules, 'nothing passes at all: the declared flows have no rules'
    more = [each for each in rules if (each['comment'], shape(each)) not in wanted]
    assert not more, f'rules that no flow declares: {", ".join(each["comment"] or str(each["asks"]) for each in more)}'


@pytest.mark.parametrize('family', [
    pytest.param('ipv4', marks=violation(inserted('forward', 'ip saddr 192.0.2.0/24 tcp dport 4444 accept'))),
    pytest.param('ipv6', marks=violation(inserted('forward', 'ip6 daddr 2001:db8::1 tcp dport 4444 accept'))),
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.3.2-c')
def test_each_rule_names_source_and_destination_and_service(host, family):
    rules = [
        each
        for each in accepting(table(host)[1].get('forward', []))
        if each['family'] != ('ip6' if family == 'ipv4' else 'ip')
    ]
    assert rules, f'no rule lets anything pass over {family}'
    wide = [each['comment'] or str(each['asks']) for each in rules if not all(shape(each)[:5])]
    assert not wide, f'rules for any address or any service: {", ".join(wide)}'


@tiers('firewall')
@clauses('22239-8.1.3.2-b')
@violation(run(
    "nft 'insert rule inet anlan forward ip saddr 192.0.2.1 ip daddr 192.0.2.2 tcp dport { 81, 82 } accept "
    "comment \"anlan-planted\"' && nft 'add rule inet anlan forward ip saddr 192.0.2.1 ip daddr 192.0.2.2 tcp dport 82 "
    "accept comment \"anlan-planted\"'",
    inserted('forward', '').undo,
))  # fmt: skip
def test_no_rule_is_within_another(host):
    shapes = [(each['comment'], shape(each)) for each in accepting(table(host)[1].get('forward', []))]
    assert shapes, 'no rule is there to compare'
    needless = [
        f'{name} within {other}'
        for at, (name, (family, sources, targets, service, ports, more)) in enumerate(shapes)
        for where, (other, wide) in enumerate(shapes)
        if at != where and not wide[5] and not more and (family, service) == (wide[0], wide[3])
        and sources <= wide[1] and targets <= wide[2] and ports <= wide[4]
        and ((sources, targets, ports) != (wide[1], wide[2], wide[4]) or at > where)
    ]  # fmt: skip
    assert not needless, f'rules without effect: {", ".join(needless)}'


@tiers('firewall')
@clauses('22239-8.1.3.2-b')
@violation(inserted('forward', 'ip saddr 192.0.2.1 drop'))
def test_each_rule_counts_or_says_what_it_is_for(host):
    rules = table(host)[1]
    said = host.run(RULES).stdout
    named = [each for chain in FILTERS for each in rules.get(chain, []) if each['verdict'] in ('accept', 'drop')]
    assert named, 'no rule lets anything pass or drops it'
    loaded = [each['rule'] for each in json.loads(said)['nftables'] if 'rule' in each]
    dumb = [
        each['comment'] if each.get('comment') else str(rule_of(each)['asks']) for each in loaded
        if each['chain'] in FILTERS and rule_of(each)['verdict'] in ('accept', 'drop')
        and 'meta iif' not in rule_of(each)['asks']
        and not (each.get('comment') and any('counter' in part for part in each['expr']))
    ]  # fmt: skip
    assert not dumb, f'rules without a name, or that do not count what they are for: {", ".join(dumb)}'


@pytest.mark.parametrize('family', ['ipv4', 'ipv6'])
@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.2-c')
@violation(taken('spoofed', 'spoofed source'))
def test_a_source_that_is_not_where_it_says_is_dropped(host, family):
    found = [
        each
        for each in table(host)[1].get('spoofed', [])
        if each['verdict'] == 'drop' and 'fib iif saddr' in each['asks']
    ]
    assert table(host)[0].get('spoofed', {}).get('hook') == 'prerouting', 'nobody asks where packets come from'
    of = {
        'ipv4': lambda each: each['asks'].get('meta nfproto', ('', ()))[1] == {'ipv4'},
        'ipv6': lambda each: each['family'] == 'ip6',
    }
    assert any(of[family](each) for each in found), f'a spoofed source over {family} is not dropped'


@tiers('firewall')
@clauses('22239-8.1.4.4-c', '22239-8.1.3.1-a')
@violation(inserted('input', 'ip saddr 192.0.2.0/24 tcp dport 22 accept'))
def test_a_firewall_is_administered_from_the_bastion_alone(host, expected):
    bastions = set(expected.addresses('operations'))
    port = str(expected.variables['ansible_port'])
    ways = [
        each
        for each in accepting(table(host)[1].get('input', []))
        if port in each['asks'].get('tcp dport', ('', ()))[1]
    ]
    assert ways, 'no rule lets the bastion in'
    wide = [str(each['asks']) for each in ways if not (shape(each)[1] and shape(each)[1] <= bastions)]
    assert not wide, f'others than the bastion come in: {"; ".join(wide)}'


@tiers('firewall')
@clauses('22239-8.1.3.1-a', '22239-8.1.3.2-c')
@violation(inserted('input', 'udp dport 4444 accept'))
def test_what_comes_to_a_firewall_itself_names_who_may_send_it(host):
    rules = accepting(table(host)[1].get('input', []))
    assert rules, 'nothing comes in at all'
    harmless = ('limit', 'meta iif', 'ip6 hoplimit')
    wide = [
        each['comment'] or str(each['asks']) for each in rules
        if not any(name.endswith('saddr') or name in harmless for name in each['asks'])
    ]  # fmt: skip
    assert not wide, f'rules for anybody: {", ".join(wide)}'


@tiers('firewall')
@clauses('22239-8.1.3.1-a')
@violation(run(
    "nft 'add table ip anlan_planted; add chain ip anlan_planted out { type nat hook postrouting priority 100 ; }'",
    "nft 'delete table ip anlan_planted' 2>/dev/null || true",
))  # fmt: skip
def test_no_address_is_put_in_the_place_of_another(host, expected):
    said = part(host, ASKED, 'chains')
    assert said.strip(), 'the chains are not told'
    chains = [each['chain'] for each in json.loads(said)['nftables'] if 'chain' in each]
    assert chains, 'no chain is loaded'
    # The names of a lab's containers are asked of Docker, over a translation inside each.
    known = {('ip', 'nat')} if expected.platform['target']['kind'] == 'lab' else set()
    found = {f'{each["family"]} {each["table"]}' for each in chains if each.get('type') == 'nat'
             and (each['family'], each['table']) not in known}  # fmt: skip
    assert not found, f'addresses are translated by {", ".join(sorted(found))}'


@tiers('firewall')
@clauses('22239-8.1.2.1-a')
@violation(
    told('list chains', 'room', 'net.netfilter.nf_conntrack_count = 250000\nnet.netfilter.nf_conntrack_max = 262144\n')
)
def test_there_is_room_for_more_connections(host):
    numbers = [int(line.rpartition('=')[2]) for line in part(host, ASKED, 'room').splitlines() if '=' in line]
    if len(numbers) != 2 or not numbers[1]:
        not_verified('the kernel does not say how many connections there are')
    assert numbers[0] < 0.8 * numbers[1], f'{numbers[0]} connections of {numbers[1]}: more than four in five'
