"""Topology: which hosts stand where, under which addresses, and who may speak to whom. Pure data and functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from anlan.platform import Platform
from anlan.platform.targets import OnpremTarget
from anlan.platform.tiers import COUNTS, TierName, host_name, zone_of
from anlan.platform.zones import ZONE_NAMES, ipv6_address
from infra.flows import Flow, declared_flows, outside_flows, signature_flows

FIREWALL_OFFSET = 2
"""fw-1 has the third address of every zone; the first is this machine's own in the lab."""

LINK_ZONE = 'sync'
"""The firewalls' own link: it has no other hosts, so nobody needs a virtual address in it."""

HOST_OFFSET: dict[TierName, int] = {
    'firewall': FIREWALL_OFFSET,
    'edge': 11,
    'balancer': 11,
    'app': 11,
    'data': 11,
    'monitoring': 11,
    'operations': 21,
    'offsite': 11,
    'client': 31,
}
"""Offset of a tier's first host in its zone."""


@dataclass(frozen=True)
class Network:
    """The network of a zone; `gateway` is the firewall pair's virtual address in it. IPv6 where the zone has it."""

    zone: str
    subnet: IPv4Network
    gateway: IPv4Address
    ipv6_subnet: IPv6Network | None = None
    ipv6_gateway: IPv6Address | None = None


@dataclass(frozen=True)
class Host:
    """A host. `addresses` by zone; all but firewalls have one. `address` is the one that it is managed under."""

    name: str
    tier: TierName
    number: int
    zone: str
    addresses: dict[str, IPv4Address]
    fault_domain: str
    memory_mib: int
    disk_gib: int
    ssh_port: int = 22
    ipv6_addresses: dict[str, IPv6Address] = field(default_factory=dict)

    @property
    def address(self) -> IPv4Address:
        """Return the address in the host's own zone."""
        return self.addresses[self.zone]


@dataclass(frozen=True)
class VirtualAddress:
    """An address that moves between the hosts of a tier."""

    name: str
    tier: TierName
    zone: str
    address: IPv4Address
    ipv6_address: IPv6Address | None = None


@dataclass(frozen=True)
class Topology:
    """All of a platform that exists."""

    platform: str
    internal_domain: str
    front_door: str
    networks: tuple[Network, ...]
    hosts: tuple[Host, ...]
    virtual_addresses: tuple[VirtualAddress, ...]
    flows: tuple[Flow, ...]

    def host(self, name: str) -> Host:
        """Given a host's name, return the host. Raise KeyError if there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def tier(self, tier: TierName) -> tuple[Host, ...]:
        """Given a tier, return its hosts in order."""
        return tuple(host for host in self.hosts if host.tier == tier)

    def network(self, zone: str) -> Network:
        """Given a zone, return its network. Raise KeyError if there is none."""
        for network in self.networks:
            if network.zone == zone:
                return network
        raise KeyError(zone)

    @property
    def bastion(self) -> Host:
        """Return the only host that SSH reaches directly."""
        return self.tier('operations')[0]


def topology_of(platform: Platform) -> Topology:
    """Given a checked platform, return its topology."""
    networks = tuple(
        # In our order, not the file's: what is made of it must not change when a user sorts the file.
        Network(
            name,
            zone.subnet,
            zone.gateway_address(),
            zone.ipv6_subnet,
            zone.ipv6_gateway_address(),
        )
        for name, zone in ((name, platform.zones[name]) for name in ZONE_NAMES)
    )
    hosts = tuple(
        _host(platform, tier, number) for tier in COUNTS['full'] for number in range(1, platform.count(tier) + 1)
    )
    virtual_addresses = (
        *(
            VirtualAddress(f'firewall-{network.zone}', 'firewall', network.zone, network.gateway, network.ipv6_gateway)
            for network in networks
            if network.zone != LINK_ZONE
        ),
        VirtualAddress('balancer', 'balancer', 'dmz', platform.balancer_virtual_address()),
    )
    integrity = platform.hardening.integrity
    return Topology(
        platform=platform.name,
        internal_domain=platform.internal_domain(),
        front_door=platform.front_door.name,
        networks=networks,
        hosts=hosts,
        virtual_addresses=virtual_addresses,
        flows=(
            *declared_flows(platform.front_door.port, tuple(sorted({22, *(host.ssh_port for host in hosts)}))),
            *outside_flows(platform.configuration.time_sources, platform.configuration.resolvers),
            *signature_flows(integrity.signature_mirror, integrity.signature_mirror_address),
        ),
    )


def _host(platform: Platform, tier: TierName, number: int) -> Host:
    name = host_name(tier, number)
    zone = zone_of(tier, number)
    settings = getattr(platform.tiers, tier)
    if isinstance(platform.target, OnpremTarget):
        existing = platform.target.hosts[name]
        addresses = dict(existing.zone_addresses) or {zone: existing.address}
        ipv6_addresses = dict(existing.zone_ipv6_addresses)
        if existing.ipv6_address is not None:
            ipv6_addresses = {zone: existing.ipv6_address}
        fault_domain, ssh_port = existing.fault_domain, existing.ssh_port
    else:
        zones = platform.zones if tier == 'firewall' else {zone: platform.zones[zone]}
        offset = HOST_OFFSET[tier] + number - 1
        addresses = {each: item.subnet.network_address + offset for each, item in zones.items()}
        ipv6_addresses = {
            each: ipv6_address(item.ipv6_subnet, offset) for each, item in zones.items() if item.ipv6_subnet is not None
        }
        fault_domain, ssh_port = platform.fault_domains[(number - 1) % len(platform.fault_domains)], 22
    return Host(
        name=name,
        tier=tier,
        number=number,
        zone=zone,
        addresses=addresses,
        fault_domain=fault_domain,
        memory_mib=settings.memory_mib,
        disk_gib=settings.disk_gib,
        ssh_port=ssh_port,
        ipv6_addresses=ipv6_addresses,
    )
