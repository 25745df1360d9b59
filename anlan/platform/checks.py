"""Cross-checks: what no single key can say. Each returns problems with a path and a reason."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import combinations
from urllib.parse import urlsplit

from anlan.errors import Problem
from anlan.platform.cloud_checks import cloud
from anlan.platform.ipv6_checks import ipv6_hosts, ipv6_zones
from anlan.platform.limit_checks import limits
from anlan.platform.model import Platform
from anlan.platform.operators import RESERVED_NAMES
from anlan.platform.targets import OnpremTarget
from anlan.platform.tiers import COUNTS, REDUNDANT_TIERS, TierName, host_name, zone_of
from anlan.platform.zones import ZONE_NAMES, Zone

SMALLEST_PREFIX = 26
CONFIRMATION_SECONDS = 20
"""What the confirmation of a guarded change takes besides the log-in itself: writing, reloading, a margin."""
RESERVED_LOW = 48
"""Addresses below this offset are kept for hosts (see infra.topology)."""


def cross_check(platform: Platform) -> list[Problem]:
    """Given a platform whose keys are valid each by itself, return all that is wrong between them, by path."""
    problems: list[Problem] = []
    for check in (
        state,
        operators,
        hardening,
        zones,
        virtual_addresses,
        counts,
        fault_domains,
        patroni,
        objectives,
        certificates,
        existing_hosts,
        ipv6_zones,
        ipv6_hosts,
        limits,
        cloud,
    ):
        problems.extend(check(platform))
    return sorted(problems)


def state(platform: Platform) -> Iterator[Problem]:
    """No password stands in the file: it would be handed to every host with the rest of it."""
    if urlsplit(platform.state.backend).password:
        yield Problem('state.backend', 'has a password in it; give it in the environment (PGPASSWORD)')


def operators(platform: Platform) -> Iterator[Problem]:
    """No operator has the name of a user of the system."""
    for name in platform.configuration.operators:
        if name in RESERVED_NAMES:
            yield Problem(f'configuration.operators.{name}', "is a user of the system; take a person's own name")


def hardening(platform: Platform) -> Iterator[Problem]:
    """Administrators are operators, and there is time to log in before a change is undone."""
    settings = platform.hardening
    for name in settings.administrators:
        if name not in platform.configuration.operators:
            yield Problem(
                f'hardening.administrators.{name}', 'is no operator; configuration.operators has who may log in'
            )
    needed_seconds = settings.ssh.login_grace_seconds + CONFIRMATION_SECONDS
    if settings.guard_seconds < needed_seconds:
        yield Problem(
            'hardening.guard_seconds',
            f'{settings.guard_seconds} is below ssh.login_grace_seconds + {CONFIRMATION_SECONDS} = {needed_seconds}; '
            'the host would undo a change before a slow log-in could confirm it',
        )
    integrity = settings.integrity
    if (integrity.signature_mirror is None) != (integrity.signature_mirror_address is None):
        missing = 'signature_mirror_address' if integrity.signature_mirror_address is None else 'signature_mirror'
        yield Problem(
            f'hardening.integrity.{missing}', 'is not given; the mirror and its address belong together: hosts ask the '
            'one by its name, the firewalls know the other',
        )  # fmt: skip
    ages = settings.passwords
    if ages.minimum_days + ages.warning_days >= ages.maximum_days:
        yield Problem(
            'hardening.passwords.maximum_days',
            f'{ages.maximum_days} is not above minimum_days + warning_days = {ages.minimum_days + ages.warning_days}; '
            'who is warned could not change the password yet',
        )


def zones(platform: Platform) -> Iterator[Problem]:
    """Every zone is there, none overlaps another, each has room."""
    for name in ZONE_NAMES:
        if name not in platform.zones:
            yield Problem(f'zones.{name}', 'is missing; the platform is made of ' + ', '.join(ZONE_NAMES))
    for name, zone in platform.zones.items():
        if name not in ZONE_NAMES:
            yield Problem(f'zones.{name}', 'is no zone of the platform; zones are ' + ', '.join(ZONE_NAMES))
        if zone.subnet.prefixlen > SMALLEST_PREFIX:
            yield Problem(
                f'zones.{name}.subnet', f'{zone.subnet} is too small; at least a /{SMALLEST_PREFIX} is needed'
            )
    for (left, one), (right, other) in combinations(platform.zones.items(), 2):
        if one.subnet.overlaps(other.subnet):
            yield Problem(f'zones.{right}.subnet', f'{other.subnet} overlaps {one.subnet} of zone {left}')


def virtual_addresses(platform: Platform) -> Iterator[Problem]:
    """Every virtual address lies in its zone, free of the hosts' addresses and of the network's own."""
    for name, zone in platform.zones.items():
        address = zone.gateway_address()
        if address not in zone.subnet:
            yield Problem(f'zones.{name}.gateway', f'{address} is not in the zone {zone.subnet}')
        elif not _is_usable(address, zone):
            yield Problem(
                f'zones.{name}.gateway', f'{address} is kept for hosts or the network itself; take a high one'
            )
    dmz = platform.zones.get('dmz')
    if dmz is None:
        return
    address = platform.balancer_virtual_address()
    if address not in dmz.subnet:
        yield Problem('balancer_address', f'{address} is not in the zone dmz {dmz.subnet}')
    elif address == dmz.gateway_address():
        yield Problem('balancer_address', f"{address} is the firewall pair's virtual address in dmz")
    elif not _is_usable(address, dmz):
        yield Problem('balancer_address', f'{address} is kept for hosts or the network itself; take a high one')


def _is_usable(address: IPv4Address, zone: Zone) -> bool:
    offset = int(address) - int(zone.subnet.network_address)
    return RESERVED_LOW <= offset < zone.subnet.num_addresses - 1


def counts(platform: Platform) -> Iterator[Problem]:
    """A quorum needs three database hosts, and redundancy needs two of the others."""
    data = platform.count('data')
    if data < 3:
        yield Problem(
            'tiers.data.count', f'{data} is below 3; etcd and a quorum of synchronous replicas need three hosts'
        )
    elif data % 2 == 0:
        yield Problem('tiers.data.count', f'{data} is even; etcd gains nothing from an even number, take {data + 1}')
    for tier in ('firewall', 'balancer'):
        if platform.count(tier) > 2:
            yield Problem(
                f'tiers.{tier}.count', f'{platform.count(tier)} is above 2; the virtual addresses move in a pair'
            )
    if platform.count('operations') != 1:
        yield Problem('tiers.operations.count', 'must be 1; there is one bastion')
    if platform.count('offsite') != 1:
        yield Problem('tiers.offsite.count', 'must be 1')
    if platform.size == 'full':
        for tier in REDUNDANT_TIERS:
            if platform.count(tier) < 2:
                yield Problem(
                    f'tiers.{tier}.count',
                    f'{platform.count(tier)} is below 2; size full promises that any one host may fail. '
                    'Take size: mini for a platform that promises no availability',
                )


def fault_domains(platform: Platform) -> Iterator[Problem]:
    """Every redundant tier stands in two fault domains."""
    if len(set(platform.fault_domains)) != len(platform.fault_domains):
        yield Problem('fault_domains', 'names one domain twice')
    if platform.size != 'full':
        return
    if not isinstance(platform.target, OnpremTarget):
        if len(set(platform.fault_domains)) < 2:
            yield Problem('fault_domains', 'names fewer than two; each tier of size full must survive the loss of one')
        return
    for tier in REDUNDANT_TIERS:
        names = [name for name in _host_names(platform, tier) if name in platform.target.hosts]
        domains = {platform.target.hosts[name].fault_domain for name in names}
        if len(names) > 1 and len(domains) < 2:
            yield Problem(
                f'target.hosts.{names[0]}.fault_domain',
                f'all hosts of tier {tier} are in {next(iter(domains))!r}; size full needs two fault domains a tier',
            )


def patroni(platform: Platform) -> Iterator[Problem]:
    """Patroni's own rule for its times."""
    timing = platform.timing.patroni
    needed = timing.loop_wait_seconds + 2 * timing.retry_timeout_seconds
    if needed > timing.ttl_seconds:
        yield Problem(
            'timing.patroni.ttl_seconds',
            f'{timing.ttl_seconds} is below loop_wait_seconds + 2 × retry_timeout_seconds = {needed}; '
            'a leader would lose its lease while it still may retry',
        )


