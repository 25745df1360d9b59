"""Power of a host: start it as it was, shut it down, or cut it off as a power loss does."""

from __future__ import annotations

import contextlib
import time

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from anlan.deadline import wait_until
from anlan.errors import AnlanError
from infra.lab import files
from infra.lab.errors import DidNotComeUp
from infra.lab.model import LabHost

START_SECONDS = 90
"""17 hosts at once on 2 busy cores need up to 20 s; a host that needs more than this does not come up."""

SHUTDOWN_SECONDS = 30
POLL_SECONDS = 0.5
ALL_LINKS_DOWN = (
    'cd /sys/class/net && for link in *; do [ "$link" = lo ] || echo "link set $link down"; done | ip -batch -'
)
# In the host, not by polling from outside: each look from outside starts a process through Docker.
WAIT_FOR_SSH = 'until systemctl is-active --quiet ssh.service; do sleep 0.25; done'


def start(client: docker.DockerClient, host: LabHost, deadline_seconds: float = START_SECONDS) -> str:
    """Given a host that exists, attach it to its networks under its addresses, start it, and return its SSH host key.

    Raise DidNotComeUp if it does not run with an SSH server before the deadline.
    """
    container = _container(client, host)
    if container.attrs['State'].get('Paused'):
        container.unpause()
    _attach(client, container, host)
    if not container.attrs['State']['Running']:
        try:
            container.start()
        except APIError as error:
            raise DidNotComeUp(f'host {host.name}: does not start: {error.explanation}') from None
    _wait_for_ssh(client, container, host, deadline_seconds)
    key = files.host_key(container)
    if not key:
        raise DidNotComeUp(f'host {host.name}: runs, but has no SSH host key')
    return key


def stop(client: docker.DockerClient, host: LabHost, deadline_seconds: int = SHUTDOWN_SECONDS) -> None:
    """Given a host, shut it down in order. Raise AnlanError if it is gone."""
    _container(client, host).stop(timeout=deadline_seconds)


def kill(client: docker.DockerClient, host: LabHost) -> float:
    """Given a host, cut it off as a power loss does, and return when (on the monotonic clock) its cables were out.

    The interfaces go first, all at once: a plain kill lets the network namespace pass packets on until it is torn
    down, and Docker takes half a second to take out eight cables, one after the other. Raise AnlanError if it is gone.
    """
    container = _container(client, host)
    with contextlib.suppress(APIError):  # it was not running
        container.exec_run(['/bin/sh', '-c', ALL_LINKS_DOWN], user='root')
    cut = time.monotonic()
    for name in list(container.attrs['NetworkSettings']['Networks']):
        _disconnect(client, name, container)
    with contextlib.suppress(APIError):  # it was not running
        container.kill()
    return cut


def wait_until_gone(client: docker.DockerClient, name: str, deadline_seconds: float = 30) -> None:
    """Given a container's name that is being removed, wait until it is. Raise DeadlineExceeded."""

    def still_there() -> str | None:
        try:
            client.containers.get(name)
        except NotFound:
            return None
        return 'it is still there'

    wait_until(still_there, f'container {name} to be removed', deadline_seconds, POLL_SECONDS)


def _container(client: docker.DockerClient, host: LabHost) -> Container:
    try:
        return client.containers.get(host.container)
    except NotFound:
        raise AnlanError(f'host {host.name}: there is no container {host.container}') from None


def _attach(client: docker.DockerClient, container: Container, host: LabHost) -> None:
    """Connect the container to each of its networks, again if it is there under a wrong address or an old network."""
    present = container.attrs['NetworkSettings']['Networks']
    for name in set(present) - set(host.networks.values()):
        _disconnect(client, name, container)
    for zone, name in host.networks.items():
        address = str(host.addresses[zone])
        try:
            network = client.networks.get(name)
        except NotFound:
            raise DidNotComeUp(f'host {host.name}: there is no network {name}') from None
        endpoint = present.get(name)
        if endpoint is not None:
            fixed = endpoint.get('IPAMConfig') or {}
            same = (fixed.get('IPv4Address'), fixed.get('IPv6Address') or None) == (address, ipv6_of(host, zone))
            # Before the first start Docker names the network but not yet its identifier.
            if same and endpoint.get('NetworkID') in ('', network.id):
                continue
            _disconnect(client, name, container)
        try:
            network.connect(container, ipv4_address=address, ipv6_address=ipv6_of(host, zone))
        except APIError as error:
            raise DidNotComeUp(f'host {host.name}: cannot have {address} in zone {zone}: {error.explanation}') from None


def ipv6_of(host: LabHost, zone: str) -> str | None:
    """Given a host and one of its zones, return its IPv6 address there as Docker wants it, or None."""
    address = host.ipv6_addresses.get(zone)
    return None if address is None else str(address)


def _disconnect(client: docker.DockerClient, network: str, container: Container) -> None:
    with contextlib.suppress(APIError):  # the network is gone, and the endpoint with it
        client.api.disconnect_container_from_network(str(container.id), network, force=True)


def _wait_for_ssh(client: docker.DockerClient, container: Container, host: LabHost, deadline_seconds: float) -> None:
    command = ['timeout', str(int(deadline_seconds)), 'sh', '-c', WAIT_FOR_SSH]
    try:
        code, _ = container.exec_run(command)
    except APIError:
        code = 137
    if code == 0:
        return
    container.reload()
    state = container.attrs['State']
    if not state['Running']:
        said = container.logs(tail=3).decode(errors='replace').strip().replace('\n', ' / ')
        hint = (
            f'it said: {said}' if said else 'it said nothing, as systemd does when fs.inotify.max_user_instances is low'
        )
        raise DidNotComeUp(f'host {host.name}: ended with exit code {state["ExitCode"]} right after its start; {hint}')
    raise DidNotComeUp(f'host {host.name}: runs, but its SSH server did not answer in {deadline_seconds:.0f} s')
