"""The Pulumi programs: the networks and hosts of a topology with its inventory, and the cloud before its edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from anlan.errors import AnlanError
from anlan.platform.cloud import Cloud
from infra.cloud.boundary import Boundary, Wanted
from infra.cloud.own_edges import OwnEdges
from infra.cloud.prerequisites import NOT_INSTALLED
from infra.lab.kinds import HOST_TYPE, NETWORK_TYPE
from infra.lab.model import LabHost, LabNetwork
from infra.topology import Topology

SHARED_MEMORY_MIB = {'data': 128}
"""PostgreSQL keeps its parallel queries' memory in /dev/shm."""

DEFAULT_SHARED_MEMORY_MIB = 64


class Network(pulumi.CustomResource):  # type: ignore[misc]
    """A zone's network in the lab."""

    network_name: pulumi.Output[str]

    def __init__(self, network: LabNetwork, options: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(NETWORK_TYPE, network.zone, network.document() | {'network_name': None}, options)


class Host(pulumi.CustomResource):  # type: ignore[misc]
    """A host in the lab. `networks` by zone ties it to its networks, which must live longer than it."""

    ssh_host_key: pulumi.Output[str]

    def __init__(
        self, host: LabHost, networks: Mapping[str, Network], options: pulumi.ResourceOptions | None = None
    ) -> None:
        names = {zone: networks[zone].network_name for zone in sorted(host.addresses)}
        super().__init__(HOST_TYPE, host.name, host.document() | {'networks': names, 'ssh_host_key': None}, options)


def lab_networks(topology: Topology) -> list[LabNetwork]:
    """Given a topology, return the lab's networks."""
    return [
        LabNetwork(
            topology.platform,
            network.zone,
            network.subnet,
            network.gateway,
            network.ipv6_subnet,
            network.ipv6_gateway,
        )
        for network in topology.networks
    ]


def lab_hosts(topology: Topology, images: Mapping[str, str], ssh_public_key: str) -> list[LabHost]:
    """Given a topology, the image tag of each tier and the operator's public key, return the lab's hosts."""
    return [
        LabHost(
            platform=topology.platform,
            name=host.name,
            image=images[host.tier],
            addresses=dict(sorted(host.addresses.items())),
            memory_mib=host.memory_mib,
            ssh_public_key=ssh_public_key,
            forwards=host.tier == 'firewall',
            shared_memory_mib=SHARED_MEMORY_MIB.get(host.tier, DEFAULT_SHARED_MEMORY_MIB),
            ipv6_addresses=dict(sorted(host.ipv6_addresses.items())),
        )
        for host in topology.hosts
    ]


def declare(topology: Topology, images: Mapping[str, str], ssh_public_key: str, ssh_user: str) -> None:
    """Given a topology, image tags, the operator's public key and user, declare everything and export the inventory."""
    networks = {network.zone: Network(network) for network in lab_networks(topology)}
    keys: dict[str, Any] = {}
    for host in lab_hosts(topology, images, ssh_public_key):
        keys[host.name] = Host(host, networks).ssh_host_key
    pulumi.export('inventory', inventory_document(topology, ssh_user, keys))


def declare_boundary(wanted: Wanted, cloud: Cloud, signing_keys: Sequence[str]) -> None:
    """Given what stands before the edges, declare it and export where learners come in; nothing without a provider.

    Raise AnlanError if the provider's SDK is not installed.
    """
    boundary: Boundary
    if cloud.provider == 'none':
        boundary = OwnEdges(wanted)
    else:
        try:
            # Large, and only for who has a cloud.
            from infra.cloud.alibaba import AlibabaBoundary
        except ModuleNotFoundError:
            raise AnlanError(NOT_INSTALLED) from None
        boundary = AlibabaBoundary(wanted, cloud, signing_keys)
    entrance = boundary.entrance()
    pulumi.export(
        'boundary',
        {'alias': entrance.alias, 'addresses': list(entrance.addresses), 'protections': entrance.protections},
    )


def inventory_document(topology: Topology, ssh_user: str, ssh_host_keys: Mapping[str, Any]) -> dict[str, Any]:
    """Given a topology, the user and each host's key (or the promise of it), return an inventory's document."""
    return {
        'platform': topology.platform,
        'hosts': {
            host.name: {
                'address': str(host.address),
                'ssh_port': host.ssh_port,
                'ssh_user': ssh_user,
                'ssh_host_key': ssh_host_keys[host.name],
                'tier': host.tier,
                'zone': host.zone,
                'addresses': {zone: str(address) for zone, address in host.addresses.items()},
                'fault_domain': host.fault_domain,
            }
            for host in topology.hosts
        },
    }