def objectives(platform: Platform) -> Iterator[Problem]:
    """No objective is promised that the settings cannot reach."""
    timing, promised = platform.timing, platform.objectives
    reachable = {
        'virtual_address_move_seconds': (timing.vrrp.detection_seconds(), 'timing.vrrp'),
        'backend_loss_seconds': (timing.haproxy.detection_seconds(), 'timing.haproxy'),
        'database_host_loss_seconds': (
            timing.patroni.host_loss_seconds() + timing.haproxy.recovery_seconds(),
            'timing.patroni and timing.haproxy',
        ),
        'database_crash_seconds': (
            timing.patroni.crash_seconds(),
            'timing.patroni',
        ),
        'cache_loss_seconds': (
            timing.sentinel.down_after_milliseconds / 1000 + 2,
            'timing.sentinel',
        ),
    }
    for name, (worst_seconds, source) in reachable.items():
        objective = getattr(promised, name)
        if worst_seconds > objective:
            yield Problem(
                f'objectives.{name}',
                f'{objective:g} s cannot be kept: {source} allow up to {worst_seconds:g} s. '
                'Promise more time, or shorten the settings',
            )


def certificates(platform: Platform) -> Iterator[Problem]:
    """A certificate is not renewed before half of its life is gone."""
    settings = platform.certificates
    if settings.renew_before_days * 2 > settings.host_days:
        yield Problem(
            'certificates.renew_before_days',
            f'{settings.renew_before_days} is above half of host_days ({settings.host_days}); every `up` would renew',
        )


