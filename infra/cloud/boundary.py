"""What every boundary is given and gives back: plain data, the same whether a cloud stands before the edges or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from anlan.platform import Platform
from anlan.platform.cloud_checks import origins
from anlan.platform.limits import Limits, Rate
from anlan.platform.targets import OnpremTarget
from infra.topology import Topology

YEAR_SECONDS = 31_536_000


@dataclass(frozen=True)
class CacheRule:
    """How long what stands below a path may be kept. Its arguments never matter; what no rule names is not kept."""

    path: str
    seconds: int


@dataclass(frozen=True)
class RequestLimit:
    """How often one source may ask for paths that begin so (`/`: for anything)."""

    name: str
    paths: tuple[str, ...]
    rate: Rate


@dataclass(frozen=True)
class Wanted:
    """What a boundary is to do: for which name, before which edges, what to keep, whom to hold back."""

    platform: str
    front_door: str
    origins: tuple[str, ...]
    cache_rules: tuple[CacheRule, ...]
    limits: tuple[RequestLimit, ...]
    signed_seconds: int
    clock_skew_seconds: int
    block_seconds: int


@dataclass(frozen=True)
class Entrance:
    """Where learners come in: the alias that their resolver is to be told, or None and the edges' own addresses.

    `alias` may be the promise of a name. `protections`: by what is protected against, who does it.
    """

    alias: Any
    addresses: tuple[str, ...]
    protections: dict[str, str]


class Boundary(Protocol):
    """What stands between the learners and the edges."""

    def entrance(self) -> Entrance:
        """Return where learners come in, and what protects what."""


def wanted_of(platform: Platform, topology: Topology) -> Wanted:
    """Given a platform and its topology, return what its boundary is to do."""
    public = origins(platform) if isinstance(platform.target, OnpremTarget) else ()
    addresses = public or tuple(host.address for host in topology.tier('edge'))
    delivery = platform.delivery
    return Wanted(
        platform=platform.name,
        front_door=platform.front_door.name,
        origins=tuple(map(str, addresses)),
        cache_rules=(
            # As long as our own edges keep it unasked: a purge reaches no provider, and what was open may be closed.
            CacheRule('/media/', delivery.revalidate_seconds),
            CacheRule('/static/', delivery.revalidate_seconds),
            # The address ends by itself, and who asks is checked each time.
            CacheRule('/signed/', delivery.signed_url_seconds + delivery.clock_skew_seconds),
        ),
        limits=_limits(platform.limits),
        signed_seconds=delivery.signed_url_seconds,
        clock_skew_seconds=delivery.clock_skew_seconds,
        block_seconds=platform.block_list.seconds,
    )


def _limits(limits: Limits) -> tuple[RequestLimit, ...]:
    expensive = tuple(dict.fromkeys([*limits.expensive_paths, *limits.expensive_posts]))
    return (
        RequestLimit('requests', ('/',), limits.requests),
        RequestLimit('expensive', expensive, limits.expensive),
    )
