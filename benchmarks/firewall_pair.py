"""The firewall pair as a client feels it: power lost, one zone cut off, a planned change, downloads under way."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from tests.lab.connections import KEPT, NEW, handed_over, largest_segment, partitioned, watched
from tests.lab.standing import Standing

DOWNLOADS = 20
WATCHED_SECONDS = 10.0
HELD_SECONDS = 6.0


def firewall_pair(standing: Standing, runs: int) -> Iterator[Figure]:
    """Yield what a client of carrier a sees of the edge of carrier b, a new connection every 20 ms."""
    yield from _power_lost(standing, runs)
    yield _partition(standing, runs)
    yield from _planned(standing, runs)


def _power_lost(standing: Standing, runs: int) -> Iterator[Figure]:
    edge = standing.work.topology.host('edge-2')
    name, segment = standing.work.platform.front_door.name, largest_segment(standing)
    gaps: dict[str, list[float]] = {}
    stalls: list[float] = []
    lost = 0
    addresses = {f'IPv{each.version}': each for each in (edge.address, *edge.ipv6_addresses.values())}
    for _ in range(runs):
        for family, address in addresses.items():
            standing.wait_whole()
            active = standing.holder('firewall-uplink-b')
            try:
                with (
                    watched(standing, 'client-1', NEW, str(address), seconds=WATCHED_SECONDS) as new,
                    watched(
                        standing, 'client-1', KEPT, name, str(address), segment, str(DOWNLOADS), seconds=WATCHED_SECONDS
                    ) as kept,
                ):
                    standing.kill(active)
            finally:
                standing.start(active)
            gaps.setdefault(family, []).append(float(new.found['longest_seconds']))
            stalls.append(float(kept.found['longest_seconds']))
            lost += len(kept.found['lost'])
    for family, values in gaps.items():
        what = f'the active firewall loses power: no new connection, {family}'
        yield Figure(what, values, 's', 1.0, 3.4, 'VRRP defaults')
    yield Figure('downloads under way: longest stall', stalls, 's', 4.0, note=f'{DOWNLOADS} connections')
    yield Figure('downloads under way: lost', [float(lost)], 'connections', 0.0)


def _partition(standing: Standing, runs: int) -> Figure:
    far = str(standing.work.topology.host('edge-2').address)
    gaps = []
    for _ in range(runs):
        standing.wait_whole()
        active = standing.holder('firewall-uplink-b')
        with (
            watched(standing, 'client-1', NEW, far, seconds=WATCHED_SECONDS) as new,
            partitioned(standing, active, 'uplink-b'),
        ):
            time.sleep(HELD_SECONDS)
        gaps.append(float(new.found['longest_seconds']))
    return Figure('one zone of the active firewall cut off: no new connection', gaps, 's', 3.0)


def _planned(standing: Standing, runs: int) -> Iterator[Figure]:
    far = str(standing.work.topology.host('edge-2').address)
    failed, tried = [], 0
    for _ in range(runs):
        standing.wait_whole()
        active = standing.holder('firewall-uplink-b')
        with (
            watched(standing, 'client-1', NEW, far, seconds=WATCHED_SECONDS) as new,
            handed_over(standing, active),
        ):
            time.sleep(HELD_SECONDS / 2)
        failed.append(float(new.found['failed']))
        tried += int(new.found['connections'])
    yield Figure('a planned change of the firewall: failed', failed, 'connections', 0.0, note=f'of {tried}')
