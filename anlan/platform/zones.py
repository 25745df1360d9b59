"""Zones: the networks of the platform, one beside the other, with the firewall pair between them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from anlan.platform.base import Section, key

ZONE_NAMES = ('uplink-a', 'uplink-b', 'dmz', 'app', 'data', 'mgmt', 'offsite', 'sync')
"""Every zone of DESIGN §5, and `sync`, the firewalls' own link for connection states."""


IPV6_ZONE_NAMES = ('uplink-a', 'uplink-b')
"""Zones that may speak IPv6 beside IPv4. Inside the platform nothing needs it, and what is not needed is off."""

GATEWAY_NUMBER = 254


class Zone(Section):
    """A network of its own; nothing leaves it but through the firewall pair."""

    subnet: IPv4Network = key(..., 'The IPv4 network of the zone.', '198.18.20.0/24')
    gateway: IPv4Address | None = key(
        None,
        'Virtual address of the firewall pair in this zone, the default route of its hosts. '
        'Without it: the last usable address of the subnet.',
        '198.18.20.254',
    )

    ipv6_subnet: IPv6Network | None = key(
        None,
        "The zone's IPv6 network beside the IPv4 one, for uplinks only: learners reach the edges over both.",
        'fd5c:3d1e:9a70:1::/64',
    )

    def gateway_address(self) -> IPv4Address:
        """Return the firewall pair's virtual address, given or derived."""
        return self.gateway or self.subnet.broadcast_address - 1

    def ipv6_gateway_address(self) -> IPv6Address | None:
        """Return the firewall pair's virtual IPv6 address, or None in a zone without IPv6."""
        return None if self.ipv6_subnet is None else ipv6_address(self.ipv6_subnet, GATEWAY_NUMBER)


def ipv6_address(subnet: IPv6Network, number: int) -> IPv6Address:
    """Given a network and a host's number, return its address, which shows the number's decimal digits (11 is ::11)."""
    return subnet.network_address + int(str(number), 16)
