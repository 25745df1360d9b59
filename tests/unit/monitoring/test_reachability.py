"""Reachability: which attempts there are, what each answer means, and which rules are too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from infra.outputs import outputs
from infra.topology import topology_of
from monitoring.reachability import Attempt, Reachability, attempts_of, judge, rule_packets
from tests.unit.samples import dual_stack, inventory_of, lab, platform_of

PLATFORM = platform_of(lab())
TOPOLOGY = topology_of(PLATFORM)
OUTPUTS = outputs(PLATFORM, TOPOLOGY, inventory_of(TOPOLOGY))
ATTEMPTS = attempts_of(OUTPUTS)
FLOWS = {flow.name for flow in TOPOLOGY.flows}
USED: dict[str, int] = dict.fromkeys(FLOWS, 7)


def attempt(source: str, destination: str, protocol: str, port: int | None, address: str | None = None) -> Attempt:
    found = [
        each
        for each in ATTEMPTS
        if (each.source, each.destination, each.protocol, each.port) == (source, destination, protocol, port)
        and address in (None, each.address)
    ]
    assert len(found) == 1, found
    return found[0]


def answers(changes: dict[Attempt, str] | None = None) -> dict[str, Sequence[str] | None]:
    """Answer as a platform does on which exactly what is declared passes, but for `changes`."""
    given: dict[str, list[str]] = {}
    for each in ATTEMPTS:
        word = (changes or {}).get(each, 'silent' if each.flow is None else 'open')
        given.setdefault(each.source, []).append(word)
    return dict(given)


def judged(
    given: dict[str, Sequence[str] | None] | None = None,
    rules: dict[str, dict[str, int] | None] | None = None,
    unreachable: dict[str, str] | None = None,
) -> Reachability:
    return judge(OUTPUTS, ATTEMPTS, given or answers(), unreachable or {}, rules or {'fw-1': USED, 'fw-2': USED})


@pytest.mark.parametrize(
    ('source', 'destination', 'protocol', 'port', 'flow'),
    [
        ('client-1', 'edge-2', 'tcp', 443, 'learners'),
        ('client-1', 'app-1', 'tcp', 8443, None),
        ('client-1', 'balancer', 'tcp', 443, None),
        ('edge-1', 'balancer', 'tcp', 443, 'edge-to-balancer'),
        ('edge-1', 'db-1', 'tcp', 5432, None),
        ('app-1', 'db-3', 'tcp', 5432, 'app-to-database'),
        ('app-1', 'db-3', 'tcp', 2379, None),
        ('db-1', 'app-1', 'tcp', 8443, None),
        ('db-1', 'mon-1', 'udp', 123, 'time'),
        ('ops-1', 'db-1', 'tcp', 22, 'administration'),
        ('ops-1', 'db-1', 'icmp', None, 'reachability'),
        ('vault-1', 'db-1', 'tcp', 22, None),
        ('app-1', 'outside', 'tcp', 443, None),
        ('app-1', 'outside', 'udp', 53, None),
    ],
)
def test_what_may_pass_is_what_a_flow_declares(
    source: str, destination: str, protocol: str, port: int | None, flow: str | None
) -> None:
    assert attempt(source, destination, protocol, port).flow == flow


def test_every_host_but_the_firewalls_tries_every_other_zone() -> None:
    sources = {each.source for each in ATTEMPTS}
    assert sources == {host.name for host in TOPOLOGY.hosts if host.tier != 'firewall'}
    others = {host.name for host in TOPOLOGY.hosts if host.zone != 'app'} | {'outside', 'balancer'}
    assert others <= {each.destination for each in ATTEMPTS if each.source == 'app-1'}


def test_hosts_of_one_zone_are_not_tried_but_the_firewalls_own_addresses_are() -> None:
    assert not [each for each in ATTEMPTS if (each.source, each.destination) == ('app-1', 'app-2')]
    own_gateway = str(TOPOLOGY.network('app').gateway)
    assert attempt('app-1', 'firewall-app', 'tcp', 22, own_gateway).flow is None


def test_nothing_to_find_where_exactly_what_is_declared_passes() -> None:
    found = judged()
    assert found.findings == ()
    assert found.never_used == ()
    assert found.tried == len(ATTEMPTS)
    assert found.passed == sum(each.flow is not None for each in ATTEMPTS)
    assert found.zones['app']['data'] == ('app-to-database', 'app-to-cache')
    assert found.zones['uplink-a']['data'] == ()
    assert set(found.zones['uplink-a']['dmz']) == {'edge-to-balancer', 'edge-to-each-balancer'}
    assert all(row['outside'] == () for row in found.zones.values())
    assert list(found.zones) == ['uplink-a', 'uplink-b', 'dmz', 'app', 'data', 'mgmt', 'offsite']


@pytest.mark.parametrize('word', ['open', 'refused'])
def test_a_way_that_nothing_declares_is_found_even_if_nobody_listens_at_its_end(word: str) -> None:
    hole = attempt('client-1', 'db-1', 'tcp', 9)
    found = judged(answers({hole: word}))
    address = TOPOLOGY.host('db-1').address
    assert [(each.kind, each.what) for each in found.findings] == [('passes', f'client-1 → db-1 ({address}) tcp/9')]
    assert found.zones['uplink-a']['data'] == ('!',)


@pytest.mark.parametrize('word', ['silent', 'unreachable: No route to host'])
def test_a_declared_way_that_is_shut_is_found(word: str) -> None:
    shut = attempt('app-2', 'db-2', 'tcp', 5432)
    found = judged(answers({shut: word}))
    assert [each.kind for each in found.findings] == ['does not pass']
    assert found.findings[0].reason == f'flow app-to-database declares it; {word}'


@pytest.mark.parametrize('given', [None, [], ['open']], ids=['no answer', 'an empty answer', 'half an answer'])
def test_what_was_not_observed_is_never_taken_for_good(given: list[str] | None) -> None:
    found = judged(answers() | {'app-1': given}, unreachable={'app-1': 'no route'})
    assert [(each.kind, each.what, each.reason) for each in found.findings] == [
        ('not observed', 'app-1, from it and to it', 'no route')
    ]
    assert found.tried < len(ATTEMPTS)


def test_a_host_that_does_not_answer_is_not_taken_for_a_firewall_that_shuts_its_ways() -> None:
    shut = {each: 'silent' for each in ATTEMPTS if each.destination == 'mon-2'}
    found = judged(answers(shut) | {'mon-2': None}, unreachable={'mon-2': 'no route'})
    assert [(each.kind, each.what) for each in found.findings] == [('not observed', 'mon-2, from it and to it')]
    answering = judged(answers(shut))
    assert {each.kind for each in answering.findings} == {'does not pass'}


def test_a_firewall_that_does_not_show_its_rules_is_found_and_nothing_is_said_of_their_use() -> None:
    found = judged(rules={'fw-1': None, 'fw-2': None}, unreachable={'fw-1': 'gone', 'fw-2': 'gone'})
    assert [each.what for each in found.findings] == ['rules of fw-1', 'rules of fw-2']
    assert found.never_used == ()


def test_rules_that_no_packet_used_on_either_firewall_are_named() -> None:
    idle = dict.fromkeys(FLOWS, 0)
    found = judged(rules={'fw-1': idle | {'learners': 1}, 'fw-2': idle | {'time': 1}})
    assert found.findings == ()
    assert set(found.never_used) == FLOWS - {'learners', 'time'}


def rule(*expressions: dict[str, Any], comment: str | None = None, chain: str = 'forward') -> dict[str, Any]:
    named = {} if comment is None else {'comment': comment}
    return {'rule': {'chain': chain, 'handle': 42, 'expr': list(expressions)} | named}


COUNTER = {'counter': {'packets': 3, 'bytes': 180}}
ACCEPT: dict[str, Any] = {'accept': None}


def test_packets_are_read_by_comment_of_rules_that_accept() -> None:
    ruleset = {
        'nftables': [
            {'metainfo': {}},
            {'table': {'name': 'anlan'}},
            rule({'match': {'op': '==', 'left': {'meta': {'key': 'iif'}}, 'right': 'lo'}}, ACCEPT, chain='input'),
            rule(COUNTER, ACCEPT, comment='learners'),
            rule(COUNTER, ACCEPT, comment='learners', chain='input'),
            rule(COUNTER, {'drop': None}, comment='undeclared'),
            rule(COUNTER, ACCEPT, comment='back door'),
            rule(ACCEPT),
        ]
    }
    packets = rule_packets(ruleset)
    assert packets == {'learners': 6, 'back door': 3, 'a rule without a comment in chain forward, handle 42': 0}
    found = judged(rules={'fw-1': USED | packets, 'fw-2': USED})
    assert [(each.kind, each.what) for each in found.findings] == [
        ('rule without a flow', 'fw-1: back door'),
        ('rule without a flow', 'fw-1: a rule without a comment in chain forward, handle 42'),
    ]


def test_over_ipv6_learners_reach_the_other_edge_and_nothing_else_passes() -> None:
    platform = platform_of(dual_stack())
    topology = topology_of(platform)
    tried = [each for each in attempts_of(outputs(platform, topology, inventory_of(topology))) if ':' in each.address]
    assert {each.source for each in tried} == {'edge-1', 'edge-2', 'client-1', 'client-2'}
    declared = {(each.source, each.destination, each.port) for each in tried if each.flow == 'learners'}
    assert declared == {('client-1', 'edge-2', 443), ('client-2', 'edge-1', 443)}
    assert {each.flow for each in tried if each.protocol == 'icmp'} == {None}
    assert {'fw-1', 'fw-2', 'firewall-uplink-a', 'outside'} <= {each.destination for each in tried}


def test_without_ipv6_nothing_of_it_is_tried() -> None:
    assert not [each for each in ATTEMPTS if ':' in each.address]
