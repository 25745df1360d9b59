"""Declared flows: the only traffic that the firewall pair lets pass between zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal
from urllib.parse import urlsplit

Protocol = Literal['tcp', 'udp', 'icmp']

EVERYONE = 'all'
"""As source or destination: every host of the platform."""

BALANCER_ADDRESS = 'vip:balancer'
"""As destination: the balancers' virtual address."""


BLOCK_LIST_PORT = 3783
"""Of the block list. Firewalls are reached by their own legs: no flow between zones."""

EVENTS_PORT = 19532
"""Of the monitoring hosts, for the journals of others. Firewalls and bastions reach them in their own zone."""


@dataclass(frozen=True)
class Flow:
    """Hosts of tier `source` may open connections to `destination` on `ports`; icmp has none.

    `source` is a tier or `all`; `destination` is a tier, `all`, `vip:` and the name of a virtual address,
    or `address:` and addresses outside the platform. `ipv4_only`: what speaks no IPv6 has no way for it.
    """

    name: str
    source: str
    destination: str
    protocol: Protocol
    ports: tuple[int, ...]
    reason: str
    ipv4_only: bool = False


OUTSIDE = 'address:'
"""As destination: addresses outside the platform, after this word, with commas between."""


def outside_flows(time_sources: Sequence[IPv4Address], resolvers: Sequence[IPv4Address]) -> tuple[Flow, ...]:
    """Given clocks and resolvers outside the platform, return the flows to them; none where there are none."""
    clocks, names = (OUTSIDE + ','.join(map(str, addresses)) for addresses in (time_sources, resolvers))
    flows = []
    if time_sources:
        flows.append(Flow('time-outside', 'monitoring', clocks, 'udp', (123,), 'the platform follows a clock outside'))
    if resolvers:
        flows.append(Flow('names-udp', EVERYONE, names, 'udp', (53,), 'names outside the platform'))
        flows.append(Flow('names-tcp', EVERYONE, names, 'tcp', (53,), 'names outside the platform, long answers'))
    return tuple(flows)


def signature_flows(mirror: str | None, address: IPv4Address | None) -> tuple[Flow, ...]:
    """Given the mirror of signatures of malware (an https address) and where it is, return the flow to it, if any."""
    if mirror is None or address is None:
        return ()
    port = urlsplit(mirror).port or 443
    return (Flow('signatures', EVERYONE, f'{OUTSIDE}{address}', 'tcp', (port,), 'signatures of malware'),)


def declared_flows(front_door_port: int, ssh_ports: tuple[int, ...] = (22,)) -> tuple[Flow, ...]:
    """Given the public port and the hosts' SSH ports, return every flow between zones; nothing else passes."""
    return (
        Flow('learners', 'client', 'edge', 'tcp', (front_door_port,), "a learner reaches the other carrier's edge"),
        Flow('learners-quic', 'client', 'edge', 'udp', (front_door_port,), 'the same over HTTP/3'),
        Flow('edge-to-balancer', 'edge', BALANCER_ADDRESS, 'tcp', (443,), 'edges fetch from the platform'),
        Flow('edge-to-each-balancer', 'edge', 'balancer', 'tcp', (443,), 'while the virtual address does not answer'),
        Flow('balancer-to-app', 'balancer', 'app', 'tcp', (8443,), 'requests and health checks'),
        Flow(
            'block-list-edge', 'edge', 'edge', 'udp', (BLOCK_LIST_PORT,), 'who attacked the other edge', ipv4_only=True
        ),
        Flow('block-list-balancer', 'balancer', 'edge', 'udp', (BLOCK_LIST_PORT,), 'who is refused behind the edges'),
        Flow('block-list-app', 'app', 'edge', 'udp', (BLOCK_LIST_PORT,), 'who guesses passwords'),
        *(
            Flow(
                f'events-{tier}', tier, 'monitoring', 'tcp', (EVENTS_PORT,), 'journals are kept by the monitoring hosts'
            )
            for tier in ('edge', 'balancer', 'app', 'data', 'offsite')
        ),
        Flow('app-to-database', 'app', 'data', 'tcp', (5432, 8008), 'SQL, and who is leader'),
        Flow('app-to-cache', 'app', 'data', 'tcp', (6379, 26379), 'Valkey and its Sentinels'),
        Flow('administration', 'operations', EVERYONE, 'tcp', ssh_ports, 'SSH from the bastion, the only way in'),
        Flow('reachability', 'operations', EVERYONE, 'icmp', (), 'ping from the bastion'),
        Flow('time', EVERYONE, 'monitoring', 'udp', (123,), 'clocks follow the monitoring hosts'),
    )
