"""Expectations: what must run on a host of each tier for the platform to be whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIMITS = ('anlan-limits.service', 'anlan-limits-watch.service')
BLOCK_LIST = 'anlan-block-list.service'
EVENT_WATCH = 'anlan-event-watch.service'

SERVICES: dict[str, tuple[str, ...]] = {
    'firewall': (
        'anlan-firewall.service', 'keepalived.service', 'anlan-inspection.service', 'anlan-intrusion.service',
        'anlan-intrusion-refused.service', 'anlan-intrusion-watch.service', *LIMITS, BLOCK_LIST,
    ),
    'edge': ('nginx.service', 'anlan-cache-metrics.service', 'anlan-waf-watch.service', *LIMITS, BLOCK_LIST),
    'balancer': (
        'haproxy.service', 'keepalived.service', 'nginx.service', 'anlan-cache-metrics.service',
        'anlan-limits-watch.service', BLOCK_LIST,
    ),
    'app': ('nginx.service', 'haproxy.service', 'anlan-application.service', BLOCK_LIST),
    'data': (
        'etcd.service', 'patroni.service', 'valkey-server.service', 'valkey-sentinel.service',
        'anlan-database-backup-server.service', 'anlan-database-heartbeat.service', 'anlan-recovery-lag.service',
    ),
    'monitoring': ('anlan-event-door.service', 'anlan-event-keeper.service', 'anlan-recovery-metrics.service'),
    'operations': ('anlan-snapshot-store.service', 'anlan-database-backup-server.service'),
    'offsite': (
        'anlan-object-store-monitor.service', 'anlan-object-store-disk.service', 'anlan-object-store-gateway.service',
        'anlan-database-replica.service', 'anlan-recovery-lag.service',
    ),
    'client': (),
}  # fmt: skip
"""Systemd units by tier, beside what runs everywhere and what sends a host's records."""

TLS_PORTS: dict[str, tuple[int, ...]] = {
    'balancer': (443,), 'app': (8443,), 'data': (8008, 6379), 'operations': (8444,), 'offsite': (7443,),
}  # fmt: skip
"""Ports by tier on which the host's certificate is served from the first byte; edges serve it on the front door's."""

EVERYWHERE = ('ssh.service', 'chrony.service')


SENDER = 'anlan-event-upload@'
"""Unit that sends a host's records, by monitoring host. While that one is away it starts again and again."""

METRICS: dict[str, tuple[str, ...]] = {
    'firewall': ('block_list', 'events', 'intrusion', 'limits'),
    'edge': ('block_list', 'cache', 'events', 'limits', 'waf'),
    'balancer': ('block_list', 'cache', 'events', 'limits'),
    'app': ('block_list', 'events'),
    'data': ('events',),
    'monitoring': ('backup', 'events', 'events_sent'),
    'operations': ('events',),
    'offsite': ('events',),
}
"""Files in /run/anlan/metrics by tier, each written every few seconds by what it tells of."""


def services_of(tier: str, tiers: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Given a tier, and the tiers of all hosts by name, return every unit that must be active on its hosts."""
    found = [*EVERYWHERE, *SERVICES.get(tier, ())]
    if tier != 'client':
        found.append(EVENT_WATCH)
        found += [f'{SENDER}{name}.service' for name, other in tiers.items() if other == 'monitoring']
    if tier == 'firewall' and list(tiers.values()).count(tier) > 1:
        found += ['conntrackd.service', 'anlan-zone-sight.service']
    return found


def tls_ports_of(tier: str, front_door_port: int) -> list[int]:
    """Given a tier and the public port, return the ports on which its hosts serve their certificate."""
    return [front_door_port] if tier == 'edge' else list(TLS_PORTS.get(tier, ()))
