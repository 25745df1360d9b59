"""Hosts of the lab: containers that are ordinary systemd machines. Each operation can be repeated."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig

from anlan.errors import AnlanError
from infra.lab import files, power
from infra.lab.errors import NotOurs
from infra.lab.model import LABEL_DOCUMENT, LABEL_HASH, LABEL_KIND, LABEL_PLATFORM, LabHost

MIB = 1024 * 1024
CAPABILITIES = ('NET_ADMIN', 'NET_RAW', 'SYS_ADMIN', 'SYS_NICE', 'SYS_PTRACE')
INIT = '/sbin/anlan-init'
CGROUP_V1_WORDS = ('systemd.unified_cgroup_hierarchy=0', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1')
NO_DEFAULT_ROUTE = PurePosixPath('/etc/anlan/no-default-route')


def find(client: docker.DockerClient, name: str) -> Container | None:
    """Given a container's name, return the container, or None if there is none."""
    try:
        container = client.containers.get(name)
    except NotFound:
        return None
    return container if container.name == name else None


def read(client: docker.DockerClient, name: str, known: LabHost | None = None) -> LabHost | None:
    """Given a container's name and the host as we know it, return what it really is, or None if it is gone.

    Raise NotOurs if the container does not bear our label.
    """
    container = find(client, name)
    if container is None:
        return None
    labels = _own_labels(container)
    original = json.loads(labels[LABEL_DOCUMENT])
    attributes = container.attrs
    host_configuration = attributes['HostConfig']
    powered = attributes['State']['Running'] and not attributes['State'].get('Paused')
    addresses = _addresses(attributes, original)
    ipv6_addresses = _ipv6_addresses(attributes, original)
    # Power loss takes the cables out (see power.kill); that is a stopped host, not one that moved.
    if (not powered and set(addresses) < set(original['addresses'])) or (powered and addresses == {}):
        powered = False
        addresses = {zone: IPv4Address(address) for zone, address in original['addresses'].items()}
        ipv6_addresses = {zone: IPv6Address(each) for zone, each in original.get('ipv6_addresses', {}).items()}
    return LabHost(
        platform=original['platform'],
        name=original['name'],
        image=attributes['Config']['Image'],
        addresses=addresses,
        memory_mib=host_configuration['Memory'] // MIB,
        ssh_public_key=_authorized_key(container, known),
        forwards=bool(original['forwards']),
        processes=host_configuration.get('PidsLimit') or 0,
        shared_memory_mib=host_configuration['ShmSize'] // MIB,
        powered=bool(powered),
        ipv6_addresses=ipv6_addresses,
    )


def create(client: docker.DockerClient, wanted: LabHost) -> str:
    """Given a host, make and start it, and return its SSH host key.

    A leftover of our own that differs only in what can be changed is taken over, any other is made anew. Raise
    NotOurs if somebody else has the name, DidNotComeUp if it is there but does not run, AnlanError if Docker refuses.
    """
    leftover = find(client, wanted.container)
    if leftover is not None:
        labels = _own_labels(leftover, wanted.platform)
        if labels.get(LABEL_HASH) == wanted.labels()[LABEL_HASH]:
            return update(client, wanted)
        delete(client, wanted.container)
    _make(client, wanted)
    return power.start(client, wanted)


def update(client: docker.DockerClient, wanted: LabHost, before: LabHost | None = None) -> str:
    """Given a host and what it was before, change it in place, start it if it does not run, and return its host key.

    Raise NotOurs, DidNotComeUp or AnlanError.
    """
    container = find(client, wanted.container)
    if container is None:
        return create(client, wanted)
    _own_labels(container, wanted.platform)
    if container.attrs['HostConfig']['Memory'] != wanted.memory_mib * MIB:
        _change_memory(container, wanted.memory_mib)
    files.authorize(container, wanted.ssh_public_key, before.ssh_public_key if before is not None else '')
    return power.start(client, wanted)


def delete(client: docker.DockerClient, name: str) -> None:
    """Given a container's name, remove it and its volumes; nothing happens if it is gone.

    Raise NotOurs or AnlanError.
    """
    container = find(client, name)
    if container is None:
        return
    _own_labels(container)
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code == 409:
            # Another run removes it already; wait for that instead of failing.
            power.wait_until_gone(client, name)
            return
        raise AnlanError(f'host {name}: cannot be removed: {error.explanation}') from None


