"""Passwords of the database, rotated: who uses it comes in at every moment, and nobody by an old one after that."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from anlan.paths import ROOT, cache_directory
from infra.images.build import ensure_images

ROLE = ROOT / 'playbooks' / 'roles' / 'database' / 'files'
SCRIPT = Path(__file__).parent / 'database' / 'two_logins.py'
RUN_SECONDS = 180


@pytest.fixture(scope='module')
def seen() -> dict[str, Any]:
    """Give what was seen on a host of the image, with a PostgreSQL and a replica of it, through two rotations."""
    tag = ensure_images(['data'], cache_directory() / 'packages', print)['data']
    command = [
        'docker', 'run', '--rm', '--network', 'none', '--volume', f'{ROLE}:/role:ro',
        '--volume', f'{SCRIPT}:/script:ro', tag, 'timeout', f'{RUN_SECONDS - 10}', 'python3', '-B', '/script',
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_settled_once_the_same_again_changes_nothing(seen: dict[str, Any]) -> None:
    assert seen['again'] == seen['announced again'] == []
    assert 'changed: password of learning_2' in seen['dry']


def test_while_it_is_made_known_both_logins_of_each_purpose_do_what_they_are_for(seen: dict[str, Any]) -> None:
    assert seen['in, announced'] == [
        'learning 1', 'learning_2 2', 'replicator 1', 'replicator_2 2', 'rewind 1', 'rewind_2 2',
    ]  # fmt: skip


def test_what_the_second_login_makes_belongs_to_the_first(seen: dict[str, Any]) -> None:
    assert seen['owners'] == ['learning']


def test_a_password_is_not_taken_away_while_a_member_follows_by_it(seen: dict[str, Any]) -> None:
    assert '1 members still follow the leader as replicator' in seen['too early'][0]
    assert seen['in, too early'] == seen['in, announced']


def test_writes_go_on_while_the_replica_goes_over(seen: dict[str, Any]) -> None:
    assert seen['longest gap of writes, seconds'] < 1


def test_after_it_nobody_comes_or_stays_in_by_the_old_ones(seen: dict[str, Any]) -> None:
    assert seen['in, retired'] == ['learning_2 2', 'replicator_2 2', 'rewind_2 2']
    assert seen['old session'] == 'was ended'


def test_the_next_rotation_goes_back_to_the_first_login(seen: dict[str, Any]) -> None:
    assert seen['in, second rotation'] == ['learning 3', 'replicator 3', 'rewind 3']


def test_no_password_stands_in_the_servers_log(seen: dict[str, Any]) -> None:
    assert seen['passwords in the log'] == []
