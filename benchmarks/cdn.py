"""The delivery network's numbers: what the origin sees of a class that starts a lesson, and a purge's seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from anlan.paths import ROOT
from benchmarks.figure import Figure
from tests.lab.standing import Standing

COURSE = 'work-at-height'
PLACES = (('client-1', 'edge-1'), ('client-2', 'edge-2'))
LEARNERS_A_CLIENT = 100
AT_A_TIME = 16


def delivery(standing: Standing, runs: int) -> Iterator[Figure]:
    """Yield how often the origin is asked for a file that 200 learners want at once, and the seconds of a purge."""
    asked, purges, note = [], [], ''
    for _ in range(runs):
        started = time.monotonic()
        done = standing.anlan('cdn', 'purge', '--tag', COURSE)
        purges.append(time.monotonic() - started)
        assert done.returncode in (0, 4), done.stderr
        each, note = class_of_learners(standing)
        asked.append(each)
    yield Figure('a class of 200 starts a lesson: the origin is asked for a file', asked, 'times', 1.0, note=note)
    yield Figure('purge by tag on both levels', purges, 's', 10.0)


def class_of_learners(standing: Standing) -> tuple[float, str]:
    """Return how often the origin was asked for each file that 200 learners asked for, and what the edges answered.

    Each client sends the requests of its learners, 16 at a time, a file's all in a row.
    """
    release = json.loads(standing.run('app-1', 'sudo', 'cat', '/opt/anlan/current/manifest.json').out)
    ladder = next(each for each in release['courses'] if each['slug'] == COURSE)['lessons'][0]['media_sha256']
    listed = json.loads(standing.run('app-1', 'sudo', 'cat', f'/var/lib/anlan/media/{ladder}/ladder.json').out)['files']
    paths = [f'/media/{ladder}/{name}' for name in sorted(listed) if name.startswith('240p/')]
    since = standing.run('app-1', 'date', '+%s').out.strip()
    with ThreadPoolExecutor(len(PLACES)) as pool:
        answers = [
            answer for found in pool.map(lambda place: _ask(standing, *place, paths), PLACES) for answer in found
        ]
    good = sum(answer['status'] == 200 for answer in answers)
    assert good == len(answers) == len(paths) * LEARNERS_A_CLIENT * len(PLACES), f'{good} of {len(answers)} were good'
    script = f'journalctl -t origin --since @{since} -o cat | grep -c {ladder} || true'
    apps = [host.name for host in standing.work.topology.hosts if host.tier == 'app']
    seen = sum(int(standing.run(app, 'sudo', 'sh', '-c', script).out) for app in apps)
    assert seen, 'the origin saw nothing: the cache was not empty, or its log is not there'
    return seen / len(paths), f'{good} requests, {seen} at the origin for {len(paths)} files'


def _ask(standing: Standing, client: str, edge: str, paths: list[str]) -> list[dict[str, object]]:
    door = standing.work.platform.front_door
    question = {
        'address': str(standing.work.topology.host(edge).address), 'port': door.port, 'name': door.name,
        'paths': [path for path in paths for _ in range(LEARNERS_A_CLIENT)], 'workers': AT_A_TIME,
    }  # fmt: skip
    script = (ROOT / 'monitoring' / 'fetch_probe.py').read_text(encoding='utf-8')
    done = standing.remote().run(client, ['python3', '-I', '-c', script], 90, json.dumps(question))
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)
    return found
