"""Networks of the lab: Docker bridges whose default route is the firewall pair. Each operation can be repeated."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from anlan.errors import AnlanError
from infra.lab.errors import NotOurs
from infra.lab.model import LABEL_HASH, LABEL_KIND, LABEL_NAME, LABEL_PLATFORM, LabNetwork

GATEWAY_KEY = 'DefaultGatewayIPv4'
IPV6_GATEWAY_KEY = 'DefaultGatewayIPv6'
"""Docker's bridge driver gives the containers these auxiliary addresses as default route, not the bridge's own."""


def find(client: docker.DockerClient, name: str) -> Network | None:
    """Given a network's name in Docker, return the network, or None if there is none."""
    try:
        network = client.networks.get(name)
    except NotFound:
        return None
    # Docker also finds by a prefix of the identifier.
    return network if network.name == name else None


def read(client: docker.DockerClient, name: str) -> LabNetwork | None:
    """Given a network's name in Docker, return what it really is, or None if it is gone. Raise NotOurs."""
    network = find(client, name)
    if network is None:
        return None
    labels = _own_labels(network)
    pools: list[dict[str, Any]] = network.attrs['IPAM']['Config'] or []
    pool = next((each for each in pools if ':' not in each.get('Subnet', '')), {})
    subnet = IPv4Network(pool.get('Subnet', '0.0.0.0/0'))
    gateway = (pool.get('AuxiliaryAddresses') or {}).get(GATEWAY_KEY) or pool.get('Gateway') or subnet.network_address
    found = LabNetwork(labels[LABEL_PLATFORM], labels[LABEL_NAME], subnet, IPv4Address(gateway))
    ipv6_pool = next((each for each in pools if ':' in each.get('Subnet', '')), None)
    if ipv6_pool is None:
        return found
    ipv6_subnet = IPv6Network(ipv6_pool['Subnet'])
    ipv6_gateway = (ipv6_pool.get('AuxiliaryAddresses') or {}).get(IPV6_GATEWAY_KEY) or ipv6_subnet.network_address
    return replace(found, ipv6_subnet=ipv6_subnet, ipv6_gateway=IPv6Address(ipv6_gateway))


def create(client: docker.DockerClient, wanted: LabNetwork) -> None:
    """Given a network, make it, or take over a leftover of our own that is the same; a different one is made anew.

    Raise NotOurs if somebody else has the name, AnlanError if Docker refuses.
    """
    leftover = find(client, wanted.name)
    if leftover is not None:
        labels = _own_labels(leftover, wanted.platform)
        if labels.get(LABEL_HASH) == wanted.labels()[LABEL_HASH]:
            return
        delete(client, wanted.name)
    pools = [
        IPAMPool(
            subnet=str(wanted.subnet),
            gateway=str(wanted.machine_address),
            aux_addresses={GATEWAY_KEY: str(wanted.gateway)},
        )
    ]
    if wanted.ipv6_subnet is not None:
        pools.append(
            IPAMPool(
                subnet=str(wanted.ipv6_subnet),
                gateway=str(wanted.ipv6_subnet.network_address + 1),
                aux_addresses={IPV6_GATEWAY_KEY: str(wanted.ipv6_gateway)},
            )
        )
    try:
        client.networks.create(
            wanted.name,
            driver='bridge',
            ipam=IPAMConfig(driver='default', pool_configs=pools),
            options={
                # Routed traffic must keep its source: the firewalls judge by it.
                'com.docker.network.bridge.enable_ip_masquerade': 'false',
                'com.docker.network.bridge.name': wanted.bridge,
            },
            enable_ipv6=wanted.ipv6_subnet is not None,
            internal=False,
            labels=wanted.labels(),
            check_duplicate=True,
        )
    except APIError as error:
        raise AnlanError(f'network {wanted.name}: Docker refuses: {error.explanation}') from None


def delete(client: docker.DockerClient, name: str) -> None:
    """Given a network's name in Docker, remove it; nothing happens if it is gone. Raise NotOurs or AnlanError."""
    network = find(client, name)
    if network is None:
        return
    _own_labels(network)
    # A host that stays gets its place in the network's successor when it is next looked at.
    for attached in network.attrs.get('Containers') or {}:
        with contextlib.suppress(APIError):
            client.api.disconnect_container_from_network(attached, name, force=True)
    try:
        network.remove()
    except NotFound:
        return
    except APIError as error:
        raise AnlanError(f'network {name}: cannot be removed: {error.explanation}') from None


def _own_labels(network: Network, platform: str | None = None) -> dict[str, str]:
    labels: dict[str, str] = network.attrs.get('Labels') or {}
    owner = labels.get(LABEL_PLATFORM)
    if labels.get(LABEL_KIND) != 'network' or owner is None or platform not in (None, owner):
        maker = f'belongs to platform {owner}' if owner else 'was not made by Anlan'
        raise NotOurs(
            f'the Docker network {network.name} {maker}; remove it (`docker network rm {network.name}`) '
            'or give the platform another name'
        )
    return labels
