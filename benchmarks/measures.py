"""Measures on a platform that stands: how long things take, how much memory hosts use, how long a loss is felt."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure
from tests.lab.losses import APP_HOST, BALANCER_HOST, FIREWALL_HOST, LEADER_HOST, POSTGRESQL_CRASH, SWITCHOVER, watch
from tests.lab.standing import PLATFORM_FILE, Standing

MIB = 1024 * 1024
CONFIGURATION = re.compile(r'Configuration of the hosts\s+([0-9.]+) s\s+(\d+) changed')


def platform_up(standing: Standing) -> Figure:
    """Given a platform that does not stand, bring it up and return how long that took."""
    started = time.monotonic()
    done = standing.anlan('up', '--yes', deadline_seconds=900)
    assert done.returncode == 0, done.stderr
    return Figure('platform up, images cached', [time.monotonic() - started], 's', 240.0)


def converge(standing: Standing, runs: int) -> list[Figure]:
    """Return the converge with nothing to change, and its ratio to the same one without Mitogen, measured beside it."""
    with_mitogen = [_converge(standing) for _ in range(runs)]
    without = _converge_plain(standing)
    changed = sum(changed for _, changed in with_mitogen)
    seconds = [seconds for seconds, _ in with_mitogen]
    return [
        Figure('converge, nothing to change', seconds, 's', 30.0, without, 'without Mitogen', f'{changed} changed'),
        Figure('changed by that converge', [changed], 'tasks', 0.0),
    ]


def memory(standing: Standing) -> Figure:
    """Return what all hosts use without the page cache, as their control groups count it, in GiB."""

    def used(name: str) -> float:
        figures = standing.container(name).stats(stream=False)['memory_stats']
        cache = figures['stats'].get('total_inactive_file', figures['stats'].get('inactive_file', 0))
        return float(figures['usage'] - cache)

    names = [host.name for host in standing.work.topology.hosts]
    with ThreadPoolExecutor(len(names)) as pool:
        total = sum(pool.map(used, names))
    return Figure(f'memory of {len(names)} hosts', [total / MIB / 1024], 'GiB', 8.0)


def losses(standing: Standing, runs: int) -> Iterator[Figure]:
    """Yield, for each loss, how long no write was acknowledged, seen by a learner at the front door."""
    for loss, target, bar, source in (
        (FIREWALL_HOST, 1.0, 3.4, 'VRRP defaults'),
        (BALANCER_HOST, 1.0, 3.4, 'VRRP defaults'),
        (LEADER_HOST, 35.0, 34.4, 'Patroni defaults'),
        (POSTGRESQL_CRASH, 5.0, 320.0, 'Patroni defaults, worst'),
        (SWITCHOVER, 5.0, None, ''),
    ):
        seen = []
        for _ in range(runs):
            standing.wait_whole()
            seen.append(watch(standing, loss))
        lost = sum(len(each.lost_writes) for each in seen)
        note = f'{lost} acknowledged writes lost, {sum(each.failed for each in seen)} requests failed'
        yield Figure(f'{loss.name}: no write', [each.gap_seconds for each in seen], 's', target, bar, source, note)
    failed = []
    for _ in range(runs):
        standing.wait_whole()
        failed.append(float(watch(standing, APP_HOST).failed))
    yield Figure(f'{APP_HOST.name}: failed idempotent requests', failed, 'requests', 0.0)


def _converge(standing: Standing, *words: str) -> tuple[float, int]:
    done = standing.anlan('up', '--yes', *words, deadline_seconds=900)
    assert done.returncode == 0, done.stderr
    match = CONFIGURATION.search(done.stderr)
    assert match is not None, done.stderr
    return float(match.group(1)), int(match.group(2))


def _converge_plain(standing: Standing) -> float:
    with _without_mitogen() as file:
        return _converge(standing, '-p', str(file))[0]


@contextmanager
def _without_mitogen() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / 'plain.yaml'
        text = PLATFORM_FILE.read_text(encoding='utf-8')
        file.write_text(text + 'configuration: {mitogen: false}\n', encoding='utf-8')
        yield file
