"""Declared flows: the only traffic that the firewall pair lets pass between zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Protocol = Literal['tcp', 'udp', 'icmp']

EVERYONE = 'all'
"""As source or destination: every host of the platform."""

BALANCER_ADDRESS = 'vip:balancer'
"""As destination: the balancers' virtual address."""


@dataclass(frozen=True)
class Flow:
    """Hosts of tier `source` may open connections to `destination` on `ports`; icmp has none.

    `source` is a tier or `all`; `destination` is a tier, `all`, or `vip:` and the name of a virtual address.
    """

    name: str
    source: str
    destination: str
    protocol: Protocol
    ports: tuple[int, ...]
    reason: str


def declared_flows(front_door_port: int, ssh_ports: tuple[int, ...] = (22,)) -> tuple[Flow, ...]:
    """Given the public port and the hosts' SSH ports, return every flow between zones; nothing else passes."""
    return (
        Flow('learners', 'client', 'edge', 'tcp', (front_door_port,), "a learner reaches the other carrier's edge"),
        Flow('edge-to-balancer', 'edge', BALANCER_ADDRESS, 'tcp', (443,), 'edges fetch from the platform'),
        Flow('edge-to-each-balancer', 'edge', 'balancer', 'tcp', (443,), 'while the virtual address does not answer'),
        Flow('balancer-to-app', 'balancer', 'app', 'tcp', (8443,), 'requests and health checks'),
        Flow('app-to-database', 'app', 'data', 'tcp', (5432, 8008), 'SQL, and who is leader'),
        Flow('app-to-cache', 'app', 'data', 'tcp', (6379, 26379), 'Valkey and its Sentinels'),
        Flow('administration', 'operations', EVERYONE, 'tcp', ssh_ports, 'SSH from the bastion, the only way in'),
        Flow('reachability', 'operations', EVERYONE, 'icmp', (), 'ping from the bastion'),
        Flow('time', EVERYONE, 'monitoring', 'udp', (123,), 'clocks follow the monitoring hosts'),
    )
