"""Expectations: what must run on a host of each tier for the platform to be whole."""

from __future__ import annotations

SERVICES: dict[str, tuple[str, ...]] = {
    'firewall': ('anlan-firewall.service', 'keepalived.service'),
    'edge': (
        'nginx.service',
        'anlan-cache-metrics.service',
    ),
    'balancer': ('haproxy.service', 'keepalived.service', 'nginx.service', 'anlan-cache-metrics.service'),
    'app': ('nginx.service', 'haproxy.service', 'anlan-application.service'),
    'data': ('etcd.service', 'patroni.service', 'valkey-server.service', 'valkey-sentinel.service'),
    'monitoring': (),
    'operations': (),
    'offsite': (),
    'client': (),
}
"""Systemd units by tier, beside `ssh.service` and `chrony.service` that run everywhere."""

TLS_PORTS: dict[str, tuple[int, ...]] = {'balancer': (443,), 'app': (8443,), 'data': (8008, 6379)}
"""Ports by tier on which the host's certificate is served from the first byte; edges serve it on the front door's."""

EVERYWHERE = ('ssh.service', 'chrony.service')


def services_of(tier: str) -> list[str]:
    """Given a tier, return every unit that must be active on its hosts."""
    return [*EVERYWHERE, *SERVICES.get(tier, ())]


def tls_ports_of(tier: str, front_door_port: int) -> list[int]:
    """Given a tier and the public port, return the ports on which its hosts serve their certificate."""
    return [front_door_port] if tier == 'edge' else list(TLS_PORTS.get(tier, ()))
