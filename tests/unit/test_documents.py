"""The documents: whole, in both languages, and about commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from anlan.cli.app import app
from anlan.paths import ROOT

DOCUMENTS = [
    'README.md', 'README.zh.md', 'CHANGELOG.md', 'docs/design.md', 'docs/boundary.md', 'docs/boundary.zh.md',
    'docs/hardening.md', 'docs/hardening.zh.md',
]  # fmt: skip

PROGRAM: Any = typer.main.get_command(app)


@pytest.mark.parametrize('name', DOCUMENTS)
def test_no_placeholder_is_left_and_every_linked_file_is_there(name: str) -> None:
    file = ROOT / name
    text = file.read_text(encoding='utf-8')
    assert not re.search(r'@[A-Z_]+@|@@', text)
    for target in re.findall(r'\]\(([^)#:]+)\)', text):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize('name', ['README.md', 'README.zh.md'])
def test_every_command_that_is_named_exists(name: str) -> None:
    commands = set(PROGRAM.commands)
    named = set(re.findall(r'`anlan ([a-z]+)', (ROOT / name).read_text(encoding='utf-8')))
    assert named
    assert named <= commands


def wrong_words(span: str) -> list[str]:
    """Given what stands between backticks, beginning with `anlan`, return commands and options that there are not."""
    command, wrong = PROGRAM, []
    for word in span.split()[1:]:
        if word == '--':
            break
        if word.startswith('--'):
            known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            wrong += [] if word.rstrip(',') in known | {'--help'} else [f'{command.name}: {word}']
        elif commands := getattr(command, 'commands', None):
            if word not in commands:
                return [*wrong, f'{command.name}: {word}']
            command = commands[word]
    return wrong


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_subcommand_and_option_that_is_named_exists(name: str) -> None:
    spans = re.findall(r'`(anlan [^`]+)`', (ROOT / name).read_text(encoding='utf-8'))
    assert spans
    assert [wrong for span in spans for wrong in wrong_words(span)] == []


def test_a_command_that_is_not_there_is_found() -> None:
    assert wrong_words('anlan audit sing --host db-1') == ['audit: sing']
    assert wrong_words('anlan harden --aply') == ['harden: --aply']
    assert wrong_words('anlan ssh db-1 -- sudo id --nothing') == []


def test_both_languages_have_the_same_parts() -> None:
    def shape(name: str) -> list[int]:
        text = (ROOT / name).read_text(encoding='utf-8')
        return [text.count(mark) for mark in ('\n## ', '```', '\n| ', '\n- ')]

    assert shape('README.md') == shape('README.zh.md')


def test_every_folder_of_ours_says_what_it_is() -> None:
    for folder in ('anlan', 'infra', 'playbooks', 'app_stack', 'monitoring', 'benchmarks', 'tests'):
        assert Path(ROOT / folder / 'README.md').is_file(), folder
