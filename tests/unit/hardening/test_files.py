"""The module that holds a list of files: what it writes, what it refuses, and when the guard is asked."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from anlan.paths import ROOT


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / 'playbooks' / 'plugins' / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Held:
    """A folder, and a guard and a command that write down when they are asked, and how the files were then."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module = load('modules/anlan_files.py')
        self.folder, self.container = folder, False
        self.state = folder / 'state'
        (self.state / 'pending').mkdir(parents=True)
        self.noted = folder / 'noted'
        (folder / 'etc').mkdir()
        self.program('guard', f'ls {folder}/etc | tr "\\n" " " >> {self.noted}; echo "guard $*" >> {self.noted}')
        self.program('reload', f'echo "reload $*" >> {self.noted}')
        monkeypatch.setattr(self.module, 'UNLOADED', str(folder / 'unloaded.json'))
        exists = os.path.exists
        monkeypatch.setattr(
            self.module.os.path,
            'exists',
            lambda path: self.container if path == '/run/systemd/container' else exists(path),
        )
        self.owner = {'owner': os.environ.get('USER', 'root'), 'group': 'root'}

    def program(self, name: str, script: str) -> None:
        file = self.folder / name
        file.write_text(f'#!/bin/sh\n{script}\n', encoding='utf-8')
        file.chmod(0o755)

    def file(self, name: str, text: str = '', **others: Any) -> dict[str, Any]:
        content = base64.b64encode(text.encode()).decode()
        return {'path': str(self.folder / 'etc' / name), 'content': content, **self.owner, **others}

    def hold(self, *files: dict[str, Any], check: bool = False, run_all: bool = False, guard: bool = True) -> Any:
        asked = {
            'program': str(self.folder / 'guard'), 'state': str(self.state), 'seconds': 60, 'token': 'abc',
            'trees': [str(self.folder / 'etc/ssh')],
        }  # fmt: skip
        commands = {
            'ssh': {'check': [[str(self.folder / 'reload'), 'check']], 'run': [[str(self.folder / 'reload'), 'ssh']]}
        }
        parameters = {
            'files': list(files), 'commands': commands, 'run_all': run_all, 'guard': asked if guard else None,
        }  # fmt: skip
        return self.module.hold(SimpleNamespace(params=parameters, check_mode=check, _diff=True))

    def notes(self) -> list[str]:
        return self.noted.read_text(encoding='utf-8').splitlines() if self.noted.exists() else []

    def text(self, name: str) -> str:
        return (self.folder / 'etc' / name).read_text(encoding='utf-8')


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(tmp_path, monkeypatch)


def test_a_second_time_nothing_changes(held: Held) -> None:
    files = (
        held.file('a', 'one\n', mode='0600'),
        held.file('link', state='link', target='a'),
        held.file('folder', state='directory', mode='0700'),
        held.file('gone', state='absent'),
    )
    first = held.hold(*files)
    assert [line.rpartition('/')[2] for line in first['files']] == [
        'a is missing',
        'link is missing',
        'folder is missing',
    ]
    assert (held.text('a'), (held.folder / 'etc/a').stat().st_mode & 0o777) == ('one\n', 0o600)
    assert held.hold(*files)['changed'] is False


def test_only_what_differs_is_written_and_only_its_command_runs(held: Held) -> None:
    files = [held.file('a', 'one\n'), held.file('b', 'two\n', then=['ssh'])]
    held.hold(*files)
    held.noted.unlink()
    before = (held.folder / 'etc/b').stat().st_ino
    files[0] = held.file('a', 'new\n')
    result = held.hold(*files)
    assert result['files'] == [f'{held.folder}/etc/a has another content']
    assert (held.folder / 'etc/b').stat().st_ino == before
    assert held.notes() == []


def test_a_wrong_mode_is_mended(held: Held) -> None:
    held.hold(held.file('a', 'one\n', mode='0600'))
    (held.folder / 'etc/a').chmod(0o644)
    assert held.hold(held.file('a', 'one\n', mode='0600'))['files'] == [f'{held.folder}/etc/a has the mode 0644']
    assert (held.folder / 'etc/a').stat().st_mode & 0o777 == 0o600


def test_a_check_says_what_would_change_and_changes_nothing(held: Held) -> None:
    result = held.hold(held.file('ssh/a', 'one\n', then=['ssh']), check=True)
    assert (result['changed'], result['armed']) == (True, False)
    assert result['diff'][0]['after'] == 'one\n'
    assert not (held.folder / 'etc/ssh').exists()
    assert held.notes() == []


def test_the_guard_is_armed_before_the_first_file_is_written(held: Held) -> None:
    result = held.hold(held.file('other', 'x\n'), held.file('ssh/a', 'one\n', then=['ssh']))
    assert result['armed'] is True
    assert held.notes() == ['guard arm --seconds 60 --token abc', 'reload check', 'reload ssh']


def test_what_cannot_lock_us_out_is_not_guarded(held: Held) -> None:
    assert held.hold(held.file('other', 'x\n'))['armed'] is False
    assert held.hold(held.file('sshd', 'a neighbour by name\n'))['armed'] is False


