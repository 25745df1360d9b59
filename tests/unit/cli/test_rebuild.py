"""`anlan backup rebuild`: from what it begins, what it refuses, and what it tells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import rebuilding
from anlan.cli.handing_over import packed
from anlan.cli.rebuilding import Rebuilt, unpack
from anlan.cli.recovery_kit import kit_of, read_kit, write_kit
from anlan.cli.work import Work
from anlan.errors import AnlanError, BadInput
from anlan.paths import PlatformPaths
from anlan.platform.model import Platform
from anlan.secret_key import key_folder, read_key
from anlan.secret_store import ensure_secrets, read_all
from tests.unit.samples import lab, topology_from


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'configuration'))
    platform = Platform.model_validate(lab())
    paths = PlatformPaths.of(platform.name)
    paths.make()
    paths.certificates.mkdir()
    (paths.certificates / 'ca.crt').write_text('certificate', encoding='ascii')
    (paths.directory / 'logs').mkdir()
    (paths.directory / 'logs' / 'run.log').write_text('log', encoding='ascii')
    ensure_secrets(paths.secrets)
    return Work(platform, topology_from(lab()), paths)


@pytest.fixture
def kit(work: Work, tmp_path: Path) -> Path:
    file = tmp_path / 'kit.json'
    write_kit(file, kit_of(work.platform, work.topology, work.paths, 'name: x'))
    return file


def test_all_that_a_machine_lost_comes_from_the_kit_with_the_key_of_the_secrets(work: Work, kit: Path) -> None:
    secrets = read_all(work.paths.secrets)
    shutil.rmtree(work.paths.directory)
    shutil.rmtree(key_folder())
    assert rebuilding._state(work, read_kit(kit)).startswith('kit of ')
    assert read_all(work.paths.secrets) == secrets
    assert (work.paths.certificates / 'ca.crt').read_text(encoding='ascii') == 'certificate'
    assert not (work.paths.directory / 'logs').exists()
    assert work.paths.directory.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_whole_is_left_as_it_is(work: Work, kit: Path) -> None:
    before = work.paths.secrets.read_bytes()
    assert rebuilding._state(work, read_kit(kit)) == 'of this machine'
    assert work.paths.secrets.read_bytes() == before


def test_without_folder_and_kit_there_is_nothing_to_begin_from(work: Work) -> None:
    shutil.rmtree(work.paths.directory)
    with pytest.raises(BadInput, match='recovery kit by --kit'):
        rebuilding._state(work, None)


def test_the_kit_of_another_platform_is_refused(work: Work, kit: Path) -> None:
    document = json.loads(kit.read_text(encoding='utf-8')) | {'platform': 'another'}
    kit.write_text(json.dumps(document), encoding='utf-8')
    shutil.rmtree(work.paths.directory)
    with pytest.raises(BadInput, match='of the platform another'):
        rebuilding._state(work, read_kit(kit))
    assert not work.paths.directory.exists()


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'version': 99}, 'no recovery kit of version'),
        ({'state': '***'}, 'cannot be used|can be used'),
        ({'state': ''}, 'no state'),
        ({'identities': []}, 'nothing that opens'),
    ],
)
def test_a_kit_that_is_none_is_refused(kit: Path, change: dict[str, Any], said: str) -> None:
    document = json.loads(kit.read_text(encoding='utf-8')) | change
    kit.write_text(json.dumps(document), encoding='utf-8')
    with pytest.raises(BadInput, match=said):
        read_kit(kit)


def test_a_file_that_is_no_json_or_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'kit').write_text('hello', encoding='ascii')
    with pytest.raises(BadInput, match='no recovery kit'):
        read_kit(tmp_path / 'kit')
    with pytest.raises(BadInput, match='cannot be read'):
        read_kit(tmp_path / 'nowhere')


def test_a_state_that_is_cut_off_leaves_nothing(work: Work, tmp_path: Path) -> None:
    state = packed(work.paths.directory)
    folder = tmp_path / 'target'
    folder.mkdir()
    with pytest.raises(BadInput, match='not whole'):
        unpack(state[: len(state) // 2], folder)
    assert list(folder.iterdir()) == []


def test_a_key_that_is_not_of_the_secrets_is_said(work: Work, kit: Path, tmp_path: Path) -> None:
    document = json.loads(kit.read_text(encoding='utf-8'))
    import pyrage

    document['identities'] = [str(pyrage.x25519.Identity.generate())]
    kit.write_text(json.dumps(document), encoding='utf-8')
    shutil.rmtree(work.paths.directory)
    shutil.rmtree(key_folder())
    with pytest.raises(AnlanError, match='the key of the secrets'):
        rebuilding._state(work, read_kit(kit))
    with pytest.raises(AnlanError):
        read_key(work.paths.directory)


def test_each_phase_has_its_seconds() -> None:
    done = Rebuilt()
    with done.phase('platform'):
        pass
    document = done.document()
    assert document['seconds'] == {'platform': 0.0}
    assert document['status'] is None
