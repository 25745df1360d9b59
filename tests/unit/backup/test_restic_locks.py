"""Locks of restic: stale by restic's own rule, and no other."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from backup.engines.restic_locks import STALE_AFTER, Lock, lock_of

NOW = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def lock(host: str = 'ops-1', process: int = 1, age: timedelta = timedelta(minutes=1)) -> Lock:
    return Lock('e7906eac', host, 'root', process, NOW - age, exclusive=True)


def ended_process() -> int:
    process = subprocess.Popen(['true'])
    process.wait()
    return process.pid


def test_a_lock_whose_process_lives_is_not_stale() -> None:
    assert not lock(process=os.getpid()).stale(NOW, 'ops-1')


def test_a_lock_of_our_host_without_its_process_is_stale() -> None:
    assert lock(process=ended_process()).stale(NOW, 'ops-1')


def test_of_another_host_the_process_says_nothing() -> None:
    assert not lock('app-1', ended_process()).stale(NOW, 'ops-1')


def test_a_lock_that_nobody_renews_is_stale_wherever_it_is_from() -> None:
    assert lock('app-1', os.getpid(), STALE_AFTER + timedelta(seconds=1)).stale(NOW, 'ops-1')
    assert not lock('app-1', os.getpid(), STALE_AFTER).stale(NOW, 'ops-1')


def test_a_lock_names_its_holder() -> None:
    text = json.dumps({'time': '2026-11-26T02:25:37.050067625Z', 'exclusive': False, 'hostname': 'app-1',
                       'username': 'backup', 'pid': 25823})  # fmt: skip
    assert (
        lock_of('e790', text).holder() == 'process 25823 of backup on app-1 since 2026-11-26 02:25:37 UTC (with others)'
    )


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"time": 3}', '{"time": "never"}'])
def test_what_is_no_lock_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r'lock|char 0|never'):
        lock_of('e790', text)
