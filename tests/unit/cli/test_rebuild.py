"""`anlan backup rebuild`: from what it begins, what it refuses, and what it tells."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyrage
import pytest

from anlan.cli import backup_rebuild, rebuilding
from anlan.cli.kit_state import wanted_of
from anlan.cli.rebuilding import Begun, Rebuilt
from anlan.cli.recovery_kit import digest, kit_of, read_kit, write_kit
from anlan.cli.work import Work
from anlan.errors import AnlanError, BadInput
from anlan.paths import PlatformPaths
from anlan.platform.model import Platform
from anlan.secret_key import VARIABLE, key_folder
from anlan.secret_store import ensure_secrets, read_all
from infra.targets.changes import Change
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
    write_kit(file, kit_of(work.platform, work.topology, work.paths, 'name: x'), work.paths.directory)
    return file


def forge(kit: Path, **changes: Any) -> None:
    """Change a kit as somebody would who writes its digest anew."""
    document = json.loads(kit.read_text(encoding='utf-8')) | changes
    document.pop('sha256')
    kit.write_text(json.dumps({**document, 'sha256': digest(document)}), encoding='utf-8')


def lose(work: Work) -> None:
    shutil.rmtree(work.paths.directory)
    shutil.rmtree(key_folder())


def state(fill: Callable[[tarfile.TarFile], None]) -> str:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz') as archive:
        fill(archive)
    return b64encode(stream.getvalue()).decode('ascii')


def entry(name: str, **changes: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def test_all_that_a_machine_lost_comes_from_the_kit_with_the_key_of_the_secrets(work: Work, kit: Path) -> None:
    secrets = read_all(work.paths.secrets)
    lose(work)
    assert 'of the kit of ' in rebuilding._state(work, read_kit(kit))
    assert read_all(work.paths.secrets) == secrets
    assert (work.paths.certificates / 'ca.crt').read_text(encoding='ascii') == 'certificate'
    assert not (work.paths.directory / 'logs').exists()
    assert work.paths.directory.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_whole_is_left_as_it_is(work: Work, kit: Path) -> None:
    before = work.paths.secrets.read_bytes()
    assert rebuilding._state(work, read_kit(kit)) == 'of this machine'
    assert work.paths.secrets.read_bytes() == before


def test_a_folder_whose_key_is_lost_takes_it_from_the_kit(work: Work, kit: Path) -> None:
    secrets = read_all(work.paths.secrets)
    shutil.rmtree(key_folder())
    assert rebuilding._state(work, read_kit(kit)) == 'of this machine'
    assert read_all(work.paths.secrets) == secrets


def test_without_folder_and_kit_there_is_nothing_to_begin_from(work: Work) -> None:
    lose(work)
    with pytest.raises(BadInput, match='recovery kit by --kit'):
        rebuilding._state(work, None)
    assert not work.paths.directory.exists()


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'platform': 'another'}, 'of the platform another'),
        ({'identities': [str(pyrage.x25519.Identity.generate())]}, 'does not open its secrets'),
        ({'state': state(lambda archive: archive.addfile(entry('../x')))}, 'leads out of the platform'),
        (
            {'state': state(lambda archive: archive.addfile(entry('var/x', type=tarfile.SYMTYPE, linkname='/etc')))},
            'what no platform has',
        ),
        ({'state': state(lambda archive: archive.addfile(entry('var/x')))}, 'lacks recipients, secrets.json.age'),
        ({'state': b64encode(b'hello').decode()}, 'not whole'),
    ],
)
def test_a_kit_that_cannot_be_gone_on_with_is_refused_and_leaves_nothing(
    work: Work, kit: Path, changes: dict[str, Any], said: str
) -> None:
    lose(work)
    forge(kit, **changes)
    with pytest.raises(BadInput, match=said):
        rebuilding._state(work, read_kit(kit))
    assert not work.paths.directory.exists()
    assert not key_folder().exists()


def test_another_key_that_is_named_is_said_before_anything_is_written(
    work: Work, kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(work)
    (tmp_path / 'other').write_text(str(pyrage.x25519.Identity.generate()), encoding='ascii')
    (tmp_path / 'other').chmod(0o600)
    monkeypatch.setenv(VARIABLE, str(tmp_path / 'other'))
    with pytest.raises(BadInput, match=f'unset {VARIABLE}'):
        wanted_of(work, read_kit(kit))
    assert not work.paths.directory.exists()


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'version': 99}, 'no recovery kit of version'),
        ({'version': True}, 'no recovery kit of version'),
        ({'state': '***'}, 'can be used'),
        ({'state': 7}, 'of the wrong kind'),
        ({'state': ''}, 'no state'),
        ({'identities': []}, 'nothing that opens'),
        ({'identities': 'AGE'}, 'of the wrong kind'),
    ],
)
def test_a_kit_that_is_none_is_refused(kit: Path, changes: dict[str, Any], said: str) -> None:
    forge(kit, **changes)
    with pytest.raises(BadInput, match=said):
        read_kit(kit)


def test_a_file_that_is_no_kit_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'kit').write_text('hello', encoding='ascii')
    (tmp_path / 'deep').write_text('[' * 100_000, encoding='ascii')
    for name in ('kit', 'deep', 'nowhere', '.'):
        with pytest.raises(BadInput, match='no recovery kit') as refused:
            read_kit(tmp_path / name)
        assert 'Expecting' not in str(refused.value)
    with pytest.raises(BadInput, match='it is no file'):
        read_kit(Path('/dev/zero'))


@pytest.mark.parametrize(
    ('resource', 'operation', 'refused'),
    [
        ('host vault-1', 'replace', True),
        ('host vault-1', 'delete', True),
        ('host vault-1', 'update', False),
        ('host db-1', 'replace', False),
    ],
)
def test_what_still_stands_is_not_made_anew(
    work: Work, monkeypatch: pytest.MonkeyPatch, resource: str, operation: Any, refused: bool
) -> None:
    class Target:
        def clear(self) -> None: ...

        def hosts(self) -> dict[str, str]:
            return {'vault-1': 'running', 'db-1': 'missing'}

        def plan(self) -> Any:
            return SimpleNamespace(changes=[Change(resource, operation)])

    monkeypatch.setattr(Work, 'target', lambda _: Target())
    if not refused:
        rebuilding.keep_off_site(work)
        return
    with pytest.raises(BadInput, match='still stand'):
        rebuilding.keep_off_site(work)


def test_a_rebuild_that_is_run_again_goes_on_with_the_one_before(work: Work) -> None:
    begun = Begun.of(work.paths)
    assert begun.ledger_to_come
    work.paths.ledger.mkdir()
    assert Begun.of(work.paths) == begun
    begun.end(work.paths)
    assert not Begun.of(work.paths).ledger_to_come


def test_what_was_not_done_is_named_and_keeps_the_rest_from_nothing() -> None:
    done = Rebuilt()

    def fail(_: Any) -> str:
        raise AnlanError('the store does not answer')

    done.part('ledger', 'Ledger', fail)
    done.part('second factors', 'Second factors', lambda _: 'had back')
    document = done.document()
    assert document['undone'] == {'ledger': 'the store does not answer'}
    assert document['second_factors'] == 'had back'
    assert not done.whole
    assert set(document['seconds']) == {'ledger', 'second factors'}


def test_a_rebuild_that_is_only_tried_says_what_stands_and_that_the_kit_is_not_needed(
    work: Work, kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    every = [host.name for host in work.topology.hosts]
    monkeypatch.setattr(backup_rebuild, 'connect', lambda: None)
    monkeypatch.setattr(backup_rebuild, 'host_states', lambda *_: dict.fromkeys([*every[1:], 'other-1'], True))
    backup_rebuild._tell(work, read_kit(kit), json=False)
    said = capsys.readouterr().out
    assert 'is not needed: all is here' in said
    assert f'stand, and are left as they are: {", ".join(every[1:])}\n' in said
    assert f'made anew, since they are lost: {every[0]}\n' in said
    shutil.rmtree(key_folder())
    backup_rebuild._tell(work, read_kit(kit), json=False)
    assert 'has the key of its secrets, which this machine has lost' in capsys.readouterr().out
    shutil.rmtree(work.paths.directory)
    backup_rebuild._tell(work, read_kit(kit), json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document['kit']['needed'], document['standing'], document['state']) == (True, every[1:], 'of the kit')
    assert not work.paths.directory.exists()


def test_where_docker_does_not_answer_a_rebuild_that_is_only_tried_says_that_what_stands_is_not_known(
    work: Work, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise AnlanError('Docker does not answer')

    monkeypatch.setattr(backup_rebuild, 'connect', fail)
    backup_rebuild._tell(work, None, json=False)
    said = capsys.readouterr().out
    assert 'but only what is lost' in said
    assert 'not known here' in said
    assert 'kit' not in said
