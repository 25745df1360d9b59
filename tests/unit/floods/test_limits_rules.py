"""The limits as they stand on hosts: meters first, bounded, for both families, and nobody of ours is metered inside."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.floods.rendering import rendered
from tests.unit.samples import dual_stack, lab, with_values


def rules(host: str, document: dict[str, Any] | None = None) -> str:
    return rendered(document or dual_stack(), 'flood_guard', 'limits.nft.j2', host)


def chain(text: str, name: str) -> list[str]:
    match = re.search(rf'^    chain {name} {{\n(.*?)^    }}', text, re.MULTILINE | re.DOTALL)
    assert match is not None, f'there is no chain {name}'
    return [line.strip() for line in match.group(1).splitlines() if line.strip() and not line.strip().startswith('#')]


@pytest.mark.parametrize('host', ['fw-1', 'edge-2'])
def test_meters_come_after_spoofed_sources_and_before_conntrack_and_policy(host: str) -> None:
    text = rules(host)
    assert 'hook prerouting priority raw + 10; policy accept;' in chain(text, 'meters')[0]
    hook = 'forward' if host == 'fw-1' else 'input'
    assert f'hook {hook} priority filter - 10; policy accept;' in chain(text, 'connections')[0]


@pytest.mark.parametrize('host', ['fw-1', 'edge-2'])
def test_every_set_that_packets_fill_has_a_bound_and_all_but_connections_forget(host: str) -> None:
    found = re.findall(r'^    set (\w+) {\n(.*?)^    }', rules(host), re.MULTILINE | re.DOTALL)
    dynamic = {name: body for name, body in found if 'dynamic' in body}
    assert len(dynamic) == 14
    assert all('size 65536' in body for body in dynamic.values())
    without = {name for name, body in dynamic.items() if 'timeout' not in body}
    assert without == {'connections_v4', 'connections_v6'}


@pytest.mark.parametrize(
    'name', ['syns', 'prefix_syns', 'new_connections', 'datagrams', 'echo_requests', 'connections']
)
def test_each_limit_holds_for_both_families_and_is_counted(name: str) -> None:
    text = rules('edge-1')
    for version in (4, 6):
        assert re.search(rf'(update|add) @{name}_v{version} {{ .* }} counter name {name} drop', text)


def test_the_numbers_are_those_of_the_platform_file() -> None:
    document = with_values(
        lab(), {'limits.syns': {'per_second': 150, 'burst': 1300}, 'limits.connections': 1301}
    )  # fmt: skip
    text = rules('edge-1', document)
    assert 'update @syns_v4 { ip saddr limit rate over 150/second burst 1300 packets }' in text
    assert 'add @connections_v4 { ip saddr ct count over 1301 }' in text


def test_an_address_of_ours_at_the_front_door_has_the_share_of_those_that_never_held_a_connection() -> None:
    ours = chain(rules('fw-1'), 'ours')
    assert ours[0] == 'ip daddr != { 198.18.1.11, 198.18.2.12 } accept'
    assert ours[-2:] == [
        'tcp flags & (fin | syn | rst | ack) == syn tcp dport { 80, 443 } goto service', 'udp dport 443 goto datagrams',
    ]  # fmt: skip
    connections = chain(rules('edge-1'), 'connections')
    datagram = connections.index('ip saddr @ours_v4 udp dport 443 ct state new goto flows')
    assert datagram < connections.index('ip saddr @ours_v4 accept')


@pytest.mark.parametrize('name', ['datagrams', 'echo_requests', 'prefix_syns', 'new_connections', 'connections'])
def test_a_source_over_ipv6_is_a_network_of_64_bits_not_one_of_its_addresses(name: str) -> None:
    assert re.search(rf'@{name}_v6 {{ ip6 saddr & ffff:ffff:ffff:ffff:: ', rules('edge-1'))


def test_flows_of_quic_of_who_never_held_a_connection_have_a_share_together() -> None:
    connections = chain(rules('edge-1'), 'connections')
    assert connections[-1] == 'goto flows'
    assert 'ip saddr @proven_v4 accept' in connections[-4:]
    assert chain(rules('edge-1'), 'flows') == [
        'limit rate over 5000/second burst 10000 packets counter name service_flows drop'
    ]


def test_clients_are_not_ours_and_every_other_host_is() -> None:
    match = re.search(r'set ours_v4 {.*?elements = { (.*?) }', rules('edge-1'), re.DOTALL)
    assert match is not None
    members = set(match[1].split(', '))
    assert not members & {'198.18.1.31', '198.18.2.32'}
    assert {'198.18.1.11', '198.18.40.21', '198.18.10.253', '198.18.1.254', '198.18.60.3'} <= members


def test_only_quic_comes_as_udp_to_an_edge_and_answers_that_nobody_asked_for_to_nobody() -> None:
    edge, firewall = (chain(rules(host), 'datagrams') for host in ('edge-1', 'fw-1'))
    assert edge[-1] == 'udp dport != 443 counter name amplified drop'
    assert all('dport' not in line for line in firewall)
    assert re.match(r'udp sport { 0, .*\b53\b.*\b123\b.*\b11211\b.* } counter name amplified drop', edge[0])


def test_resolvers_and_clocks_that_the_platform_asks_may_answer() -> None:
    document = with_values(lab(), {'configuration.resolvers': ['203.0.113.53']})
    assert chain(rules('fw-1', document), 'datagrams')[0] == 'ip saddr { 203.0.113.53 } udp sport { 53, 123 } accept'


def test_only_our_table_is_replaced() -> None:
    text = rules('fw-1')
    assert 'flush ruleset' not in text
    assert set(re.findall(r'^(?:delete )?table (\S+ \S+)', text, re.MULTILINE)) == {'inet anlan_limits'}
    assert text.count('{') == text.count('}')


def test_nginx_lets_a_part_through_at_once_and_says_429() -> None:
    text = rendered(lab(), 'flood_guard', 'nginx-server-limits.conf.j2', 'edge-1')
    assert 'limit_req zone=limits_expensive burst=200 delay=40;' in text
    assert 'limit_req zone=limits_pages burst=1200 delay=60;' in text
    assert 'limit_req_status 429;' in text
    assert 'add_header Retry-After 10 always;' in text


@pytest.mark.parametrize(
    ('address', 'source'),
    [
        ('2001:db8:1:2:3:4:5:6', '2001:db8:1:2'),
        ('fd5c:3d1e:9a70:1::31', 'fd5c:3d1e:9a70:1'),
        ('fd5c:3d1e:9a70:1:0:0:0:32', 'fd5c:3d1e:9a70:1'),
        ('2001:db8::1', '2001:db8::'),
        ('::1', '::'),
        ('198.18.1.31', None),
    ],
)
def test_a_source_over_ipv6_is_its_64(address: str, source: str | None) -> None:
    text = rendered(lab(), 'flood_guard', 'nginx-limits.conf.j2', 'edge-1')
    whole, start = (re.sub(r'\?<', '?P<', each) for each in re.findall(r'^    "~(\^\(\?<.*)" ', text, re.MULTILINE))
    first, second = re.match(whole, address), re.match(start, address)
    found = first['limits_prefix'] if first else f'{second["limits_start"]}::' if second else None
    assert found == source


def test_haproxy_counts_the_learner_and_not_the_edge_and_refuses_before_it_chooses_a_backend() -> None:
    text = rendered(lab(), 'balancer', 'haproxy.cfg.j2', 'lb-1')
    assert 'track-sc0 req.hdr_ip(X-Forwarded-For,-1),ipmask(32,64) table sources if from_edge' in text
    frontend = text[text.index('frontend https') : text.index('backend sources')]
    chosen = re.findall(r'(?:use_backend|default_backend) (\w+)', frontend)
    assert chosen[:3] == ['too_many_requests'] * 3
    assert 'too_many_requests' not in chosen[3:]
    assert 'acl asks_too_much sc_gpc_rate(1,0) gt 175' in frontend
