"""What the caches say, judged: ratios that are not known are not good, silence and old counts are reasons."""

from __future__ import annotations

from monitoring.delivery import CacheHost, levels, parse_host
from tests.unit.delivery.programs import program

metrics = program('cache-metrics')


def said(full: bool = False, now: float = 1000.0, hits: int = 3, misses: int = 1) -> str:
    counts = metrics.Counts('edge')
    for result, count, size in (('HIT', hits, 100), ('MISS', misses, 700)):
        for _ in range(count):
            counts.take(f'cache: {result} {size}'.encode())
    text: str = metrics.exposition(counts, metrics.Disk(50, 4, 100, 0 if full else 99, 10), now)
    return text


def test_ratios_are_of_all_hosts_of_a_level() -> None:
    hosts = [parse_host('edge-1', 'edge', said(), [], 1001), parse_host('edge-2', 'edge', said(hits=0), [], 1001)]
    edge, shield = levels(hosts)
    assert (edge.requests, edge.hit_ratio, edge.byte_ratio, edge.size_bytes) == (5, 0.6, 300 / 1700, 100)
    assert (shield.requests, shield.hit_ratio) == (0, None)
    assert [host.reason for host in hosts] == ['', '']


def test_a_full_disk_old_counts_and_silence_are_reasons() -> None:
    assert 'full' in parse_host('edge-1', 'edge', said(full=True), [], 1001).reason
    assert parse_host('edge-1', 'edge', said(), [], 1040).reason == 'its counts are 40 s old'
    assert parse_host('edge-1', 'edge', '', [], 1001).reason == 'it counts nothing'
    assert levels([CacheHost('edge-1', 'edge', reason='not reached')])[0].hit_ratio is None


def test_what_nobody_sees_is_not_an_empty_cache() -> None:
    counted = '\n'.join(line for line in said().splitlines() if 'size_bytes' not in line)
    blind = parse_host('edge-1', 'edge', counted, [], 1001)
    assert blind.reason == 'what its cache holds cannot be seen'
    assert levels([blind, parse_host('edge-2', 'edge', said(), [], 1001)])[0].size_bytes is None


def test_a_cache_whose_nginx_does_not_run_is_no_cache_however_fresh_its_counts() -> None:
    assert parse_host('edge-1', 'edge', said(), [], 1001, nginx='inactive').reason == 'nginx.service is inactive'
    assert parse_host('edge-1', 'edge', said(), [], 1001, nginx='').reason == 'nginx.service is not answered for'
