"""Preflight of the lab: what stands in the way on this machine, said before anything is made."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import docker
from docker.errors import DockerException

from anlan.errors import Problem
from infra.lab.engine import connect, docker_problem
from infra.lab.model import LABEL_PLATFORM, LabHost, LabNetwork

HOST_MIB = 200
"""What a host of ours really uses with its services on, on average (70–90 MiB idle); its limit is above."""

HOST_INOTIFY = 7
"""Inotify instances of a host: 6 measured when idle, and one for its services. All hosts' systemds share root's."""

INOTIFY_LIMIT = Path('/proc/sys/fs/inotify/max_user_instances')
GIB = 1024**3
ROUTE_UP = 0x1


@dataclass(frozen=True)
class UsedSubnet:
    """A subnet that something on this machine uses already."""

    user: str
    subnet: IPv4Network


def problems(
    networks: Sequence[LabNetwork], hosts: Sequence[LabHost], headroom_mib: int, free_disk_gib: int
) -> list[Problem]:
    """Given what is wanted, the memory to be left free and the disk to be there, return all that stands in the way."""
    unusable = docker_problem()
    if unusable is not None:
        return [unusable]
    client = connect()
    platform = networks[0].platform if networks else ''
    running = client.containers.list(filters={'label': f'{LABEL_PLATFORM}={platform}'}, ignore_removed=True)
    ours = {container.name for container in running}
    to_start = sum(host.container not in ours for host in hosts)
    return [
        *memory_problems(to_start, available_memory_mib(), headroom_mib),
        *inotify_problems(to_start, _inotify_used(client), int(INOTIFY_LIMIT.read_text(encoding='ascii'))),
        *disk_problems(_docker_directory(client), free_disk_gib),
        *subnet_conflicts(networks, used_subnets(client, networks)),
        *image_problems(client, hosts),
    ]


def memory_problems(hosts_to_start: int, available_mib: int, headroom_mib: int) -> list[Problem]:
    """Given how many hosts start, the memory available and the part to be left free, return why it is too little."""
    needed = hosts_to_start * HOST_MIB
    if hosts_to_start == 0 or needed + headroom_mib <= available_mib:
        return []
    return [
        Problem(
            'memory',
            f'{available_mib} MiB are available; {hosts_to_start} hosts need about {needed} MiB and {headroom_mib} MiB '
            'must stay free. Close other programs, or take size: mini',
        )
    ]


def inotify_problems(hosts_to_start: int, used: int, limit: int) -> list[Problem]:
    """Given how many hosts start, the inotify instances in use and their limit, return why that is too little.

    A systemd that gets none ends at once with exit code 255 and says nothing.
    """
    needed = used + hosts_to_start * HOST_INOTIFY
    if hosts_to_start == 0 or needed <= limit:
        return []
    return [
        Problem(
            'inotify',
            f'fs.inotify.max_user_instances is {limit}; {used} are in use and {hosts_to_start} hosts need about '
            f'{needed - used} more. As root: `sysctl -w fs.inotify.max_user_instances=8192`',
        )
    ]


def disk_problems(directory: Path, free_disk_gib: int) -> list[Problem]:
    """Given the folder where Docker stores and the disk that must be free, return why it is too little."""
    while not directory.exists():
        directory = directory.parent
    try:
        free_gib = shutil.disk_usage(directory).free / GIB
    except OSError as error:
        return [Problem('disk', f'{directory} cannot be looked at: {error}')]
    if free_gib >= free_disk_gib:
        return []
    return [
        Problem(
            'disk',
            f'{free_gib:.1f} GiB are free where Docker stores ({directory}); {free_disk_gib} GiB are needed. '
            '`docker system df` shows what uses it',
        )
    ]


def subnet_conflicts(networks: Iterable[LabNetwork], used: Iterable[UsedSubnet]) -> list[Problem]:
    """Given wanted networks and the subnets in use, return each overlap by the zone's path in the platform file."""
    used = list(used)
    return [
        Problem(
            f'zones.{network.zone}.subnet',
            f'{network.subnet} overlaps {other.subnet}, which {other.user} uses; take another subnet',
        )
        for network in networks
        for other in used
        if network.subnet.overlaps(other.subnet)
    ]


def used_subnets(client: docker.DockerClient, own: Sequence[LabNetwork]) -> list[UsedSubnet]:
    """Given the networks that are ours, return what Docker and this machine's routes use besides."""
    names, bridges = {network.name for network in own}, {network.bridge for network in own}
    used = []
    for network in client.networks.list():
        labels = network.attrs.get('Labels') or {}
        if network.name in names and labels.get(LABEL_PLATFORM) == own[0].platform:
            bridges.add(_bridge_of(network.attrs))
            continue
        for pool in network.attrs['IPAM'].get('Config') or []:
            if pool.get('Subnet') and ':' not in pool['Subnet']:
                used.append(UsedSubnet(f'the Docker network {network.name}', IPv4Network(pool['Subnet'])))
                bridges.add(_bridge_of(network.attrs))
    used += [
        UsedSubnet(f'a route of this machine (interface {interface})', subnet)
        for interface, subnet in routes()
        if interface not in bridges
    ]
    return used


def routes(file: Path = Path('/proc/net/route')) -> list[tuple[str, IPv4Network]]:
    """Return each IPv4 route of this machine but the default ones: its interface and subnet."""
    found = []
    for line in file.read_text(encoding='ascii').splitlines()[1:]:
        fields = line.split()
        destination, mask = (IPv4Address(struct.pack('<I', int(fields[index], 16))) for index in (1, 7))
        if int(fields[3], 16) & ROUTE_UP and int(mask) != 0:
            found.append((fields[0], IPv4Network(f'{destination}/{mask}', strict=False)))
    return found


def available_memory_mib(file: Path = Path('/proc/meminfo')) -> int:
    """Return the memory that this machine can still give."""
    for line in file.read_text(encoding='ascii').splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) // 1024
    raise AssertionError('every kernel since 3.14 says MemAvailable')


def image_problems(client: docker.DockerClient, hosts: Iterable[LabHost]) -> list[Problem]:
    """Given hosts, return each image that is not there."""
    missing = []
    for image in dict.fromkeys(host.image for host in hosts):
        try:
            client.images.get(image)
        except DockerException:
            missing.append(Problem('images', f'there is no host image {image}; `make lab` builds it'))
    return missing


def _inotify_used(client: docker.DockerClient) -> int:
    ours = client.containers.list(filters={'label': LABEL_PLATFORM}, ignore_removed=True)
    # Without root only this user's own are seen; ours are estimated then.
    return max(_inotify_seen(), len(ours) * HOST_INOTIFY) if os.geteuid() else _inotify_seen()


def _inotify_seen() -> int:
    count = 0
    for descriptors in Path('/proc').glob('[0-9]*/fd'):
        try:
            links = [str(entry.readlink()) for entry in descriptors.iterdir()]
        except OSError:
            continue  # it ended, or is not ours to look at
        count += links.count('anon_inode:inotify')
    return count


def _bridge_of(attributes: dict[str, object]) -> str:
    options = attributes.get('Options')
    name = options.get('com.docker.network.bridge.name') if isinstance(options, dict) else None
    return str(name) if name else f'br-{str(attributes["Id"])[:12]}'


def _docker_directory(client: docker.DockerClient) -> Path:
    return Path(str(client.info().get('DockerRootDir', '/var/lib/docker')))
