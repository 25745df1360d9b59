"""Checks of the firewalls' rules: what nft says, held against the declared flows."""

import json

import pytest

from compliance.checks import test_firewall as firewall
from compliance.reading.nft_rules import flow_shape, members, rule_of, shape
from tests.unit.compliance.checks.asked import Asked, expected, fails, outputs

ACCEPT, DROP = {'accept': None}, {'drop': None}
COUNTER = {'counter': {'packets': 1, 'bytes': 1}}


def match(left, right, op='=='):
    return {'match': {'op': op, 'left': left, 'right': right}}


def payload(protocol, field):
    return {'payload': {'protocol': protocol, 'field': field}}


def state(*states, verdict=ACCEPT, chain='forward'):
    return ruled(
        chain, [match({'ct': {'key': 'state'}}, list(states) if len(states) > 1 else states[0], 'in'), COUNTER, verdict]
    )


def ruled(chain, expressions, comment=''):
    return {'rule': {'chain': chain, 'expr': expressions, 'comment': comment}}


def many(values):
    return {'set': list(values)} if len(values) > 1 else values[0]


def flow_rules(chain='forward'):
    """Return the rules of the lab's flows as nft tells them."""
    for flow in outputs()['variables']['topology']['flows']:
        for family, (sources, targets) in {
            'ip': ('sources', 'destinations'),
            'ip6': ('ipv6_sources', 'ipv6_destinations'),
        }.items():
            if flow_shape(flow, family) is None:
                continue
            service = match(payload('icmp', 'type'), 'echo-request') if flow['protocol'] == 'icmp' else match(
                payload(flow['protocol'], 'dport'), many(flow['ports']))  # fmt: skip
            yield ruled(chain, [
                match(payload(family, 'saddr'), many(flow[sources])),
                match(payload(family, 'daddr'), many(flow[targets])), service, COUNTER, ACCEPT,
            ], flow['name'])  # fmt: skip


def host(*more, policy='drop', first=(), without=''):
    chains = [{'chain': {'name': name, 'hook': name, 'policy': policy}} for name in ('forward', 'input')]
    rules = [state('established', 'related'), state('invalid', verdict=DROP), *first, *flow_rules(), *more]
    rules += [
        ruled('forward', [{'log': {'prefix': 'x'}}]),
        ruled('forward', [{'log': {'group': 5}}]),
        ruled('forward', [COUNTER, DROP], 'undeclared'),
    ]
    rules = [each for each in rules if not without or each['rule']['comment'] != without]
    return Asked({firewall.RULES: json.dumps({'nftables': [*chains, *rules]})})


WIDE = ruled('forward', [match(payload('tcp', 'dport'), 443), COUNTER, ACCEPT], 'wide')


def test_the_rules_of_the_declared_flows_pass_every_check_of_rules():
    firewall.test_each_declared_flow_has_its_rule(host(), expected('fw-1'), 'ip')
    firewall.test_no_rule_lets_pass_what_is_no_declared_flow(host(), expected('fw-1'))
    firewall.test_no_rule_is_within_another(host())
    firewall.test_what_no_rule_names_is_dropped(host(), 'forward')
    firewall.test_what_is_dropped_is_logged_and_shown_to_the_intrusion_detection(host(), 'forward')
    firewall.test_what_belongs_to_no_connection_is_dropped_before_a_rule_lets_it_pass(host(), 'forward')


def test_a_rule_with_another_port_is_no_rule_of_its_flow():
    other = ruled('forward', [
        match(payload('ip', 'saddr'), '198.18.10.11'), match(payload('ip', 'daddr'), '198.18.20.11'),
        match(payload('tcp', 'dport'), 8444), COUNTER, ACCEPT,
    ], 'balancer-to-app')  # fmt: skip
    changed = host(other, without='balancer-to-app')
    fails(firewall.test_each_declared_flow_has_its_rule, changed, expected('fw-1'), 'ip', saying='balancer-to-app')


def test_a_rule_that_nobody_declared_is_named():
    fails(firewall.test_no_rule_lets_pass_what_is_no_declared_flow, host(WIDE), expected('fw-1'), saying='wide')


def test_a_rule_for_anybody_is_seen():
    fails(firewall.test_each_rule_names_source_and_destination_and_service, host(WIDE), 'ipv4', saying='wide')


def test_a_rule_for_all_but_one_is_no_rule_of_a_flow():
    rule = rule_of(ruled('forward', [
        match(payload('ip', 'saddr'), '198.18.10.11', '!='), match(payload('ip', 'daddr'), '198.18.20.11'),
        match(payload('tcp', 'dport'), 8443), ACCEPT,
    ])['rule'])  # fmt: skip
    assert shape(rule)[5] == ('not equal',)


def test_a_chain_that_accepts_by_default_is_refused():
    fails(firewall.test_what_no_rule_names_is_dropped, host(policy='accept'), 'forward', saying='accept')


def test_new_connections_that_pass_by_their_state_are_seen():
    fails(
        firewall.test_answers_pass_by_the_state_of_their_connection,
        host(state('new', 'established')),
        'forward',
        saying='new',
    )


def test_what_is_dropped_too_late_is_seen():
    late = host(first=(next(flow_rules()),), without='')
    late.says[firewall.RULES] = late.says[firewall.RULES].replace('"invalid"', '"untracked"')
    fails(
        firewall.test_what_belongs_to_no_connection_is_dropped_before_a_rule_lets_it_pass,
        late,
        'forward',
        saying='too late',
    )


def test_a_rule_within_another_is_seen_once_and_not_the_wider_one():
    narrow = ruled('forward', [
        match(payload('ip', 'saddr'), '198.18.20.11'), match(payload('ip', 'daddr'), '198.18.30.11'),
        match(payload('tcp', 'dport'), 5432), COUNTER, ACCEPT,
    ], 'narrow')  # fmt: skip
    fails(firewall.test_no_rule_is_within_another, host(narrow), saying='(?m)narrow within app-to-database$')


def test_a_firewall_without_rules_is_refused():
    fails(firewall.test_what_no_rule_names_is_dropped, Asked({}), 'forward', saying='no rules loaded')


@pytest.mark.parametrize(('right', 'stands_for'), [
    ({'range': ['198.18.1.1', '198.18.1.3']}, {'198.18.1.1', '198.18.1.2', '198.18.1.3'}),
    ({'range': [80, 82]}, {'80', '81', '82'}),
    ({'prefix': {'addr': '198.18.1.0', 'len': 31}}, {'198.18.1.0', '198.18.1.1'}),
    ({'set': [443, {'range': [80, 81]}]}, {'443', '80', '81'}),
])  # fmt: skip
def test_nft_may_write_a_set_in_another_way(right, stands_for):
    assert members(right) == stands_for
