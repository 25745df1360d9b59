"""Outputs: what stands, as the one file that Ansible's inventory and every command read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anlan.platform import Platform
from anlan.platform.targets import OnpremTarget
from infra.flows import EVERYONE, OUTSIDE
from infra.images import packages_by_tier
from infra.inventory import Inventory, InventoryHost
from infra.topology import Host, Topology

SSH_USER = 'anlan'


def outputs(platform: Platform, topology: Topology, inventory: Inventory) -> dict[str, Any]:
    """Given a platform, its topology and the inventory of its target, return the outputs as plain data."""
    return {
        'variables': {
            'platform': platform.document(),
            'internal_domain': topology.internal_domain,
            'topology': topology_document(topology),
            'host_names': host_names(topology),
            'packages_by_tier': packages_by_tier(),
            'ansible_become_method': 'sudo',
        },
        'hosts': {
            host.name: {
                'tier': host.tier,
                'zone': host.zone,
                'ssh_host_key': inventory.hosts[host.name].ssh_host_key,
                'variables': _host_variables(topology, host, inventory),
            }
            for host in topology.hosts
        },
    }


def inventory_of(topology: Topology, document: Mapping[str, Any]) -> Inventory:
    """Given a topology and the outputs of the last `up`, return the inventory that it was made from.

    Raise KeyError if a host of the topology is not among them.
    """
    hosts = {}
    for host in topology.hosts:
        known = document['hosts'][host.name]
        hosts[host.name] = InventoryHost(
            address=known['variables']['ansible_host'],
            ssh_port=known['variables']['ansible_port'],
            ssh_user=known['variables']['ansible_user'],
            ssh_host_key=known['ssh_host_key'],
            tier=host.tier,
            zone=host.zone,
            addresses={zone: str(address) for zone, address in host.addresses.items()},
            fault_domain=host.fault_domain,
        )
    return Inventory(topology.platform, hosts)


def topology_document(topology: Topology) -> dict[str, Any]:
    """Given a topology, return it as plain data; the sides of each flow are addresses."""
    return {
        'networks': {
            network.zone: {
                'subnet': str(network.subnet),
                'gateway': str(network.gateway),
                'ipv6_subnet': _text(network.ipv6_subnet),
                'ipv6_gateway': _text(network.ipv6_gateway),
            }
            for network in topology.networks
        },
        'virtual_addresses': {
            virtual.name: {
                'zone': virtual.zone,
                'address': str(virtual.address),
                'ipv6_address': _text(virtual.ipv6_address),
                'tier': virtual.tier,
            }
            for virtual in topology.virtual_addresses
        },
        'flows': [
            {
                'name': flow.name,
                'protocol': flow.protocol,
                'ports': list(flow.ports),
                'sources': _addresses(topology, flow.source),
                'destinations': _addresses(topology, flow.destination),
                'ipv6_sources': [] if flow.ipv4_only else _ipv6_addresses(topology, flow.source),
                'ipv6_destinations': [] if flow.ipv4_only else _ipv6_addresses(topology, flow.destination),
                'reason': flow.reason,
            }
            for flow in topology.flows
        ],
    }


def _addresses(topology: Topology, side: str) -> list[str]:
    if side.startswith('vip:'):
        name = side.removeprefix('vip:')
        return [str(virtual.address) for virtual in topology.virtual_addresses if virtual.name == name]
    if side.startswith(OUTSIDE):
        return side.removeprefix(OUTSIDE).split(',')
    hosts = topology.hosts if side == EVERYONE else [host for host in topology.hosts if host.tier == side]
    return [str(host.address) for host in hosts]


def _ipv6_addresses(topology: Topology, side: str) -> list[str]:
    """Return the IPv6 addresses of a flow's side: of hosts alone, for nothing else has any."""
    hosts = [host for host in topology.hosts if side in (EVERYONE, host.tier)]
    return [str(host.ipv6_addresses[host.zone]) for host in hosts if host.zone in host.ipv6_addresses]


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def host_names(topology: Topology) -> list[dict[str, Any]]:
    """Given a topology, return each address with the names that stand for it in /etc/hosts."""
    domain = topology.internal_domain
    entries: list[dict[str, Any]] = [
        {'address': str(host.address), 'names': [f'{host.name}.{domain}', host.name]} for host in topology.hosts
    ]
    entries += [
        {'address': str(virtual.address), 'names': [f'{virtual.name}.{domain}']}
        for virtual in topology.virtual_addresses
    ]
    return entries


def _host_variables(topology: Topology, host: Host, inventory: Inventory) -> dict[str, Any]:
    reached = inventory.hosts[host.name]
    return {
        'ansible_host': str(reached.address),
        'ansible_port': reached.ssh_port,
        'ansible_user': reached.ssh_user,
        'anlan_tier': host.tier,
        'anlan_zone': host.zone,
        'anlan_number': host.number,
        'anlan_address': str(host.address),
        'anlan_addresses': {zone: str(address) for zone, address in host.addresses.items()},
        'anlan_ipv6_addresses': {zone: str(address) for zone, address in host.ipv6_addresses.items()},
        'anlan_gateway': str(topology.network(host.zone).gateway),
        'anlan_ipv6_gateway': _text(topology.network(host.zone).ipv6_gateway),
        'anlan_fault_domain': host.fault_domain,
    }


def ssh_user(platform: Platform) -> str:
    """Given a platform, return the user that logs in on its hosts."""
    return platform.target.ssh_user if isinstance(platform.target, OnpremTarget) else SSH_USER
