"""`python -m benchmarks.offsite_lag`: how far the other site is behind while a learner writes, and after a clean stop.

On a platform that stands (by default the lab): two learners write, and leader and replica are asked over and over. Then
the database is stopped in order, the leader last, and the replica alone is asked what it has; nothing that was
acknowledged may be missing. The database is started again, whatever happens.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from anlan.cli.backup_lag import DATABASE, measure
from anlan.cli.observing import observing
from anlan.cli.status import check_status
from anlan.errors import AnlanError
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.remote import Remote
from anlan.secret_store import read_secret
from backup.replica import SOCKET
from monitoring.steady import SteadyLearner, SteadyRun

GOAL_SECONDS = 2.0
PAUSE_SECONDS = 0.5
STOP_SECONDS = 120.0
KEPT = 'SELECT event_id FROM progress_progressevent'


def lags(platform: Platform, seconds: float) -> tuple[list[float], list[int], list[SteadyRun]]:
    """Given a platform and how long, return the seconds and changes that the replica lacked, and what was written."""
    password = read_secret(PlatformPaths.of(platform.name).secrets, 'journey_password')
    found, changes = list[float](), list[int]()
    with observing(platform) as (remote, outputs), observing(platform) as (other, _):
        clients = [name for name, each in outputs['hosts'].items() if each['tier'] == 'client']
        learners = [
            SteadyLearner(other, name, platform.front_door_url(), password, seconds=seconds + 60) for name in clients
        ]
        for learner in learners:
            learner.__enter__()
        try:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                seen = measure(remote, outputs)
                if seen is None or seen.lag.seconds is None:
                    raise AnlanError(f'the lag cannot be measured: {seen and "; ".join(seen.lag.problems)}')
                found.append(seen.lag.seconds)
                changes.append(seen.lag.changes or 0)
                time.sleep(PAUSE_SECONDS)
        finally:
            for learner in learners:
                learner.stop()
        return found, changes, [learner.run() for learner in learners]


@contextmanager
def stopped(platform: Platform) -> Iterator[tuple[Remote, str]]:
    """Stop the database in order, the leader last, start it again after; yield connections and the replica's host."""
    leader = check_status(platform).database['leader']
    with observing(platform) as (remote, outputs):
        members = [name for name, each in outputs['hosts'].items() if each['tier'] == 'data']
        replica = next(name for name, each in outputs['hosts'].items() if each['tier'] == 'offsite')
        ordered = [*(name for name in members if name != leader), str(leader)]
        try:
            for name in ordered:
                command(remote, name, 'stop')
            yield remote, replica
        finally:
            for name in reversed(ordered):
                command(remote, name, 'start')


def command(remote: Remote, host: str, word: str) -> None:
    """Start or stop a member of the database. Raise AnlanError if that does not succeed."""
    done = remote.run(host, ['sudo', '-n', 'systemctl', word, 'patroni.service'], STOP_SECONDS)
    if done.code:
        raise AnlanError(f'{host}: systemctl {word} patroni: {done.err.strip()[-300:]}')


def kept(remote: Remote, host: str) -> set[str]:
    """Return the number of every event that the replica has."""
    argv = ['sudo', '-n', '-u', 'postgres', 'psql', '-XAtq', '-h', SOCKET, '-d', DATABASE, '-c', KEPT]
    done = remote.run(host, argv, STOP_SECONDS)
    if done.code:
        raise AnlanError(f'{host}: the replica does not answer: {done.err.strip()[-300:]}')
    return set(done.out.split())


def main() -> int:
    """Measure, print, and return 0 if the goal is met and nothing is missing, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.offsite_lag', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'Exit codes: 0 median up to {GOAL_SECONDS:g} s, nothing missing · 1 not so, or a run failed.',
    )  # fmt: skip
    parser.add_argument('-p', '--platform', type=Path, default=Path('infra/platforms/lab.yaml'))
    parser.add_argument('--seconds', type=float, default=60.0, help='how long the learners write (60)')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    given = parser.parse_args()
    platform = load_platform(given.platform)
    try:
        seconds, changes, runs = lags(platform, given.seconds)
        acknowledged = frozenset[str]().union(*(run.acknowledged for run in runs))
        with stopped(platform) as (remote, replica):
            missing = acknowledged - kept(remote, replica)
    except AnlanError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return error.exit_code
    figures = {
        'looks': len(seconds), 'median_seconds': round(median(seconds), 4), 'worst_seconds': round(max(seconds), 4),
        'median_changes': median(changes), 'worst_changes': max(changes), 'acknowledged': len(acknowledged),
        'missing_after_a_clean_stop': len(missing),
    }  # fmt: skip
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f'{name.replace("_", " "):<28} {value}')
    return 0 if figures['median_seconds'] <= GOAL_SECONDS and not missing else 1


if __name__ == '__main__':
    sys.exit(main())
