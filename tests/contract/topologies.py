"""The small topology of the target contract: firewall, bastion and one host behind the firewall."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from infra.topology import Host, Network, Topology

PLATFORM = 'contract'
MANAGEMENT = Network('mgmt', IPv4Network('198.19.210.0/24'), IPv4Address('198.19.210.254'))
APPLICATION = Network('app', IPv4Network('198.19.211.0/24'), IPv4Address('198.19.211.254'))
MEMORY_MIB = 192


def topology() -> Topology:
    """Return the topology."""
    return Topology(
        platform=PLATFORM,
        internal_domain=f'{PLATFORM}.anlan.internal',
        front_door='learn.contract.anlan.test',
        networks=(MANAGEMENT, APPLICATION),
        hosts=(
            host('fw-1', 'firewall', 2, MANAGEMENT, APPLICATION),
            host('ops-1', 'operations', 21, MANAGEMENT),
            host('app-1', 'app', 11, APPLICATION),
        ),
        virtual_addresses=(),
        flows=(),
    )


def host(name: str, tier: str, offset: int, *networks: Network) -> Host:
    """Given a name, tier, offset and networks (the first is the host's own), return the host."""
    addresses = {network.zone: network.subnet.network_address + offset for network in networks}
    return Host(name, tier, 1, networks[0].zone, addresses, 'a', MEMORY_MIB, 1)  # type: ignore[arg-type]


def with_address(given: Topology, name: str, address: str) -> Topology:
    """Given a topology, a host's name and another address in its zone, return the topology with it."""
    return replace(
        given,
        hosts=tuple(
            replace(each, addresses=each.addresses | {each.zone: IPv4Address(address)}) if each.name == name else each
            for each in given.hosts
        ),
    )


def with_memory(given: Topology, name: str, memory_mib: int) -> Topology:
    """Given a topology, a host's name and its memory, return the topology with it."""
    return replace(
        given,
        hosts=tuple(replace(each, memory_mib=memory_mib) if each.name == name else each for each in given.hosts),
    )
