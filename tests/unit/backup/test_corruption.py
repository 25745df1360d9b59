"""Planted corruption is done to marked copies alone, and is what it says it is."""

from __future__ import annotations

import base64
import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.corruption import KINDS, MARK, Kind, copy_of, plant, staleness
from backup.port import Snapshot


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What looks like a repository of restic."""
    folder = tmp_path / 'repository'
    data = base64.b64encode(bytes(100)).decode()
    files = {
        'config': b'c' * 50, 'data/5f/5f2e': b'd' * 500, 'data/aa/aa01': b'e' * 500, 'index/1': b'i' * 50,
        'snapshots/old': b's' * 50, 'snapshots/new': b't' * 50, 'locks/1': b'l',
        'keys/k': json.dumps({'kdf': 'scrypt', 'salt': data, 'data': data}).encode(),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    os.utime(folder / 'snapshots' / 'old', (1, 1))
    return folder


def state(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


@pytest.mark.parametrize('kind', KINDS)
def test_each_kind_changes_one_thing_in_the_copy_and_nothing_in_the_repository(
    repository: Path, tmp_path: Path, kind: Kind
) -> None:
    before = state(repository)
    copy = copy_of(repository, tmp_path / 'copy')
    clean = state(copy)
    planted = plant(kind, copy, random.Random(1))
    assert (planted.kind, bool(planted.what)) == (kind, True)
    after = state(copy)
    changed = {name for name in clean.keys() | after.keys() if clean.get(name) != after.get(name)}
    assert planted.file in changed
    assert len(changed) <= 2
    assert state(repository) == before


def test_a_copy_leaves_locks_behind_and_is_marked(repository: Path, tmp_path: Path) -> None:
    copy = copy_of(repository, tmp_path / 'copy')
    assert (copy / MARK).exists()
    assert not (copy / 'locks' / '1').exists()
    assert not (repository / MARK).exists()


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_not_marked_is_refused(repository: Path, kind: Kind) -> None:
    before = state(repository)
    with pytest.raises(BadInput, match='not marked'):
        plant(kind, repository, random.Random(1))
    assert state(repository) == before


def test_the_same_chance_plants_the_same(repository: Path, tmp_path: Path) -> None:
    made = [plant('flipped-byte', copy_of(repository, tmp_path / str(n)), random.Random(5)) for n in range(2)]
    assert made[0] == made[1]


def test_stale_latest_takes_the_newest_away_and_needs_an_older_one(repository: Path, tmp_path: Path) -> None:
    copy = copy_of(repository, tmp_path / 'copy')
    assert plant('stale-latest', copy, random.Random(1)).file == 'snapshots/new'
    with pytest.raises(BadInput, match='older snapshot'):
        plant('stale-latest', copy, random.Random(1))


def test_what_is_no_repository_is_not_copied(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='no restic repository'):
        copy_of(tmp_path, tmp_path / 'copy')
    with pytest.raises(BadInput, match='is there already'):
        copy_of(repository, tmp_path)


def test_a_place_that_lacks_what_was_recorded_is_an_older_copy() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    found = [Snapshot(name, 'media', 'app-1', now, now) for name in ('first', 'second', 'more')]
    assert staleness(['first', 'second'], found) is None
    assert 'third' in str(staleness(['first', 'second', 'third'], found))
    assert staleness(['only'], []) is not None
