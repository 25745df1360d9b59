"""Bad luck: hosts removed by hand, two runs at once, an `up` killed with SIGKILL at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

from anlan.deadline import wait_until
from anlan.paths import ROOT
from infra.lab import hosts
from tests.lab.interrupted import LONGEST_MOMENT_SECONDS, kill_at, start_up
from tests.lab.standing import Standing

REMOVED = (('app-2', 'edge-2', 'mon-1'), ('db-3', 'client-2'), ('fw-2', 'lb-2'), ('app-1', 'db-1'))


def remove(standing: Standing, *names: str) -> None:
    for name in names:
        hosts.delete(standing.client, standing.host(name).container)


def served(standing: Standing) -> str | None:
    status = standing.status()
    return None if status.state != 'down' else '; '.join(status.reasons)


@pytest.mark.long
def test_a_host_removed_by_hand_is_named_by_drift_and_comes_back_with_its_role(whole: Standing) -> None:
    # A replica: without its leader the platform is down, not degraded, until the lease has run out.
    victim = whole.status().database['replicas'][0]['name']
    remove(whole, victim)
    try:
        drift = whole.anlan('drift', '--json')
        found = [(item['resource'], item['kind']) for item in json.loads(drift.stdout)['drift']]
        assert (drift.returncode, found) == (1, [(f'host {victim}', 'removed')])
        # A synchronous one: learners wait until the leader has another.
        wait_until(
            lambda: served(whole), 'learners to be served', whole.work.platform.objectives.database_host_loss_seconds
        )
        degraded = whole.anlan('status', '--json')
        assert degraded.returncode == 1
        assert any('replicas stream' in reason for reason in json.loads(degraded.stdout)['lost_redundancy'])
    finally:
        up = whole.anlan('up')
    assert up.returncode == 0, up.stdout + up.stderr
    whole.wait_whole()
    assert victim in {replica['name'] for replica in whole.status().database['replicas']}


def test_a_second_up_is_refused_with_who_holds_the_platform(whole: Standing) -> None:
    first = start_up(whole)
    try:

        def held() -> str | None:
            text = whole.work.paths.lock.read_text(encoding='utf-8')
            return None if str(first.pid) in text else 'the lock names nobody yet'

        wait_until(held, 'the first run to hold the platform', 30)
        second = whole.anlan('up', '--yes')
        assert second.returncode == 3
        assert f'`anlan up` (process {first.pid}' in ' '.join(second.stderr.split())
    finally:
        os.killpg(first.pid, signal.SIGTERM)
        first.wait(timeout=120)


def test_the_first_up_was_killed_and_the_next_command_left_nothing_undone(whole: Standing) -> None:
    if whole.killed_after_seconds is None:
        pytest.skip('a platform that stood was taken')
    print(f'\n  up was killed after {whole.killed_after_seconds:.1f} s')
    drift = whole.anlan('drift', '--hosts-only', '--json')
    assert (drift.returncode, json.loads(drift.stdout)['drift']) == (0, [])


@pytest.mark.long
@pytest.mark.parametrize('turn', range(5))
def test_an_up_killed_at_a_random_moment_is_finished_by_the_next_command(standing: Standing, turn: int) -> None:
    moment = random.uniform(2, LONGEST_MOMENT_SECONDS)
    if turn == 0:
        assert standing.anlan('down', '--yes').returncode == 0
    else:
        standing.wait_whole()
        remove(standing, *REMOVED[turn - 1])
    process = start_up(standing)
    killed = kill_at(process, moment)
    print(f'\n  up {"killed" if killed else "ended by itself"} after {moment:.1f} s')
    command = 'recover' if turn % 2 == 0 else 'up'
    started = time.monotonic()
    done = standing.anlan(command)
    print(f'  {command} finished it in {time.monotonic() - started:.0f} s')
    assert done.returncode == 0, done.stdout + done.stderr
    standing.wait_whole()
    drift = standing.anlan('drift', '--hosts-only', '--json')
    assert (drift.returncode, json.loads(drift.stdout)['drift']) == (0, [])


def test_a_wrong_platform_file_touches_nothing(standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> None:
    wrong = tmp_path_factory.mktemp('platform') / 'wrong.yaml'
    text = (ROOT / 'infra/platforms/test.yaml').read_text(encoding='utf-8')
    wrong.write_text(text.replace('size: full', 'size: full\nsizes: 3').replace('198.19.10.0/24', '198.19.1.0/24'))
    before = sorted(container.id for container in standing.client.containers.list(all=True))
    for command in ('up', 'plan', 'down', 'drift', 'recover'):
        done = standing.anlan(command, '-p', str(wrong))
        assert done.returncode == 2, command
        assert 'sizes: is an unknown key' in done.stderr
    assert sorted(container.id for container in standing.client.containers.list(all=True)) == before
