"""The firewall's rules as Ansible renders them: declared flows pass, and nothing else does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.flows import Flow
from infra.outputs import outputs
from infra.topology import Topology
from tests.unit.samples import dual_stack, inventory_of, lab, onprem, platform_of, topology_from, with_values

TEMPLATE = ROOT / 'playbooks' / 'roles' / 'firewall' / 'templates' / 'firewall.nft.j2'
RULE = re.compile(
    r'ip saddr \{ (?P<sources>[\d., ]+) \} ip daddr \{ (?P<destinations>[\d., ]+) \} '
    r'(?:(?P<protocol>tcp|udp) dport \{ (?P<ports>[\d, ]+) \}|icmp type echo-request) counter accept '
    r'comment "(?P<name>[^"]+)"'
)
Rules = dict[str, tuple[str, frozenset[str], frozenset[str], frozenset[int]]]


def rendered(document: dict[str, Any], host: str = 'fw-1', topology: Topology | None = None) -> str:
    """Given a platform's document and a firewall, return its rules; another topology may be put in."""
    platform = platform_of(document)
    topology = topology or topology_from(document)
    found = outputs(platform, topology, inventory_of(topology))
    groups: dict[str, list[str]] = {}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    variables = {
        **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars, 'inventory_hostname': host,
        'ansible_managed': 'managed',
    }  # fmt: skip
    templar = Templar(DataLoader(), variables=variables)
    return str(templar.template(trust_as_template(TEMPLATE.read_text(encoding='utf-8'))))


def chain(rules: str, name: str) -> list[str]:
    """Given rules and a chain's name, return the chain's lines."""
    match = re.search(rf'^    chain {name} {{\n(.*?)^    }}', rules, re.MULTILINE | re.DOTALL)
    assert match is not None, f'there is no chain {name}'
    return [line.strip() for line in match.group(1).splitlines() if line.strip() and not line.strip().startswith('#')]


def flow_rules(lines: list[str]) -> Rules:
    """Given a chain's lines, return its rules between addresses, by name."""
    found: Rules = {}
    for line in lines:
        if match := RULE.fullmatch(line):
            assert match['name'] not in found, f'{match["name"]} stands twice'
            found[match['name']] = (
                match['protocol'] or 'icmp',
                frozenset(match['sources'].split(', ')),
                frozenset(match['destinations'].split(', ')),
                frozenset(int(port) for port in (match['ports'] or '').split(', ') if port),
            )
    return found


def declared(topology: Topology) -> Rules:
    """Given a topology, return the rules that its flows ask for."""

    def addresses(side: str) -> frozenset[str]:
        if side.startswith('vip:'):
            return frozenset(str(each.address) for each in topology.virtual_addresses if f'vip:{each.name}' == side)
        return frozenset(str(host.address) for host in topology.hosts if side in ('all', host.tier))

    return {
        flow.name: (flow.protocol, addresses(flow.source), addresses(flow.destination), frozenset(flow.ports))
        for flow in topology.flows
    }


@pytest.mark.parametrize('host', ['fw-1', 'fw-2'])
def test_what_is_forwarded_is_what_is_declared_and_nothing_else(host: str) -> None:
    lines = chain(rendered(lab(), host), 'forward')
    assert flow_rules(lines) == declared(topology_from(lab()))
    others = [line for line in lines if 'accept' in line and not RULE.fullmatch(line)]
    assert others == ['ct state established,related counter accept comment "answers"']


def test_a_flow_that_is_taken_away_does_not_pass_and_one_that_is_added_does() -> None:
    topology = topology_from(lab())
    fewer = replace(topology, flows=tuple(flow for flow in topology.flows if flow.name != 'app-to-cache'))
    assert 'app-to-cache' not in flow_rules(chain(rendered(lab(), topology=fewer), 'forward'))
    more = replace(topology, flows=(*topology.flows, Flow('metrics', 'monitoring', 'app', 'tcp', (9100, 9113), 'why')))
    assert flow_rules(chain(rendered(lab(), topology=more), 'forward'))['metrics'] == (
        'tcp',
        frozenset({'198.18.40.11', '198.18.40.12'}),
        frozenset({'198.18.20.11', '198.18.20.12'}),
        frozenset({9100, 9113}),
    )


def test_a_flow_of_a_tier_without_hosts_is_no_rule_with_an_empty_set() -> None:
    topology = topology_from(lab())
    nobody = replace(topology, flows=(*topology.flows, Flow('empty', 'moon', 'app', 'tcp', (1,), 'why')))
    rules = rendered(lab(), topology=nobody)
    assert 'empty' not in rules
    assert not re.search(r'\{\s*\}', rules.replace('table inet anlan {\n}', ''))


