"""Expectations: what must run on a host of each tier for the platform to be whole."""

from __future__ import annotations

LIMITS = ('anlan-limits.service', 'anlan-limits-watch.service')
BOUNDARY = ('anlan-block-list.service', 'anlan-event-watch.service')

SERVICES: dict[str, tuple[str, ...]] = {
    'firewall': (
        'anlan-firewall.service', 'keepalived.service', 'anlan-inspection.service', 'anlan-intrusion.service',
        'anlan-intrusion-refused.service', 'anlan-intrusion-watch.service', *LIMITS, *BOUNDARY,
    ),
    'edge': ('nginx.service', 'anlan-cache-metrics.service', 'anlan-waf-watch.service', *LIMITS, *BOUNDARY),
    'balancer': (
        'haproxy.service', 'keepalived.service', 'nginx.service', 'anlan-cache-metrics.service',
        'anlan-limits-watch.service', *BOUNDARY,
    ),
    'app': ('nginx.service', 'haproxy.service', 'anlan-application.service', *BOUNDARY),
    'data': ('etcd.service', 'patroni.service', 'valkey-server.service', 'valkey-sentinel.service'),
    'monitoring': ('anlan-event-door.service',),
    'operations': (),
    'offsite': (),
    'client': (),
}  # fmt: skip
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
