"""Which Pulumi CLI is used. The programs here are fakes that print a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.errors import AnlanError
from infra.pulumi_cli import VERSION, _fits, pulumi_root

BUILT = f'pulumi-{".".join(map(str, VERSION))}'


def fake(file: Path, output: str, code: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\n[ "$1" = version ] && printf "%s" "{output}"\nexit {code}\n')
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away every CLI that this machine may have."""
    monkeypatch.delenv('ANLAN_PULUMI_ROOT', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PATH', str(tmp_path / 'tools' / 'bin'))


@pytest.mark.parametrize('version', ['v3.259.0', '3.259.0', 'v3.259.1', 'v3.300.0', 'v3.259.0-dev.0'])
def test_the_same_or_a_newer_version_fits(tmp_path: Path, version: str) -> None:
    assert _fits(fake(tmp_path / 'pulumi', version))


@pytest.mark.parametrize('version', ['v3.258.9', 'v3.99.0', 'v2.300.0', 'v4.0.0', '', 'no version', 'v3.259'])
def test_an_older_one_another_major_version_and_nonsense_do_not_fit(tmp_path: Path, version: str) -> None:
    assert not _fits(fake(tmp_path / 'pulumi', version))


def test_what_cannot_be_run_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / 'text').write_text('no program')
    (tmp_path / 'broken').write_text('#!/no/such/interpreter\n')
    (tmp_path / 'broken').chmod(0o755)
    for name in ('none', 'text', 'broken'):
        assert not _fits(tmp_path / name)


def test_one_on_path_that_fits_is_used(tmp_path: Path) -> None:
    fake(tmp_path / 'tools' / 'bin' / 'pulumi', 'v3.260.0')
    fake(tmp_path / 'cache' / 'anlan' / 'tools' / BUILT / 'bin' / 'pulumi', 'v3.259.0')
    assert pulumi_root() == tmp_path / 'tools'


def test_a_link_on_path_leads_to_the_folder_of_the_program(tmp_path: Path) -> None:
    program = fake(tmp_path / 'opt' / 'pulumi' / 'bin' / 'pulumi', 'v3.260.0')
    (tmp_path / 'tools' / 'bin').mkdir(parents=True)
    (tmp_path / 'tools' / 'bin' / 'pulumi').symlink_to(program)
    assert pulumi_root() == tmp_path / 'opt' / 'pulumi'


def test_one_on_path_that_does_not_fit_gives_way_to_the_one_that_was_built(tmp_path: Path) -> None:
    fake(tmp_path / 'tools' / 'bin' / 'pulumi', 'v3.1.0')
    built = fake(tmp_path / 'cache' / 'anlan' / 'tools' / BUILT / 'bin' / 'pulumi', 'v3.259.0')
    assert pulumi_root() == built.parent.parent


def test_one_that_is_given_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / 'tools' / 'bin' / 'pulumi', 'v3.260.0')
    monkeypatch.setenv('ANLAN_PULUMI_ROOT', str(tmp_path / 'given'))
    assert pulumi_root() == tmp_path / 'given'


def test_none_is_said_with_what_to_do(tmp_path: Path) -> None:
    fake(tmp_path / 'tools' / 'bin' / 'pulumi', 'v3.1.0')
    with pytest.raises(AnlanError, match='`make setup` builds it'):
        pulumi_root()
