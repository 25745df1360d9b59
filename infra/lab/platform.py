"""All that stands in Docker for one platform, found by label: for its state, and to sweep what no state knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import docker

from infra.lab import hosts, networks
from infra.lab.model import LABEL_KIND, LABEL_NAME, LABEL_PLATFORM

THREADS = 8


def host_states(client: docker.DockerClient, platform: str) -> dict[str, bool]:
    """Given a platform's name, return each of its hosts and whether it runs."""
    found = client.containers.list(all=True, filters={'label': _labels(platform, 'host')}, ignore_removed=True)
    return {container.labels[LABEL_NAME]: container.status == 'running' for container in found}


def zones(client: docker.DockerClient, platform: str) -> list[str]:
    """Given a platform's name, return the zones whose networks stand."""
    found = client.networks.list(filters={'label': _labels(platform, 'network')})
    return sorted(network.attrs['Labels'][LABEL_NAME] for network in found)


def remove(client: docker.DockerClient, platform: str) -> list[str]:
    """Given a platform's name, remove every container and network that bears its label, and return their names."""
    containers = client.containers.list(all=True, filters={'label': _labels(platform, 'host')}, ignore_removed=True)
    bridges = client.networks.list(filters={'label': _labels(platform, 'network')})
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(lambda container: hosts.delete(client, container.name), containers))
        list(pool.map(lambda network: networks.delete(client, network.name), bridges))
    return [*(str(container.name) for container in containers), *(str(network.name) for network in bridges)]


def _labels(platform: str, kind: str) -> list[str]:
    return [f'{LABEL_PLATFORM}={platform}', f'{LABEL_KIND}={kind}']