def _taken_addresses(platform: Platform) -> dict[IPv4Address, str]:
    """Return every address that no host may have, and whose it is."""
    taken: dict[IPv4Address, str] = {}
    for name, zone in platform.zones.items():
        taken[zone.subnet.network_address] = f'the network address of zone {name}'
        taken[zone.subnet.broadcast_address] = f'the broadcast address of zone {name}'
        taken[zone.gateway_address()] = f"the firewall pair's virtual address in zone {name}"
    if 'dmz' in platform.zones:
        taken[platform.balancer_virtual_address()] = "the balancers' virtual address"
    return taken


def _host_names(platform: Platform, tier: TierName) -> list[str]:
    return [host_name(tier, number) for number in range(1, platform.count(tier) + 1)]


def existing_hosts(platform: Platform) -> Iterator[Problem]:
    """For target onprem: every host of every tier is named, has its addresses in its zones, and none stands twice."""
    if not isinstance(platform.target, OnpremTarget):
        return
    hosts = platform.target.hosts
    wanted = {
        host_name(tier, number): (tier, zone_of(tier, number))
        for tier in COUNTS['full']
        for number in range(1, platform.count(tier) + 1)
    }
    for name in sorted(set(wanted) - set(hosts)):
        tier = wanted[name][0]
        yield Problem(f'target.hosts.{name}', f'is missing; tier {tier} has {platform.count(tier)} hosts')
    seen: dict[IPv4Address, str] = {}
    taken = _taken_addresses(platform)
    for name, host in hosts.items():
        if name not in wanted:
            yield Problem(f'target.hosts.{name}', 'belongs to no tier; its name or the count of a tier is wrong')
            continue
        tier, zone_name = wanted[name]
        places = {f'zone_addresses.{zone}': (zone, address) for zone, address in host.zone_addresses.items()}
        if tier == 'firewall':
            for zone in sorted(set(platform.zones) - set(host.zone_addresses)):
                yield Problem(
                    f'target.hosts.{name}.zone_addresses.{zone}', 'is missing; a firewall stands in every zone'
                )
            managed = host.zone_addresses.get(zone_name, host.address)
            if managed != host.address:
                yield Problem(
                    f'target.hosts.{name}.address',
                    f'{host.address} is not its address in zone {zone_name} ({managed}), under which it is managed',
                )
        elif places:
            yield Problem(f'target.hosts.{name}.zone_addresses', 'is for firewalls only')
        if host.zone_addresses.get(zone_name) != host.address:
            places['address'] = (zone_name, host.address)
        for place, (zone, address) in places.items():
            path = f'target.hosts.{name}.{place}'
            if address in seen:
                yield Problem(path, f'{address} is the address of {seen[address]} too')
            seen[address] = name
            if zone not in platform.zones:
                yield Problem(path, f'{zone} is no zone of the platform')
            elif address not in platform.zones[zone].subnet:
                yield Problem(path, f'{address} is not in zone {zone} ({platform.zones[zone].subnet})')
            elif address in taken:
                yield Problem(path, f'{address} is {taken[address]}')
