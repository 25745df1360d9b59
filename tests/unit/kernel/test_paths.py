"""Where things are."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from anlan.paths import ROOT, PlatformPaths, cache_directory

PLACES = ('lock', 'outputs', 'secrets', 'ssh', 'certificates', 'pulumi', 'logs', 'run', 'unfinished')


def test_the_root_is_the_checkout() -> None:
    assert (ROOT / 'pyproject.toml').is_file()


def test_a_platform_stands_below_var_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('ANLAN_VAR', raising=False)
    assert PlatformPaths.of('lab').directory == ROOT / 'var' / 'lab'


def test_var_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path))
    assert PlatformPaths.of('lab').directory == tmp_path / 'lab'


def test_every_place_of_a_platform_is_its_own_and_inside_its_folder() -> None:
    paths = PlatformPaths(Path('/var/lab'))
    places = [getattr(paths, name) for name in PLACES]
    assert len(set(places)) == len(places)
    inside = [place for name, place in zip(PLACES, places, strict=True) if name != 'run']
    assert all(place.parent == paths.directory for place in inside)
    assert paths.outputs.name.endswith('.anlan.json')


def test_what_a_run_needs_is_in_memory_where_there_is_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path))
    assert PlatformPaths(Path('/var/lab')).run.parent == tmp_path
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path / 'gone'))
    monkeypatch.setattr('os.access', lambda place, how: False)
    assert PlatformPaths(Path('/var/lab')).run == Path('/var/lab/run')


def test_two_platforms_share_nothing() -> None:
    one, other = PlatformPaths.of('lab'), PlatformPaths.of('test')
    assert not {getattr(one, name) for name in PLACES} & {getattr(other, name) for name in PLACES}


def test_the_folder_is_its_owners_alone_even_if_it_was_open(tmp_path: Path) -> None:
    paths = PlatformPaths(tmp_path / 'var' / 'lab')
    paths.make()
    assert stat.S_IMODE(paths.directory.stat().st_mode) == 0o700
    paths.directory.chmod(0o755)
    paths.make()
    assert stat.S_IMODE(paths.directory.stat().st_mode) == 0o700


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_directory() == tmp_path / 'anlan'
    monkeypatch.setenv('XDG_CACHE_HOME', '')
    assert cache_directory() == Path.home() / '.cache' / 'anlan'
