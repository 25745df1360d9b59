"""The documents: whole, in both languages, and about commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from anlan.cli.app import app
from anlan.paths import ROOT

DOCUMENTS = ['README.md', 'README.zh.md', 'CHANGELOG.md', 'docs/design.md', 'docs/boundary.md', 'docs/boundary.zh.md']


@pytest.mark.parametrize('name', DOCUMENTS)
def test_no_placeholder_is_left_and_every_linked_file_is_there(name: str) -> None:
    file = ROOT / name
    text = file.read_text(encoding='utf-8')
    assert not re.search(r'@[A-Z_]+@', text)
    for target in re.findall(r'\]\(([^)#:]+)\)', text):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize('name', ['README.md', 'README.zh.md'])
def test_every_command_that_is_named_exists(name: str) -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r'`anlan ([a-z]+)', (ROOT / name).read_text(encoding='utf-8')))
    assert named
    assert named <= commands


def test_both_languages_have_the_same_parts() -> None:
    def shape(name: str) -> list[int]:
        text = (ROOT / name).read_text(encoding='utf-8')
        return [text.count(mark) for mark in ('\n## ', '```', '\n| ', '\n- ')]

    assert shape('README.md') == shape('README.zh.md')


def test_every_folder_of_ours_says_what_it_is() -> None:
    for folder in ('anlan', 'infra', 'playbooks', 'app_stack', 'monitoring', 'benchmarks', 'tests'):
        assert Path(ROOT / folder / 'README.md').is_file(), folder
