"""Outputs and inventory: what a target hands over reaches Ansible and every command unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anlan.errors import AnlanError
from infra.inventory import Inventory
from infra.outputs import host_names, outputs, ssh_user, topology_document
from infra.outputs_file import read_outputs
from tests.unit.samples import inventory_of, lab, onprem, platform_of, topology_from, with_values

PLATFORM = platform_of(lab())
TOPOLOGY = topology_from(lab())
OUTPUTS = outputs(PLATFORM, TOPOLOGY, inventory_of(TOPOLOGY))


def test_an_inventory_survives_being_written_and_read() -> None:
    inventory = inventory_of(TOPOLOGY)
    assert Inventory.of(json.loads(json.dumps(inventory.document()))) == inventory


def test_an_inventory_without_hosts_is_refused() -> None:
    with pytest.raises(KeyError):
        Inventory.of({'platform': 'sample'})


def test_outputs_are_plain_data_with_every_host() -> None:
    assert json.loads(json.dumps(OUTPUTS)) == OUTPUTS
    assert list(OUTPUTS['hosts']) == [host.name for host in TOPOLOGY.hosts]
    assert OUTPUTS['variables']['platform'] == PLATFORM.document()
    assert OUTPUTS['variables']['internal_domain'] == 'sample.anlan.internal'


def test_a_hosts_variables_say_where_it_is_reached_and_where_it_stands() -> None:
    host = OUTPUTS['hosts']['fw-2']
    assert (host['tier'], host['zone'], host['ssh_host_key']) == ('firewall', 'mgmt', 'ssh-ed25519 KEY-OF-fw-2')
    variables = host['variables']
    assert variables['ansible_host'] == variables['anlan_address'] == '198.18.40.3'
    assert variables['anlan_addresses']['app'] == '198.18.20.3'
    assert variables['anlan_gateway'] == '198.18.40.254'
    assert (variables['anlan_number'], variables['anlan_fault_domain']) == (2, 'b')


def test_where_a_host_is_reached_comes_from_the_inventory() -> None:
    inventory = inventory_of(topology_from(with_values(onprem(), {'target.hosts.app-1.ssh_port': 2222})))
    platform = platform_of(onprem())
    variables = outputs(platform, topology_from(onprem()), inventory)['hosts']['app-1']['variables']
    assert variables['ansible_port'] == 2222


def test_the_sides_of_a_flow_are_addresses() -> None:
    flows = {flow['name']: flow for flow in topology_document(TOPOLOGY)['flows']}
    assert flows['edge-to-balancer']['sources'] == ['198.18.1.11', '198.18.2.12']
    assert flows['edge-to-balancer']['destinations'] == ['198.18.10.253']
    assert len(flows['time']['sources']) == len(TOPOLOGY.hosts)
    assert all(flow['sources'] and flow['destinations'] for flow in flows.values())


def test_every_host_and_virtual_address_has_a_name_and_no_name_stands_for_two() -> None:
    entries = host_names(TOPOLOGY)
    names = [name for entry in entries for name in entry['names']]
    assert len(names) == len(set(names))
    assert {'db-3', 'db-3.sample.anlan.internal', 'balancer.sample.anlan.internal'} <= set(names)
    addresses = {entry['address'] for entry in entries}
    assert {str(virtual.address) for virtual in TOPOLOGY.virtual_addresses} <= addresses


def test_the_user_that_logs_in_is_the_platforms() -> None:
    assert ssh_user(PLATFORM) == 'anlan'
    assert ssh_user(platform_of(with_values(onprem(), {'target.ssh_user': 'deploy'}))) == 'deploy'


def test_outputs_are_read_back(tmp_path: Path) -> None:
    file = tmp_path / 'outputs.anlan.json'
    file.write_text(json.dumps(OUTPUTS), encoding='utf-8')
    assert read_outputs(file) == OUTPUTS


def test_a_platform_without_outputs_does_not_stand(tmp_path: Path) -> None:
    with pytest.raises(AnlanError, match='platform lab does not stand; bring it up with `anlan up`'):
        read_outputs(tmp_path / 'lab' / 'outputs.anlan.json')


@pytest.mark.parametrize(
    'text', ['', '{"hosts": {', '[]', '{}', '{"hosts": {}}', '{"hosts": {}, "variables": {}}', '\udcff']
)
def test_outputs_that_are_damaged_are_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'outputs.anlan.json'
    file.write_bytes(text.encode('utf-8', 'surrogateescape'))
    with pytest.raises(AnlanError, match='cannot be used'):
        read_outputs(file)
