"""Sockets that listen: what `ss` says, and what a host of a tier is to have open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from anlan.errors import AnlanError
from compliance.expected import Expected

EPHEMERAL = 32768
"""From here on the kernel gives ports to who sends and asked for none."""

PROGRAMS: Mapping[tuple[str, int], str] = {
    ('tcp', 22): 'sshd', ('tcp', 5432): 'postgres', ('tcp', 8008): 'patroni', ('tcp', 6379): 'valkey-server',
    ('tcp', 26379): 'valkey-sentinel', ('tcp', 8443): 'nginx', ('tcp', 19532): 'nginx', ('udp', 3783): 'python3',
    ('udp', 123): 'chronyd', ('tcp', 8432): 'pgbackrest', ('tcp', 8444): 'restic-rest-ser',
    # A thread of radosgw.
    ('tcp', 7443): 'notif-worker0',
}  # fmt: skip
"""Which program answers on a port that a flow is declared to. What is not here is the front door's: OF_TIER."""

OF_TIER: Mapping[str, str] = {'edge': 'nginx', 'balancer': 'haproxy'}

IN_ZONE: Mapping[str, tuple[tuple[str, int, str, str], ...]] = {
    'firewall': (
        ('udp', 3780, 'conntrackd', 'states of connections, from the other firewall'),
        ('udp', 3781, 'python3', 'zone sight of the other firewall'),
        ('udp', 3783, 'python3', 'block list of the other firewall, and reports'),
    ),
    'edge': (
        ('tcp', 80, 'nginx', 'leads to https'),
        ('udp', 3783, 'python3', 'block list'),
    ),
    'balancer': (('udp', 3783, 'python3', 'acknowledgements of the block list'),),
    'app': (('udp', 3783, 'python3', 'acknowledgements of the block list'),),
    'data': (
        ('tcp', 2379, 'etcd', 'Patroni of the other members asks here'),
        ('tcp', 2380, 'etcd', 'the other members of etcd'),
    ),
}
"""By tier, what listens for hosts of the same zone, or for whoever comes by no declared flow, and why."""

LOOPBACK: Mapping[str, tuple[tuple[str, int, str, str], ...]] = {
    'all': (('udp', 323, 'chronyd', 'questions about the clock'),),
    'balancer': (
        ('tcp', 8405, 'haproxy', 'figures'),
        ('tcp', 8480, 'nginx', 'the shield'),
        ('tcp', 8481, 'haproxy', 'the origin, for the shield'),
    ),
    'app': (('tcp', 5432, 'haproxy', 'the way to the leader of the database'),),
    'data': (
        ('tcp', 2379, 'etcd', 'Patroni of this host'),
        ('tcp', 2381, 'etcd', 'figures'),
        ('tcp', 5432, 'postgres', 'Patroni of this host'),
        ('tcp', 6379, 'valkey-server', 'its Sentinel'),
        ('tcp', 26379, 'valkey-sentinel', 'questions of the host itself'),
    ),
    'offsite': (
        ('tcp', 3300, 'ceph-mon', 'the store asks its own monitor'),
        *(('tcp', port, 'ceph-osd', 'the store writes to its own disk') for port in range(6800, 6808)),
    ),
}
"""By tier, what listens on the loopback alone, and why."""

SENDERS = ('chronyd', 'conntrackd', 'systemd-journal')
"""Programs that send datagrams from a port that the kernel gave them; what comes to it otherwise they drop."""

LINE = re.compile(r'^(?P<protocol>\w+)\s+\S+\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+|\*)\s+\S+\s*(?P<users>.*)$')


@dataclass(frozen=True, order=True)
class Socket:
    """One that listens, or takes datagrams. `program` is empty where the host does not see who holds it."""

    protocol: str
    address: str
    port: int
    program: str

    @property
    def loopback(self) -> bool:
        """Return whether it can be reached from the host alone."""
        return self.address not in {'*', '0.0.0.0', '::'} and ip_address(self.address).is_loopback  # noqa: S104

    @property
    def everywhere(self) -> bool:
        """Return whether it listens on each address of the host."""
        return self.address in {'*', '0.0.0.0', '::'}  # noqa: S104

    def __str__(self) -> str:
        return f'{self.program or "somebody"} on {self.protocol} {self.address}:{self.port}'


def sockets_of(text: str) -> list[Socket]:
    """Given what `ss -H -tulpn` wrote, return its sockets, each once. Raise AnlanError if a line cannot be read."""
    found = set()
    for line in text.splitlines():
        if not line.strip():
            continue
        match = LINE.match(line.strip())
        if match is None:
            raise AnlanError(f'a line of ss cannot be read: {line.strip()[:120]}')
        address = match['address'].partition('%')[0].strip('[]').removeprefix('::ffff:')
        names = re.findall(r'\("([^"]+)",', match['users']) or ['']
        found |= {Socket(match['protocol'], address, int(match['port']), name) for name in names}
    return sorted(found)


def declared(expected: Expected) -> dict[tuple[str, int], str]:
    """Given what is declared of a host, return what others may reach of it: protocol and port, and which program."""
    own = {*expected.variables['anlan_addresses'].values(), *expected.variables['anlan_ipv6_addresses'].values()}
    own |= {
        each['address'] for each in expected.topology['virtual_addresses'].values() if each['tier'] == expected.tier
    }
    found: dict[tuple[str, int], str] = {}
    for flow in expected.topology['flows']:
        if own & {*flow['destinations'], *flow['ipv6_destinations']} and flow['protocol'] != 'icmp':
            for port in ports_of(flow, expected):
                key = (str(flow['protocol']), port)
                found[key] = 'sshd' if flow['name'] == 'administration' else program_of(key, expected.tier)
    found |= {(protocol, port): program for protocol, port, program, _ in IN_ZONE.get(expected.tier, ())}
    if len(expected.hosts('firewall')) < 2 and expected.tier == 'firewall':
        found = {key: program for key, program in found.items() if key not in {('udp', 3780), ('udp', 3781)}}
    return found


def program_of(key: tuple[str, int], tier: str) -> str:
    """Given protocol and port of a flow, and the tier that it leads to, return the program that answers."""
    return PROGRAMS.get(key) or OF_TIER.get(tier, '')


def ports_of(flow: Mapping[str, Any], expected: Expected) -> list[int]:
    """Given a flow, return its ports on the host: of SSH its own alone, where every host may have another."""
    if flow['name'] == 'administration':
        return [int(expected.variables['ansible_port'])]
    return [int(port) for port in flow['ports']]


def on_loopback(expected: Expected) -> dict[tuple[str, int], str]:
    """Given what is declared of a host, return what may listen on its loopback."""
    every = (*LOOPBACK['all'], *LOOPBACK.get(expected.tier, ()))
    return {(protocol, port): program for protocol, port, program, _ in every}


def is_of_docker(socket: Socket, expected: Expected) -> bool:
    """Given a socket, return whether it is the name server that Docker puts into each container of a lab."""
    return socket.address == '127.0.0.11' and not socket.program and expected.platform['target']['kind'] == 'lab'


def sends_alone(socket: Socket) -> bool:
    """Given a socket, return whether it is one that a program sends from."""
    return socket.protocol == 'udp' and socket.port >= EPHEMERAL and socket.program in SENDERS
