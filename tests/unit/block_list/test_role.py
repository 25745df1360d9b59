"""The role as Ansible renders it: who is never shut out, who speaks to whom, and that the program ends up whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from tests.unit.infra.test_firewall_rules import rendered as firewall_rules
from tests.unit.samples import dual_stack, inventory_of, lab, onprem, platform_of, topology_from, with_values

from tests.unit.block_list import network  # noqa: F401 # isort: skip - makes the program importable

from block_list.prefixes import Never, Refused  # isort: skip
from block_list.settings import settings_of  # isort: skip

TEMPLATES = ROOT / 'playbooks' / 'roles' / 'block_list' / 'templates'
OFFICE = '203.0.113.0/28'


def rendered(file: str, host: str, document: dict[str, Any]) -> str:
    topology = topology_from(document)
    found = outputs(platform_of(document), topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    variables = {
        **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars, 'inventory_hostname': host,
        'ansible_managed': 'managed', 'secrets': {'block_list_key': 'k' * 43},
    }  # fmt: skip
    text = (TEMPLATES / file).read_text(encoding='utf-8')
    return str(Templar(DataLoader(), variables=variables).template(trust_as_template(text)))


def settings(host: str, document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rendered('block-list.json.j2', host, document))
    settings_of(found)
    return found


@pytest.mark.parametrize(
    'document', [lab(), lab('mini'), dual_stack(), onprem()], ids=['lab', 'mini', 'ipv6', 'onprem']
)
@pytest.mark.parametrize('host', ['fw-1', 'edge-1', 'lb-1', 'app-1'])
def test_no_address_of_ours_can_be_shut_out_and_every_client_s_can(document: dict[str, Any], host: str) -> None:
    never = Never(settings(host, document)['never'])
    topology = topology_from(document)
    ours = {address for each in topology.hosts if each.tier != 'client' for address in each.addresses.values()}
    ours |= {address for each in topology.hosts if each.tier != 'client' for address in each.ipv6_addresses.values()}  # type: ignore[misc]
    for virtual in topology.virtual_addresses:
        ours |= {virtual.address} | ({virtual.ipv6_address} if virtual.ipv6_address else set())  # type: ignore[arg-type]
    assert len(ours) > 20
    for address in ours:
        with pytest.raises(Refused):
            never.prefix_of(str(address))
    for client in topology.tier('client'):
        for reached in (*client.addresses.values(), *client.ipv6_addresses.values()):
            assert never.prefix_of(str(reached)) == str(reached)


def test_the_machine_s_own_clocks_resolvers_and_the_operators_networks_are_never_shut_out() -> None:
    document = with_values(
        lab(),
        {
            'configuration': {'time_sources': ['203.0.113.123'], 'resolvers': ['203.0.113.53']},
            'block_list': {'never': ['192.0.2.0/28', '2001:db8:7::/48']},
        },
    )
    never = Never(settings('edge-1', document)['never'])
    for source in ('198.18.1.1', '203.0.113.123', '203.0.113.53', '192.0.2.9', '2001:db8:7:1::5'):
        with pytest.raises(Refused):
            never.prefix_of(source)


def test_each_host_reaches_the_firewalls_in_its_own_zone_and_all_tell_all_that_block() -> None:
    places = {
        host: {peer['name']: peer['address'] for peer in settings(host, lab())['peers']}
        for host in ('fw-1', 'edge-2', 'lb-1', 'app-1')
    }
    assert places['fw-1']['fw-2'] == '198.18.60.3'
    assert places['edge-2'] == {
        'app-1': '198.18.20.11', 'app-2': '198.18.20.12', 'edge-1': '198.18.1.11', 'fw-1': '198.18.2.2',
        'fw-2': '198.18.2.3', 'lb-1': '198.18.10.11', 'lb-2': '198.18.10.12',
    }  # fmt: skip
    assert places['app-1'] == {
        'edge-1': '198.18.1.11', 'edge-2': '198.18.2.12', 'fw-1': '198.18.20.2', 'fw-2': '198.18.20.3'
    }  # fmt: skip
    assert set(places['lb-1']) == set(places['app-1'])


def test_only_enforcers_may_touch_the_network_and_sockets_belong_to_who_writes_them() -> None:
    assert 'CapabilityBoundingSet=CAP_NET_ADMIN\n' in rendered('anlan-block-list.service.j2', 'edge-1', lab())
    assert 'CapabilityBoundingSet=\n' in rendered('anlan-block-list.service.j2', 'app-1', lab())
    for host, group, sensor in (
        ('fw-1', 'root', 'eve'),
        ('edge-1', 'www-data', 'nginx'),
        ('lb-1', 'haproxy', 'haproxy'),
    ):
        text = rendered('anlan-block-list.socket.j2', host, lab())
        assert f'SocketGroup={group}\n' in text
        assert f'ListenDatagram=/run/anlan/block-list/{sensor}\n' in text


@pytest.mark.parametrize('size', ['full', 'mini'])
def test_the_firewall_lets_the_block_list_in_from_our_hosts_alone(size: str) -> None:
    lines = [line for line in firewall_rules(lab(size)).splitlines() if 'comment "block list"' in line]
    (reporters, *peers) = sorted(lines, key=lambda line: 'ip saddr' not in line)
    own = [host for host in topology_from(lab(size)).hosts if host.tier in ('edge', 'balancer', 'app')]
    sources = reporters.split('{ ')[1].split(' }')[0].split(', ')
    assert sorted(sources) == sorted(str(host.address) for host in own)
    assert len(peers) == (1 if size == 'full' else 0)


def test_an_address_of_the_platform_file_is_written_as_the_lab_writes_its_own() -> None:
    document = with_values(lab(), {'block_list': {'never': ['198.18.1.1', '192.0.2.0/28', '2001:db8::1']}})
    found = settings('edge-1', document)['never']
    assert {'198.18.1.1', '192.0.2.0/28', '2001:db8::1'} <= set(found)
    assert not [each for each in found if each.endswith(('/32', '/128'))]
