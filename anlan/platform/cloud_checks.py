"""Cross-checks of the cloud: what the provider must have so that learners reach the edges through it, and safely."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from anlan.errors import Problem
from anlan.platform.model import Platform
from anlan.platform.targets import OnpremTarget
from anlan.platform.tiers import host_name

HTTPS_PORT = 443
"""The only HTTPS port from which DCDN fetches."""


def cloud(platform: Platform) -> Iterator[Problem]:
    """Given a platform, return what is wrong with its cloud; nothing without a provider."""
    given = platform.cloud
    if given.provider == 'none':
        return
    if not isinstance(platform.target, OnpremTarget):
        yield Problem(
            'cloud.provider',
            f'{given.provider} is for target onprem; no cloud reaches the addresses of target {platform.target.kind}',
        )
        return
    if given.certificate_id is None:
        yield Problem('cloud.certificate_id', 'is missing; the provider serves HTTPS only and needs the certificate')
    if platform.front_door.port != HTTPS_PORT:
        yield Problem(
            'front_door.port', f'{platform.front_door.port} is not 443, from which alone the provider fetches'
        )
    yield from _origins(platform)
    yield from _fetchers(platform)
    yield from _record(platform)


def origins(platform: Platform) -> tuple[IPv4Address, ...]:
    """Given a platform on target onprem, return the public addresses of its edges: as given, else the edges' own."""
    if platform.cloud.origins or not isinstance(platform.target, OnpremTarget):
        return tuple(platform.cloud.origins)
    hosts = platform.target.hosts
    names = [host_name('edge', number) for number in range(1, platform.count('edge') + 1)]
    return tuple(hosts[name].address for name in names if name in hosts)


def _origins(platform: Platform) -> Iterator[Problem]:
    """The provider reaches the edges, and as many of them as there are."""
    addresses = origins(platform)
    if len(set(addresses)) != len(addresses):
        yield Problem('cloud.origins', 'names one address twice')
    inside = [str(address) for address in addresses if not address.is_global]
    if inside:
        yield Problem('cloud.origins', f'{", ".join(inside)}: no public address; the provider cannot fetch from there')
    if platform.cloud.origins and len(addresses) < platform.count('edge'):
        yield Problem(
            'cloud.origins',
            f'has {len(addresses)} for {platform.count("edge")} edges; the edges without one would serve nobody',
        )


def _fetchers(platform: Platform) -> Iterator[Problem]:
    """The provider's own nodes are known, and never shut out."""
    networks = platform.cloud.origin_pull_networks
    if not networks:
        yield Problem(
            'cloud.origin_pull_networks',
            "is empty; every learner would have the address of one of the provider's nodes, and one attack would shut "
            'them all out',
        )
    for network in networks:
        if not any(_within(network, never) for never in platform.block_list.never):
            yield Problem(
                'block_list.never', f'does not hold {network} of cloud.origin_pull_networks; learners come from there'
            )


def _within(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def _record(platform: Platform) -> Iterator[Problem]:
    """The front door's record can be an alias, and leads to something that stands."""
    given, name = platform.cloud, platform.front_door.name
    if given.dns_zone is not None and name == given.dns_zone:
        yield Problem('cloud.dns_zone', f'{name} is the zone itself, which cannot be an alias; take a name inside it')
    elif given.dns_zone is not None and not name.endswith(f'.{given.dns_zone}'):
        yield Problem('cloud.dns_zone', f'{given.dns_zone} does not hold the front door {name}')
    if given.under_attack and not given.anti_ddos_instances:
        yield Problem('cloud.under_attack', 'leads through Anti-DDoS, but cloud.anti_ddos_instances names none')
    if given.under_attack and given.dns_zone is None:
        yield Problem('cloud.under_attack', "needs cloud.dns_zone: it is the front door's record that is changed")
