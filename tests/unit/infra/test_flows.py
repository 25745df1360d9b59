"""Declared flows: few, named, reasoned, and never a way around a tier."""

from __future__ import annotations

from infra.flows import EVERYONE, declared_flows
from infra.outputs import topology_document
from tests.unit.samples import lab, onprem, topology_from, with_values


def test_every_flow_has_a_name_of_its_own_and_a_reason() -> None:
    flows = declared_flows(443)
    assert len({flow.name for flow in flows}) == len(flows)
    assert all(flow.reason and flow.name for flow in flows)


def test_every_side_of_a_flow_is_a_tier_everyone_or_a_virtual_address_that_exists() -> None:
    topology = topology_from(lab())
    tiers = {host.tier for host in topology.hosts} | {EVERYONE}
    virtual = {f'vip:{virtual.name}' for virtual in topology.virtual_addresses}
    for flow in topology.flows:
        assert flow.source in tiers, flow.name
        assert flow.destination in tiers | virtual, flow.name


def test_a_flow_has_ports_unless_it_is_icmp() -> None:
    for flow in declared_flows(443):
        assert bool(flow.ports) == (flow.protocol != 'icmp'), flow.name
        assert all(0 < port < 65536 for port in flow.ports)


def test_the_front_doors_port_is_the_platforms() -> None:
    topology = topology_from(with_values(lab(), {'front_door.port': 8443}))
    (learners,) = (flow for flow in topology.flows if flow.name == 'learners')
    assert learners.ports == (8443,)


def test_clients_reach_edges_alone() -> None:
    reached = {flow.destination for flow in declared_flows(443) if flow.source == 'client'}
    assert reached == {'edge'}


def test_only_app_hosts_reach_the_database() -> None:
    sources = {flow.source for flow in declared_flows(443) if flow.destination == 'data'}
    assert sources == {'app'}


def test_ssh_comes_from_the_bastion_alone() -> None:
    ssh = [flow for flow in declared_flows(443) if 22 in flow.ports]
    assert [flow.source for flow in ssh] == ['operations']
    assert ssh[0].destination == EVERYONE


def test_the_bastion_reaches_a_host_whose_ssh_server_has_another_port() -> None:
    topology = topology_from(with_values(onprem(), {'target.hosts.app-1.ssh_port': 2222}))
    ports = {port for flow in topology.flows if flow.source == 'operations' for port in flow.ports}
    assert {22, 2222} <= ports


def test_clocks_and_resolvers_outside_are_the_only_addresses_outside_that_are_let_out() -> None:
    values = {'configuration.time_sources': ['203.0.113.7'], 'configuration.resolvers': ['10.9.0.53', '10.9.0.54']}
    document = topology_document(topology_from(with_values(lab(), values)))
    flows = {flow['name']: flow for flow in document['flows']}
    assert flows['time-outside']['destinations'] == ['203.0.113.7']
    assert flows['time-outside']['sources'] == ['198.18.40.11', '198.18.40.12']
    assert flows['names-udp']['destinations'] == ['10.9.0.53', '10.9.0.54']
    assert 'time-outside' not in {flow.name for flow in topology_from(lab()).flows}


def test_the_mirror_of_signatures_is_reached_at_its_address_and_port_alone() -> None:
    values = {
        'hardening.integrity.signature_mirror': 'https://clamav.example.cn:8443/db',
        'hardening.integrity.signature_mirror_address': '10.1.0.60',
    }
    flows = {flow.name: flow for flow in topology_from(with_values(lab(), values)).flows}
    assert (flows['signatures'].destination, flows['signatures'].ports) == ('address:10.1.0.60', (8443,))
    assert 'signatures' not in {flow.name for flow in topology_from(lab()).flows}