@pytest.mark.parametrize('document', [lab(), lab('mini'), onprem()], ids=['full', 'mini', 'onprem'])
def test_input_and_forward_drop_by_default_and_end_with_a_drop(document: dict[str, Any]) -> None:
    rules = rendered(document)
    for name in ('input', 'forward'):
        lines = chain(rules, name)
        assert lines[0] == f'type filter hook {name} priority filter; policy drop;'
        assert lines[-1] == 'counter drop comment "undeclared"'
        assert lines.index('ct state invalid counter drop comment "invalid"') < next(
            index for index, line in enumerate(lines) if RULE.fullmatch(line)
        )


def test_a_firewall_takes_in_ssh_from_the_bastion_alone() -> None:
    lines = chain(rendered(lab(), 'fw-2'), 'input')
    ssh = [line for line in lines if re.search(r'tcp dport \{? ?22\b', line)]
    assert ssh
    assert all(line.startswith('ip saddr { 198.18.40.21 } ip daddr') for line in ssh)
    assert all('198.18.40.3' in line for line in ssh)


def test_a_firewall_takes_in_only_flows_that_lead_to_itself() -> None:
    own = {'198.18.40.2', '198.18.20.2'}
    for _, _, destinations, _ in flow_rules(chain(rendered(lab(), 'fw-1'), 'input')).values():
        assert destinations <= own


def test_a_pair_listens_to_its_peer_zone_by_zone_and_a_single_firewall_to_nobody() -> None:
    rules = rendered(lab(), 'fw-1')
    for network in topology_from(lab()).networks:
        base = network.subnet.network_address
        assert f'{base + 3} . {base + 2},' in rules
    assert 'ip protocol vrrp counter accept comment "vrrp"' in chain(rules, 'from_peer')
    assert not any('vrrp' in line for line in chain(rules, 'input'))
    single = rendered(lab('mini'))
    assert 'from_peer' not in single
    assert 'vrrp' not in single


def test_a_spoofed_source_is_dropped_before_anything_else() -> None:
    lines = chain(rendered(lab()), 'spoofed')
    assert lines[0].startswith('type filter hook prerouting priority raw')
    assert any('fib saddr . iif oif missing counter drop' in line for line in lines)


def test_the_rules_replace_our_own_table_and_no_other() -> None:
    rules = rendered(lab())
    assert 'flush ruleset' not in rules
    assert set(re.findall(r'^(?:delete )?table (\S+ \S+)', rules, re.MULTILINE)) == {'inet anlan'}
    assert rules.index('delete table inet anlan') < rules.index('chain input')
    assert rules.count('{') == rules.count('}')


def test_an_existing_firewall_with_another_ssh_port_takes_in_that_one() -> None:
    document = with_values(onprem(), {'target.hosts.fw-1.ssh_port': 2222})
    assert any('tcp dport 2222 counter accept' in line for line in chain(rendered(document), 'input'))


def test_the_public_port_is_the_platforms() -> None:
    rules = flow_rules(chain(rendered(with_values(lab(), {'front_door.port': 8443})), 'forward'))
    assert rules['learners'][3] == {8443}


IPV6_RULE = re.compile(
    r'ip6 saddr \{ (?P<sources>[\da-f:, ]+) \} ip6 daddr \{ (?P<destinations>[\da-f:, ]+) \} '
    r'(?P<service>.+) counter accept comment "(?P<name>[^"]+)"'
)


def test_of_ipv6_only_learners_pass_to_the_edges() -> None:
    lines = chain(rendered(dual_stack()), 'forward')
    found = [match for line in lines if (match := IPV6_RULE.fullmatch(line))]
    edges = {'fd00:18:0:1::11', 'fd00:18:0:2::12'}
    assert found
    for match in found:
        assert match['name'].startswith('learners')
        assert set(match['destinations'].split(', ')) == edges
        assert set(match['sources'].split(', ')) == {'fd00:18:0:1::31', 'fd00:18:0:2::32'}
    assert [line for line in lines if 'ip6' in line and not IPV6_RULE.fullmatch(line)] == []


def test_a_firewall_with_ipv6_answers_its_neighbours_and_looks_where_a_packet_comes_from() -> None:
    rules = rendered(dual_stack())
    assert any('nd-neighbor-solicit' in line and 'hoplimit 255' in line for line in chain(rules, 'input'))
    assert any(line.startswith('ip6 saddr') and 'fib saddr' in line for line in chain(rules, 'spoofed'))
    assert 'ip6' not in rendered(lab())
    assert 'icmpv6' not in rendered(lab())
