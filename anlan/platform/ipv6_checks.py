"""Cross-checks of IPv6: only the uplinks have it, and on hosts that exist every host there has an address."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import combinations

from anlan.errors import Problem
from anlan.platform.model import Platform
from anlan.platform.targets import OnpremTarget
from anlan.platform.tiers import COUNTS, host_name, zone_of
from anlan.platform.zones import IPV6_ZONE_NAMES, Zone

PREFIX_LENGTH = 64
"""A network of hosts has 64 bits of prefix (RFC 4291, 2.5.1); limits by prefix count on it."""


def ipv6_zones(platform: Platform) -> Iterator[Problem]:
    """Only uplinks have IPv6, in a /64 each, and none overlaps another."""
    given = {name: zone.ipv6_subnet for name, zone in platform.zones.items() if zone.ipv6_subnet is not None}
    for name, subnet in given.items():
        path = f'zones.{name}.ipv6_subnet'
        if name not in IPV6_ZONE_NAMES:
            yield Problem(path, f'only {" and ".join(IPV6_ZONE_NAMES)} have IPv6; nothing inside needs it')
        if subnet.prefixlen != PREFIX_LENGTH:
            yield Problem(path, f'{subnet} is a /{subnet.prefixlen}; a network of hosts is a /{PREFIX_LENGTH}')
    for (_, one), (right, other) in combinations(given.items(), 2):
        if one.overlaps(other):
            yield Problem(f'zones.{right}.ipv6_subnet', f'{other} overlaps {one}')


def ipv6_hosts(platform: Platform) -> Iterator[Problem]:
    """For target onprem: every host in a zone with IPv6 has an address of it, and none stands twice."""
    if not isinstance(platform.target, OnpremTarget):
        return
    seen: dict[IPv6Address, str] = {}
    for tier in COUNTS['full']:
        for number in range(1, platform.count(tier) + 1):
            name = host_name(tier, number)
            host = platform.target.hosts.get(name)
            if host is None:
                continue  # said by the check of the hosts themselves
            path = f'target.hosts.{name}'
            if tier == 'firewall':
                found: dict[str, IPv6Address | None] = dict(host.zone_ipv6_addresses)
                wanted = {zone: platform.zones[zone] for zone in IPV6_ZONE_NAMES if zone in platform.zones}
                places = {zone: f'{path}.zone_ipv6_addresses.{zone}' for zone in {*found, *wanted}}
                if host.ipv6_address is not None:
                    yield Problem(f'{path}.ipv6_address', 'is not for firewalls; give zone_ipv6_addresses')
            else:
                zone = zone_of(tier, number)
                found = {zone: host.ipv6_address}
                wanted = {zone: platform.zones[zone]} if zone in platform.zones else {}
                places = {zone: f'{path}.ipv6_address'}
                if host.zone_ipv6_addresses:
                    yield Problem(f'{path}.zone_ipv6_addresses', 'is for firewalls only')
            for zone in sorted(places):
                address = found.get(zone)
                yield from _place(places[zone], zone, wanted.get(zone), address, seen)
                if address is not None:
                    seen[address] = name


def _place(
    path: str, name: str, zone: Zone | None, address: IPv6Address | None, others: dict[IPv6Address, str]
) -> Iterator[Problem]:
    subnet = None if zone is None else zone.ipv6_subnet
    if zone is None or subnet is None:
        if address is not None:
            yield Problem(path, f'{address} is in no network; zone {name} has no ipv6_subnet')
        return
    if address is None:
        yield Problem(path, f'is missing; zone {name} has IPv6 ({subnet})')
        return
    if address not in subnet:
        yield Problem(path, f'{address} is not in zone {name} ({subnet})')
    elif address == zone.ipv6_gateway_address():
        yield Problem(path, f"{address} is the firewall pair's virtual address in zone {name}")
    if address in others:
        yield Problem(path, f'{address} is the address of {others[address]} too')
