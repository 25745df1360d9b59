"""Violations: what they replaced comes back whole, whatever went wrong on the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from compliance import violation
from compliance.violation import append, mode, remove, substitute, write


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a file in it; what violations keep is kept beside it."""
    monkeypatch.setattr(violation, 'SAVED', str(tmp_path / 'saved'))
    (tmp_path / 'etc').mkdir()
    (tmp_path / 'etc' / 'file').write_text('good\n')
    (tmp_path / 'etc' / 'file').chmod(0o640)
    return tmp_path / 'etc'


def ran(script: str, **environment: str) -> int:
    return subprocess.run(
        ['/bin/sh', '-c', script], env={**os.environ, **environment}, capture_output=True, check=False
    ).returncode


def state(place: Path) -> dict[str, tuple[str, int]]:
    return {path.name: (path.read_text(), path.stat().st_mode) for path in place.iterdir()}


def left(place: Path) -> list[Path]:
    saved = place.parent / 'saved'
    return list(saved.iterdir()) if saved.exists() else []


@pytest.mark.parametrize('kind', ['write', 'write new', 'append', 'substitute', 'remove', 'remove folder', 'mode'])
def test_what_was_there_comes_back_as_it_was_and_nothing_is_left(place: Path, kind: str) -> None:
    file = str(place / 'file')
    planted = {
        'write': write(file, 'bad'), 'write new': write(str(place / 'new'), 'bad'), 'append': append(file, 'bad'),
        'substitute': substitute(file, 'good', 'bad'), 'remove': remove(file), 'remove folder': remove(str(place)),
        'mode': mode(file, '0777'),
    }[kind]  # fmt: skip
    before = state(place)
    assert ran(planted.plant) == 0
    assert not place.exists() or state(place) != before
    assert ran(planted.undo) == 0
    assert (state(place), left(place)) == (before, [])
    assert ran(planted.undo) == 0, 'the host may take it back a second time'
    assert state(place) == before


def test_without_a_copy_of_what_is_there_nothing_is_planted(place: Path, tmp_path: Path) -> None:
    broken = tmp_path / 'bin'
    broken.mkdir()
    (broken / 'tar').write_text('#!/bin/sh\nexit 2\n')
    (broken / 'tar').chmod(0o755)
    before = state(place)
    assert ran(write(str(place / 'file'), 'bad').plant, PATH=f'{broken}:{os.environ["PATH"]}') != 0
    assert state(place) == before


def test_a_way_back_that_breaks_can_be_gone_again(place: Path, tmp_path: Path) -> None:
    planted = write(str(place / 'file'), 'bad', after=f'[ ! -e {tmp_path}/full ]')
    before = state(place)
    assert ran(planted.plant) == 0
    (tmp_path / 'full').touch()
    assert ran(planted.undo) != 0
    (tmp_path / 'full').unlink()
    assert ran(planted.undo) == 0
    assert (state(place), left(place)) == (before, [])


def test_a_fault_that_is_still_there_is_not_planted_over_and_its_copy_is_kept(place: Path) -> None:
    """A copy of what was planted would take the place of what was there."""
    file = str(place / 'file')
    before = state(place)
    for first in (write(file, 'bad'), mode(file, '0777')):
        assert ran(first.plant) == 0
        assert ran(first.plant) != 0
        assert ran(first.undo) == 0
        assert state(place) == before


def test_the_way_back_of_one_fault_leaves_the_copy_of_another_alone(place: Path) -> None:
    (place / 'other').write_text('good too\n')
    before = state(place)
    one, two = write(str(place / 'file'), 'bad'), remove(str(place / 'other'))
    assert ran(one.plant) == 0
    assert ran(two.undo) == 0
    assert state(place)['other'] == before['other']
    assert ran(one.undo) == 0
    assert state(place) == before
