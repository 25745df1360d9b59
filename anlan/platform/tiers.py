"""Tiers: how many hosts do each kind of work, and what each may use."""

from __future__ import annotations

from typing import Literal

from anlan.platform.base import Section, key

TierName = Literal['firewall', 'edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite', 'client']
Size = Literal['full', 'mini']

HOST_PREFIX: dict[TierName, str] = {
    'firewall': 'fw',
    'edge': 'edge',
    'balancer': 'lb',
    'app': 'app',
    'data': 'db',
    'monitoring': 'mon',
    'operations': 'ops',
    'offsite': 'vault',
    'client': 'client',
}
"""A host's name is its tier's prefix and its number: db-1, db-2, …"""

ZONES_OF_TIER: dict[TierName, tuple[str, ...]] = {
    'firewall': ('mgmt',),
    'edge': ('uplink-a', 'uplink-b'),
    'balancer': ('dmz',),
    'app': ('app',),
    'data': ('data',),
    'monitoring': ('mgmt',),
    'operations': ('mgmt',),
    'offsite': ('offsite',),
    'client': ('uplink-a', 'uplink-b'),
}
"""The zones that a tier's hosts stand in, by turns; a firewall stands in every zone and is managed from mgmt."""


def zone_of(tier: TierName, number: int) -> str:
    """Given a tier and a host's number from 1, return the host's own zone."""
    zones = ZONES_OF_TIER[tier]
    return zones[(number - 1) % len(zones)]


def host_name(tier: TierName, number: int) -> str:
    """Given a tier and a host's number from 1, return the host's name."""
    return f'{HOST_PREFIX[tier]}-{number}'


COUNTS: dict[Size, dict[TierName, int]] = {
    'full': {
        'firewall': 2, 'edge': 2, 'balancer': 2, 'app': 2, 'data': 3,
        'monitoring': 2, 'operations': 1, 'offsite': 1, 'client': 2,
    },
    'mini': {
        'firewall': 1, 'edge': 1, 'balancer': 1, 'app': 1, 'data': 3,
        'monitoring': 1, 'operations': 1, 'offsite': 1, 'client': 1,
    },
}  # fmt: skip
"""Hosts by tier for the two sizes of DESIGN §5."""

REDUNDANT_TIERS: tuple[TierName, ...] = ('firewall', 'edge', 'balancer', 'app', 'data', 'monitoring')
"""The tiers that must survive the loss of any one host in size `full`."""

MAXIMUM_COUNT = 9


class Tier(Section):
    """The hosts of one tier."""

    count: int | None = key(
        None, 'Number of hosts; without it, what the size says.', 3, unit='hosts', ge=1, le=MAXIMUM_COUNT
    )
    memory_mib: int = key(
        512, 'Memory that a host may use (target lab), or must have (target onprem).', 1024, unit='MiB', ge=96
    )
    disk_gib: int = key(2, 'Disk that a host must have free (target onprem).', 20, unit='GiB', ge=1)


class Tiers(Section):
    """Each tier; a tier that is left out has its defaults."""

    firewall: Tier = key(lambda: Tier(memory_mib=512), 'Firewall pair between all zones.', {'count': 2})
    edge: Tier = key(lambda: Tier(memory_mib=768), 'CDN nodes in the uplinks.', {'count': 2})
    balancer: Tier = key(lambda: Tier(memory_mib=384), 'Load balancers in the dmz.', {'count': 2})
    app: Tier = key(lambda: Tier(memory_mib=768), 'Hosts of the learning platform.', {'count': 2})
    data: Tier = key(lambda: Tier(memory_mib=1024), 'Database hosts.', {'count': 3})
    monitoring: Tier = key(lambda: Tier(memory_mib=512), 'Monitoring hosts.', {'count': 2})
    operations: Tier = key(lambda: Tier(memory_mib=512), 'Bastion and scheduled operations.', {'count': 1})
    offsite: Tier = key(lambda: Tier(memory_mib=1024), 'Off-site vault.', {'count': 1})
    client: Tier = key(lambda: Tier(memory_mib=256), 'Where the platform is judged from; not part of it.', {'count': 2})
