"""Expectations: what must run on a host of each tier for the platform to be whole."""

from __future__ import annotations

SERVICES: dict[str, tuple[str, ...]] = {
    'firewall': ('anlan-firewall.service', 'keepalived.service'),
    'edge': ('nginx.service',),
    'balancer': ('haproxy.service', 'keepalived.service'),
    'app': ('nginx.service', 'haproxy.service', 'anlan-application.service'),
    'data': ('etcd.service', 'patroni.service', 'valkey-server.service', 'valkey-sentinel.service'),
    'monitoring': (),
    'operations': (),
    'offsite': (),
    'client': (),
}
"""Systemd units by tier, beside `ssh.service` and `chrony.service` that run everywhere."""

EVERYWHERE = ('ssh.service', 'chrony.service')


def services_of(tier: str) -> list[str]:
    """Given a tier, return every unit that must be active on its hosts."""
    return [*EVERYWHERE, *SERVICES.get(tier, ())]
