"""What the lab is made of: networks and hosts as plain data, with one canonical form and its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

LABEL_PLATFORM = 'anlan.platform'
LABEL_KIND = 'anlan.kind'
LABEL_NAME = 'anlan.name'
LABEL_HASH = 'anlan.hash'
LABEL_DOCUMENT = 'anlan.document'
"""Label with the canonical inputs themselves, so that a stopped or detached host still says what it was."""

BRIDGE_NAME_LENGTH = 15
"""Linux allows 15 characters for the name of an interface."""

Document = dict[str, Any]


def canonical_hash(document: Document) -> str:
    """Given plain data, return a short hash that does not depend on the order of keys."""
    text = json.dumps(document, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class LabNetwork:
    """The network of a zone: a Docker bridge. `gateway` is the firewall pair's virtual address in it."""

    platform: str
    zone: str
    subnet: IPv4Network
    gateway: IPv4Address
    ipv6_subnet: IPv6Network | None = None
    ipv6_gateway: IPv6Address | None = None

    @property
    def name(self) -> str:
        """Return the network's name in Docker, unique on this machine."""
        return network_name(self.platform, self.zone)

    @property
    def bridge(self) -> str:
        """Return the name of the bridge on this machine, short enough for Linux and the same in every run."""
        return f'an-{hashlib.sha256(self.name.encode()).hexdigest()}'[:BRIDGE_NAME_LENGTH]

    @property
    def machine_address(self) -> IPv4Address:
        """Return this machine's own address on the bridge, under which it reaches the bastion."""
        return self.subnet.network_address + 1

    def document(self) -> Document:
        """Return the canonical inputs."""
        return {
            'platform': self.platform,
            'zone': self.zone,
            'subnet': str(self.subnet),
            'gateway': str(self.gateway),
        } | _present(
            ipv6_subnet=str(self.ipv6_subnet or ''),
            ipv6_gateway=str(self.ipv6_gateway or ''),
        )

    @classmethod
    def from_document(cls, document: Document) -> LabNetwork:
        """Given canonical inputs, return the network. Raise ValueError or KeyError if they are wrong."""
        network = cls(
            platform=str(document['platform']),
            zone=str(document['zone']),
            subnet=IPv4Network(document['subnet']),
            gateway=IPv4Address(document['gateway']),
            ipv6_subnet=IPv6Network(document['ipv6_subnet']) if 'ipv6_subnet' in document else None,
            ipv6_gateway=IPv6Address(document['ipv6_gateway']) if 'ipv6_gateway' in document else None,
        )
        if network.gateway not in network.subnet:
            raise ValueError(f'gateway {network.gateway} is not in {network.subnet}')
        if (network.ipv6_subnet is None) != (network.ipv6_gateway is None):
            raise ValueError('ipv6_subnet and ipv6_gateway: one without the other')
        if network.ipv6_subnet is not None and network.ipv6_gateway not in network.ipv6_subnet:
            raise ValueError(f'ipv6_gateway {network.ipv6_gateway} is not in {network.ipv6_subnet}')
        return network

    def labels(self) -> dict[str, str]:
        """Return the labels that mark the network as ours."""
        return _labels(self.platform, 'network', self.zone, self.document())


@dataclass(frozen=True)
class LabHost:
    """A host: a container with systemd as its first process. `addresses` by zone.

    `forwards` is true for firewalls: they pass packets on and have no default route.
    `powered` is always true for a host that is wanted; a host that is seen stopped has it false.
    """

    platform: str
    name: str
    image: str
    addresses: dict[str, IPv4Address]
    memory_mib: int
    ssh_public_key: str
    forwards: bool = False
    processes: int = 2048
    shared_memory_mib: int = 64
    powered: bool = True
    ipv6_addresses: dict[str, IPv6Address] = field(default_factory=dict)

    @property
    def container(self) -> str:
        """Return the container's name in Docker, unique on this machine."""
        return container_name(self.platform, self.name)

    @property
    def networks(self) -> dict[str, str]:
        """Return, by zone, the name of the Docker network that the host stands in."""
        return {zone: network_name(self.platform, zone) for zone in sorted(self.addresses)}

    def document(self) -> Document:
        """Return the canonical inputs."""
        return {
            'platform': self.platform,
            'name': self.name,
            'image': self.image,
            'addresses': {zone: str(self.addresses[zone]) for zone in sorted(self.addresses)},
            'memory_mib': self.memory_mib,
            'ssh_public_key': self.ssh_public_key,
            'forwards': self.forwards,
            'processes': self.processes,
            'shared_memory_mib': self.shared_memory_mib,
            'powered': self.powered,
        } | _present(ipv6_addresses={zone: str(self.ipv6_addresses[zone]) for zone in sorted(self.ipv6_addresses)})

    @classmethod
    def from_document(cls, document: Document) -> LabHost:
        """Given canonical inputs, return the host. Raise ValueError or KeyError if they are wrong."""
        host = cls(
            platform=str(document['platform']),
            name=str(document['name']),
            image=str(document['image']),
            addresses={zone: IPv4Address(address) for zone, address in document['addresses'].items()},
            memory_mib=int(document['memory_mib']),
            ssh_public_key=str(document['ssh_public_key']).strip(),
            forwards=bool(document.get('forwards', False)),
            processes=int(document.get('processes', 2048)),
            shared_memory_mib=int(document.get('shared_memory_mib', 64)),
            powered=bool(document.get('powered', True)),
            ipv6_addresses={zone: IPv6Address(address) for zone, address in document.get('ipv6_addresses', {}).items()},
        )
        if not host.addresses:
            raise ValueError('addresses: a host needs an address in at least one zone')
        if set(host.ipv6_addresses) - set(host.addresses):
            raise ValueError('ipv6_addresses: a zone that is not in addresses')
        if host.memory_mib < 64:
            raise ValueError(f'memory_mib: {host.memory_mib} is below 64; systemd does not start')
        if '\n' in host.ssh_public_key:
            raise ValueError('ssh_public_key: must be one line')
        return host

    def fixed_document(self) -> Document:
        """Return the inputs that only a new container can change."""
        document = self.document()
        for key in CHANGEABLE_IN_PLACE:
            del document[key]
        return document

    def labels(self) -> dict[str, str]:
        """Return the labels that mark the container as ours. They hold what cannot change while it lives."""
        return _labels(self.platform, 'host', self.name, self.fixed_document())


CHANGEABLE_IN_PLACE = ('memory_mib', 'ssh_public_key', 'powered')
"""Inputs of a host that change without a new container."""


def network_name(platform: str, zone: str) -> str:
    """Given a platform's name and a zone, return the network's name in Docker."""
    return f'anlan-{platform}-{zone}'


def container_name(platform: str, host: str) -> str:
    """Given a platform's name and a host's, return the container's name in Docker."""
    return f'anlan-{platform}-{host}'


def _labels(platform: str, kind: str, name: str, document: Document) -> dict[str, str]:
    return {
        LABEL_PLATFORM: platform,
        LABEL_KIND: kind,
        LABEL_NAME: name,
        LABEL_HASH: canonical_hash(document),
        LABEL_DOCUMENT: json.dumps(document, sort_keys=True),
    }


def _present(**values: Any) -> Document:
    """Return what is not empty: without IPv6 a document, and so its hash, is what it was before there was any."""
    return {key: value for key, value in values.items() if value}
