"""Zones: the networks of the platform, one beside the other, with the firewall pair between them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from anlan.platform.base import Section, key

ZONE_NAMES = ('uplink-a', 'uplink-b', 'dmz', 'app', 'data', 'mgmt', 'offsite', 'sync')
"""Every zone of DESIGN §5, and `sync`, the firewalls' own link for connection states."""


class Zone(Section):
    """A network of its own; nothing leaves it but through the firewall pair."""

    subnet: IPv4Network = key(..., 'The IPv4 network of the zone.', '198.18.20.0/24')
    gateway: IPv4Address | None = key(
        None,
        'Virtual address of the firewall pair in this zone, the default route of its hosts. '
        'Without it: the last usable address of the subnet.',
        '198.18.20.254',
    )

    def gateway_address(self) -> IPv4Address:
        """Return the firewall pair's virtual address, given or derived."""
        return self.gateway or self.subnet.broadcast_address - 1