def _make(client: docker.DockerClient, wanted: LabHost) -> None:
    zones = sorted(wanted.addresses)
    first = zones[0]
    sysctls = {
        'net.ipv4.ip_forward': '1' if wanted.forwards else '0',
        # Whatever this machine prefers: of what a container may have anywhere, the one most like a Debian host's cubic.
        'net.ipv4.tcp_congestion_control': 'reno',
        # What the roles set on a host; in a container it may only be given at the start.
        'net.ipv4.tcp_thin_linear_timeouts': '1',
        'net.ipv4.tcp_rfc1337': '1',
    }
    if wanted.forwards:
        sysctls['net.netfilter.nf_conntrack_tcp_be_liberal'] = '1'
    if wanted.ipv6_addresses:
        # Nobody tells a host its routes but its roles; and no wait for a duplicate that nobody can have.
        sysctls |= {
            'net.ipv6.conf.all.accept_ra': '0',
            'net.ipv6.conf.default.accept_ra': '0',
            'net.ipv6.conf.default.accept_dad': '0',
            'net.ipv6.conf.all.forwarding': '1' if wanted.forwards else '0',
        }
    api = client.api
    host_configuration = api.create_host_config(
        cap_add=list(CAPABILITIES),
        security_opt=['seccomp=unconfined', 'apparmor=unconfined'],
        tmpfs={'/run': 'exec,mode=755', '/run/lock': '', '/tmp': 'noexec,nosuid,nodev,mode=1777'},  # noqa: S108 - the host's own
        sysctls=sysctls,
        mem_limit=wanted.memory_mib * MIB,
        memswap_limit=wanted.memory_mib * MIB,
        pids_limit=wanted.processes,
        shm_size=wanted.shared_memory_mib * MIB,
        network_mode=wanted.networks[first],
        # Drills stop hosts and look what happens; Docker must not bring them back by itself.
        restart_policy={'Name': 'no'},
        log_config=LogConfig(type='json-file', config={'max-size': '1m', 'max-file': '1'}),
    )
    # docker-py has the flag only in the models layer of newer engines' APIs; the engine reads it here.
    host_configuration['CgroupnsMode'] = 'private'
    words = CGROUP_V1_WORDS if str(client.info().get('CgroupVersion', '1')) == '1' else ()
    endpoint = api.create_endpoint_config(
        ipv4_address=str(wanted.addresses[first]), ipv6_address=power.ipv6_of(wanted, first)
    )
    try:
        made = api.create_container(
            wanted.image,
            command=[INIT, *words],
            hostname=wanted.name,
            name=wanted.container,
            environment={'container': 'docker'},
            labels=wanted.labels(),
            stop_signal='SIGRTMIN+3',
            host_config=host_configuration,
            networking_config=api.create_networking_config({wanted.networks[first]: endpoint}),  # type: ignore[arg-type]
        )
    except ImageNotFound:
        raise AnlanError(f'host {wanted.name}: there is no image {wanted.image}; `make lab` builds it') from None
    except APIError as error:
        raise AnlanError(f'host {wanted.name}: Docker refuses: {error.explanation}') from None
    container = client.containers.get(made['Id'])
    if wanted.forwards:
        files.write(container, files.HostFile(NO_DEFAULT_ROUTE, 'A firewall is the default route of the others.\n'))
    files.authorize(container, wanted.ssh_public_key)


def _change_memory(container: Container, memory_mib: int) -> None:
    try:
        container.update(mem_limit=memory_mib * MIB, memswap_limit=memory_mib * MIB)
    except APIError as error:
        raise AnlanError(f'host {container.name}: its memory cannot be {memory_mib} MiB: {error.explanation}') from None


def _addresses(attributes: dict[str, Any], original: dict[str, Any]) -> dict[str, IPv4Address]:
    prefix = f'anlan-{original["platform"]}-'
    found = {}
    for network, endpoint in attributes['NetworkSettings']['Networks'].items():
        fixed = (endpoint.get('IPAMConfig') or {}).get('IPv4Address') or endpoint.get('IPAddress')
        if fixed:
            found[network.removeprefix(prefix)] = IPv4Address(fixed)
    return dict(sorted(found.items()))


def _ipv6_addresses(attributes: dict[str, Any], original: dict[str, Any]) -> dict[str, IPv6Address]:
    prefix = f'anlan-{original["platform"]}-'
    found = {}
    for network, endpoint in attributes['NetworkSettings']['Networks'].items():
        fixed = (endpoint.get('IPAMConfig') or {}).get('IPv6Address') or endpoint.get('GlobalIPv6Address')
        if fixed:
            found[network.removeprefix(prefix)] = IPv6Address(fixed)
    return dict(sorted(found.items()))


def _authorized_key(container: Container, known: LabHost | None) -> str:
    keys = [line.strip() for line in (files.read(container, files.AUTHORIZED_KEYS) or '').splitlines() if line.strip()]
    if known is not None and known.ssh_public_key in keys:
        return known.ssh_public_key
    return keys[0] if keys else ''


def _own_labels(container: Container, platform: str | None = None) -> dict[str, str]:
    labels: dict[str, str] = container.labels or {}
    owner = labels.get(LABEL_PLATFORM)
    if labels.get(LABEL_KIND) != 'host' or owner is None or platform not in (None, owner):
        maker = f'belongs to platform {owner}' if owner else 'was not made by Anlan'
        raise NotOurs(
            f'the container {container.name} {maker}; remove it (`docker rm -f {container.name}`) '
            'or give the platform another name'
        )
    return labels
