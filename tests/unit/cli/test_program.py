"""The program as a whole: help, options, exit codes, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from anlan import __version__
from anlan.cli.app import app
from anlan.paths import ROOT
from tests.unit.cli.conftest import Anlan

SAY_NOTHING = {'ssh', 'platform schema', 'down', 'cdn rotate-key'}
"""They report nothing of their own: a session, JSON in any case, a removal, and a key that nobody may see."""

CHANGE_SOMETHING = {
    'up', 'down', 'release build', 'release deploy', 'release rollback', 'block add', 'block remove', 'cdn purge',
    'cdn warm', 'cdn rotate-key', 'harden', 'secret rotate', 'audit mutate', 'backup rebuild',
    'backup restore', 'backup rewind',
}  # fmt: skip


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Given a group, return every command below it by its words."""
    for name, command in group.commands.items():
        if hasattr(command, 'commands'):
            yield from commands(command, (*path, name))
        else:
            yield ' '.join((*path, name)), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


def test_every_command_is_there() -> None:
    assert {
        'plan', 'up', 'down', 'drift', 'recover', 'status', 'reach', 'ssh', 'platform check', 'platform schema',
        'platform show', 'release build', 'release show', 'release deploy', 'release rollback', 'block list',
        'block add', 'block remove', 'cdn show',
        'evidence list', 'evidence show', 'evidence verify', 'evidence pack', 'cdn purge', 'cdn warm',
        'cdn rotate-key', 'events', 'clause list', 'clause show', 'clause coverage', 'audit run',
        'audit replay', 'audit checks', 'audit mutate',
        'harden', 'canary', 'secret list', 'secret rotate', 'backup plan', 'backup status', 'backup run', 'backup list',
        'backup verify', 'backup drill', 'backup restore', 'backup report', 'backup kit', 'backup rebuild',
        'backup rewind',
    } <= set(COMMANDS)  # fmt: skip


@pytest.mark.parametrize('name', COMMANDS)
def test_the_help_of_every_command_says_what_it_does_and_its_exit_codes(anlan: Anlan, name: str) -> None:
    ended = anlan(*name.split(), '--help')
    assert ended.code == 0
    text = ' '.join(ended.out.split())
    assert 'Exit codes: 0 ' in text
    assert COMMANDS[name].help
    assert COMMANDS[name].help.split('\n')[0][:40] in text


@pytest.mark.parametrize('name', sorted(set(COMMANDS) - SAY_NOTHING))
def test_every_command_that_reports_has_json(name: str) -> None:
    assert {'--json', '--format'} & options(name)


@pytest.mark.parametrize('name', sorted(CHANGE_SOMETHING))
def test_every_command_that_changes_something_has_a_dry_run(name: str) -> None:
    assert '--dry-run' in options(name)


def test_every_command_of_a_platform_takes_its_file() -> None:
    others = {'platform check', 'platform schema', 'platform show', 'release build'}
    # Clauses are the same for every platform.
    for name in set(COMMANDS) - others - {'clause list', 'clause show', 'clause coverage', 'audit checks'}:
        assert {'--platform', '-p'} <= options(name), name


def test_every_option_is_described() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            assert getattr(parameter, 'help', None), f'{name} {parameter.name}'


@pytest.mark.parametrize(
    'arguments', [['nonsense'], ['platform', 'nonsense'], ['plan', '--nonsense'], ['ssh'], ['up', 'too', 'much']]
)
def test_what_is_no_command_is_bad_input(anlan: Anlan, arguments: list[str]) -> None:
    ended = anlan(*arguments)
    assert ended.code == 2
    assert ended.err
    assert 'Traceback' not in ended.err


@pytest.mark.parametrize('arguments', [[], ['platform'], ['release']])
def test_a_group_without_a_command_shows_its_help(anlan: Anlan, arguments: list[str]) -> None:
    ended = anlan(*arguments)
    assert 'Usage: anlan' in ended.out + ended.err


def test_the_version_is_printed(anlan: Anlan) -> None:
    ended = anlan('--version')
    assert (ended.code, ended.out) == (0, f'anlan {__version__}\n')


def test_an_interrupted_command_says_so_and_ends_with_130(
    anlan: Anlan, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr('anlan.cli.status.check_status', interrupt)
    ended = anlan('status', '-p', sample)
    assert ended.code == 130
    assert 'interrupted; run the same command again' in ended.said


def test_the_program_itself_ends_with_one_sentence_and_its_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'anlan.cli', 'status', '-p', str(ROOT / 'infra' / 'platforms' / 'lab.yaml')],
        cwd=ROOT,
        env=os.environ | {'ANLAN_VAR': str(tmp_path), 'COLUMNS': '200'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'anlan: platform lab does not stand; bring it up with `anlan up`' in done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stdout == ''
    assert list(tmp_path.iterdir()) == []