def test_without_a_guard_that_arms_nothing_is_written(held: Held) -> None:
    held.program('guard', 'echo the disk is full >&2; exit 1')
    with pytest.raises(held.module.Failure, match='the disk is full'):
        held.hold(held.file('ssh/a', 'one\n'), held.file('other', 'x\n'))
    assert list((held.folder / 'etc').rglob('*')) == []


def test_one_file_that_is_refused_keeps_all_from_being_written(held: Held) -> None:
    held.program('judge', 'grep -q good "$1" || { echo not good >&2; exit 1; }')
    files = (held.file('a', 'x\n'), held.file('b', 'bad\n', validate=[str(held.folder / 'judge'), '%s']))
    with pytest.raises(held.module.Failure, match='b is refused and nothing was written'):
        held.hold(*files)
    assert list((held.folder / 'etc').rglob('*')) == []


def test_what_does_not_hold_after_the_writing_is_put_back_at_once(held: Held) -> None:
    held.program('reload', 'echo line 3 >&2; exit 1')
    with pytest.raises(held.module.Failure, match='line 3; the old state is back'):
        held.hold(held.file('ssh/a', 'one\n', then=['ssh']))
    assert held.notes()[-1].endswith('guard revert')


def test_a_change_that_an_earlier_run_left_armed_is_armed_again_and_confirmed(held: Held) -> None:
    held.hold(held.file('ssh/a', 'one\n'))
    (held.state / 'pending/armed.json').write_text('{}', encoding='utf-8')
    result = held.hold(held.file('ssh/a', 'one\n'))
    assert (result['changed'], result['armed'], result['files']) == (True, True, [])


def test_a_run_that_was_cut_off_before_its_command_has_the_next_one_run_it(held: Held) -> None:
    held.program('reload', 'exit 1')
    with pytest.raises(held.module.Failure):
        held.hold(held.file('a', 'one\n', then=['ssh']))
    assert json.loads((held.folder / 'unloaded.json').read_text()) == ['ssh']
    held.program('reload', f'echo "reload $*" >> {held.noted}')
    assert held.hold(held.file('a', 'one\n', then=['ssh']))['commands'] == ['ssh']
    assert held.notes() == ['reload check', 'reload ssh']
    assert held.hold(held.file('a', 'one\n', then=['ssh']))['changed'] is False


def test_after_an_unfinished_run_every_command_runs(held: Held) -> None:
    held.hold(held.file('a', 'one\n'))
    assert held.hold(held.file('a', 'one\n'), run_all=True)['commands'] == ['ssh']


def test_in_a_container_what_is_of_the_machine_is_left_out_and_listed(held: Held) -> None:
    file = held.file('rules', 'x\n', where='machine')
    held.container = True
    result = held.hold(file)
    assert (result['changed'], result['left_out']) == (False, [file['path']])
    held.container = False
    assert held.hold(file)['changed'] is True


def test_a_folder_is_never_removed(held: Held) -> None:
    (held.folder / 'etc/kept').mkdir()
    with pytest.raises(held.module.Failure, match='it is not removed'):
        held.hold(held.file('kept', state='absent'))


class TestConfirming:
    """The log-in by which the controller confirms, with a stand-in for ssh."""

    @pytest.fixture
    def confirm(self) -> Any:
        return load('action/anlan_files.py').confirm

    @pytest.fixture
    def ssh(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        def stand_in(script: str) -> list[str]:
            file = tmp_path / 'ssh'
            file.write_text(f'#!/bin/sh\n{script}\n', encoding='utf-8')
            file.chmod(0o755)
            return [str(file), 'db-1']

        return stand_in

    def test_a_log_in_confirms_with_the_token(self, confirm: Any, ssh: Any, tmp_path: Path) -> None:
        assert confirm(ssh(f'echo "$*" > {tmp_path}/said'), 'abc', time.monotonic() + 10) is None
        said = (tmp_path / 'said').read_text()
        assert said == 'db-1 sudo -n /usr/local/lib/anlan/guard confirm abc\n'

    def test_a_log_in_that_fails_once_is_tried_again(self, confirm: Any, ssh: Any, tmp_path: Path) -> None:
        log_in = ssh(f'[ -e {tmp_path}/once ] && exit 0; touch {tmp_path}/once; exit 255')
        assert confirm(log_in, 'abc', time.monotonic() + 10) is None

    def test_a_log_in_that_never_comes_through_is_said_with_its_reason(self, confirm: Any, ssh: Any) -> None:
        assert confirm(ssh('echo Permission denied >&2; exit 255'), 'abc', time.monotonic() + 1) == 'Permission denied'

    def test_a_change_that_the_host_has_undone_already_is_not_asked_for_again(self, confirm: Any, ssh: Any) -> None:
        started = time.monotonic()
        assert confirm(ssh('echo no change is armed >&2; exit 3'), 'abc', started + 60) == 'no change is armed'
        assert time.monotonic() - started < 2
