"""Where a stack keeps its things, and what it sees of a killed run. No engine runs here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError

from anlan.errors import AnlanError, Busy
from infra import stack
from infra.stack import PROJECT_FILE, PlatformStack, StackPlace


@pytest.fixture
def place(tmp_path: Path) -> StackPlace:
    return StackPlace('lab', tmp_path / 'pulumi', tmp_path / 'root')


def checkpoint(place: StackPlace, latest: dict[str, object]) -> None:
    place.checkpoint.parent.mkdir(parents=True)
    place.checkpoint.write_text(json.dumps({'version': 3, 'checkpoint': {'latest': latest}}))


def lock(place: StackPlace, process: int) -> None:
    place.locks.mkdir(parents=True, exist_ok=True)
    (place.locks / 'one.json').write_text(json.dumps({'pid': process, 'hostname': socket.gethostname()}))


def test_a_fresh_place_knows_nothing_and_has_no_leftovers(place: StackPlace) -> None:
    fresh = PlatformStack(place, lambda: None)
    assert not fresh.is_known()
    assert fresh.leftovers() == []


def test_unfinished_operations_and_locks_are_leftovers(place: StackPlace) -> None:
    urn = 'urn:pulumi:lab::anlan::lab:index:Host::app-1'
    checkpoint(place, {'pending_operations': [{'type': 'creating', 'resource': {'urn': urn}}]})
    lock(place, 1)
    assert PlatformStack(place, lambda: None).leftovers() == ['creating app-1', 'lock one']


def test_a_damaged_state_is_said_with_what_to_do(place: StackPlace) -> None:
    place.checkpoint.parent.mkdir(parents=True)
    place.checkpoint.write_text('{"version": 3, "check')
    with pytest.raises(AnlanError, match='imports what exists'):
        PlatformStack(place, lambda: None).leftovers()


def test_a_lock_whose_engine_still_runs_is_not_taken_away(place: StackPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, 'DYING_ENGINE_SECONDS', 0.0)
    engine = place.directory / 'pulumi'
    engine.parent.mkdir(parents=True)
    engine.symlink_to('/bin/sleep')
    process = subprocess.Popen([engine, '60'])
    try:
        while Path(f'/proc/{process.pid}/comm').read_text() != 'pulumi\n':
            time.sleep(0.01)  # until it has become the program
        lock(place, process.pid)
        with pytest.raises(Busy, match=str(process.pid)):
            PlatformStack(place, lambda: None).clear_leftovers()
    finally:
        process.kill()
        process.wait()
    assert stack._living_owner(place.locks / 'one.json') is None


def test_a_lock_of_a_process_that_is_no_engine_is_dead(place: StackPlace) -> None:
    lock(place, os.getpid())
    assert stack._living_owner(place.locks / 'one.json') is None


def test_the_project_file_is_written_beside_the_state_and_finds_the_plugin(place: StackPlace) -> None:
    work = PlatformStack(place, lambda: None)._write_work_directory()
    (plugin,) = yaml.safe_load((work / 'Pulumi.yaml').read_text())['plugins']['providers']
    assert not Path(plugin['path']).is_absolute()
    launcher = (work / plugin['path']).resolve() / 'pulumi-resource-lab'
    assert launcher == PROJECT_FILE.parent / 'lab' / 'bin' / 'pulumi-resource-lab'
    assert os.access(launcher, os.X_OK)


def test_the_passphrase_is_made_once_and_only_its_owner_reads_it(place: StackPlace) -> None:
    place.directory.mkdir()
    first = PlatformStack(place, lambda: None)._environment()
    file = Path(first['PULUMI_CONFIG_PASSPHRASE_FILE'])
    made = file.read_text()
    assert len(made) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    PlatformStack(place, lambda: None)._environment()
    assert file.read_text() == made
    assert made not in first.values()


def test_a_passphrase_of_the_users_own_environment_does_not_win(
    place: StackPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.directory.mkdir()
    monkeypatch.setenv('PULUMI_CONFIG_PASSPHRASE', 'of another project')
    environment = PlatformStack(place, lambda: None)._environment()
    assert environment['PULUMI_CONFIG_PASSPHRASE'] == (place.directory / 'passphrase').read_text()


def test_backends_are_named_as_pulumi_names_them(place: StackPlace) -> None:
    assert place.backend_url == f'file://{place.directory}/state'
    shared = StackPlace('lab', place.directory, place.pulumi_root, 's3://bucket?region=x')
    assert not shared.is_local
    assert shared.backend_url == 's3://bucket?region=x'


def test_a_failed_command_is_told_by_its_reasons_alone() -> None:
    result = CommandResult(stdout='a long\noutput', stderr='error: get stack: something is wrong', code=1)
    assert str(stack._explained(CommandError(result), [])) == 'get stack: something is wrong'
    assert str(stack._explained(CommandError(result), ['a', 'b', 'a'])) == 'a; b'
    assert 'Put the file `passphrase` back' in str(stack._explained(CommandError(result), ['incorrect passphrase']))


def test_a_missing_cli_is_said(place: StackPlace) -> None:
    with pytest.raises(AnlanError, match='cannot be used'):
        PlatformStack(place, lambda: None).plan()
