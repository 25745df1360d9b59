"""Delivery: what the caches say of themselves, judged: hit and byte ratios by level, sizes, the last purges. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

LEVEL_OF_TIER = {'edge': 'edge', 'balancer': 'shield'}
ANSWERED_FROM_CACHE = frozenset({'hit', 'stale', 'updating', 'revalidated'})
"""Results for which no body came from further behind."""

STALE_SECONDS = 30.0
SAMPLE = re.compile(r'^(anlan_cache_[a-z_]+)\{([^}]*)\} (\S+)$')
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class CacheHost:
    """One cache: what it answered since its counter started, what it holds, and what is wrong with it."""

    name: str
    level: str
    requests: Mapping[str, int] = field(default_factory=dict)
    body_bytes: Mapping[str, int] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    purges: Sequence[Mapping[str, Any]] = ()
    reason: str = ''


@dataclass(frozen=True)
class Level:
    """All caches of a level together. What is not known is None: a ratio of nothing, the size of what nobody sees."""

    name: str
    requests: int
    hit_ratio: float | None
    byte_ratio: float | None
    size_bytes: int | None


def parse_host(
    name: str, level: str, metrics: str, purges: Sequence[Mapping[str, Any]], now: float, *, nginx: str = 'active'
) -> CacheHost:
    """Given a host, its metrics (Prometheus's text format), purges, time and nginx's state, return what it says."""
    requests: dict[str, int] = {}
    body_bytes: dict[str, int] = {}
    gauges: dict[str, float] = {}
    for line in metrics.splitlines():
        match = SAMPLE.match(line)
        if match is None:
            continue
        metric, labels, value = match.group(1), dict(LABEL.findall(match.group(2))), float(match.group(3))
        if metric == 'anlan_cache_requests_total':
            requests[labels['result']] = int(value)
        elif metric == 'anlan_cache_bytes_total':
            body_bytes[labels['result']] = int(value)
        else:
            gauges[metric.removeprefix('anlan_cache_')] = value
    age_seconds = now - gauges.get('updated_timestamp_seconds', float('-inf'))
    reason = ''
    if nginx != 'active':
        reason = f'nginx.service is {nginx or "not answered for"}'
    elif not requests:
        reason = 'it counts nothing'
    elif age_seconds > STALE_SECONDS:
        reason = f'its counts are {age_seconds:.0f} s old'
    elif 'size_bytes' not in gauges:
        reason = 'what its cache holds cannot be seen'
    elif gauges.get('disk_full'):
        reason = 'the disk of its cache is full: it answers without storing'
    return CacheHost(name, level, requests, body_bytes, gauges, tuple(purges), reason)


def levels(hosts: Sequence[CacheHost]) -> list[Level]:
    """Given every cache, return each level in the order in which a request meets them."""
    return [_level(name, [host for host in hosts if host.level == name]) for name in ('edge', 'shield')]


def document(hosts: Sequence[CacheHost]) -> dict[str, Any]:
    """Given every cache, return levels, hosts and what is wrong as plain JSON data."""
    return {
        'levels': [asdict(level) for level in levels(hosts)],
        'hosts': [asdict(host) for host in hosts],
        'reasons': [f'{host.name}: {host.reason}' for host in hosts if host.reason],
    }


def _level(name: str, hosts: Sequence[CacheHost]) -> Level:
    requests = [host.requests for host in hosts]
    sizes = [host.gauges['size_bytes'] for host in hosts if 'size_bytes' in host.gauges]
    return Level(
        name,
        sum(sum(each.values()) for each in requests),
        _ratio(requests),
        _ratio([host.body_bytes for host in hosts]),
        int(sum(sizes)) if len(sizes) == len(hosts) else None,
    )


def _ratio(counted: Sequence[Mapping[str, int]]) -> float | None:
    total = sum(sum(each.values()) for each in counted)
    if not total:
        return None
    return sum(each.get(result, 0) for each in counted for result in ANSWERED_FROM_CACHE) / total
