"""What docs/hardening.md and docs/hardening.zh.md say is what the code does."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from anlan.cli.rotating import ways
from anlan.paths import ROOT
from anlan.platform import Platform, load_platform
from anlan.platform.hardening import Hardening
from compliance.answer import Answer
from compliance.answers import Answers
from compliance.catalogue import load_catalogue
from compliance.check_list import list_checks
from compliance.judging import judge
from compliance.waivers import parse_waivers

PAGES = {name: (ROOT / 'docs' / name).read_text(encoding='utf-8') for name in ('hardening.md', 'hardening.zh.md')}
KEY = re.compile(r'`(hardening(?:\.[a-z_]+)+)`')
SPELLED = {'none': None, '无': None, 'true': True, 'false': False}
REFUSED = ('refused', '拒绝')


def rows(page: str) -> list[list[str]]:
    """Given a page, return its tables' rows, cell by cell."""
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in page.splitlines() if line.startswith('|')]


def leaves(section: BaseModel, path: str) -> dict[str, Any]:
    """Given a section of the platform file and its path, return its values by their whole path."""
    found: dict[str, Any] = {}
    for name, value in section:
        where = f'{path}.{name}'
        found |= leaves(value, where) if isinstance(value, BaseModel) else {where: value}
    return found


def block(page: str, language: str) -> str:
    """Given a page and a language, return the first block of code in it."""
    found = re.search(rf'```{language}\n(.*?)```', page, re.DOTALL)
    assert found
    return found[1]


def wrong_defaults(page: str) -> list[str]:
    """Given a page, return the parameters whose default it says wrong or leaves out, and those that there are not."""
    values = leaves(Hardening(), 'hardening')
    said = {
        row[0].strip('`'): SPELLED[row[1]] if row[1] in SPELLED else int(row[1])
        for row in rows(page)
        if len(row) == 4 and row[0].startswith('`hardening.')
    }
    told = {name for name, value in values.items() if isinstance(value, list | dict)}
    wrong = {name for name, value in values.items() if name not in told and (name not in said or said[name] != value)}
    return sorted(wrong | set(KEY.findall(page)) - set(values))


def wrong_rotations(page: str) -> list[str]:
    """Given a page, return the secrets whose way it says wrong or leaves out."""
    platform = load_platform(ROOT / 'infra' / 'platforms' / 'lab.yaml')
    said = {row[0].strip('`'): row[1:3] for row in rows(page) if len(row) == 4 and '_' in row[0] and '.' not in row[0]}
    wrong = set(said) ^ set(ways(platform))
    for name, way in ways(platform).items():
        hosts, steps = said.get(name, ['', ''])
        if way.refusal:
            wrong |= {name} if steps not in REFUSED else set()
        elif hosts.split(', ') != list(way.tiers) or steps != ('3' if way.announced else '1'):
            wrong.add(name)
    return sorted(wrong)


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_parameters_are_those_of_the_platform_file(page: str) -> None:
    assert wrong_defaults(page) == []
    days = Platform.model_json_schema()['$defs']['Configuration']['properties']['journal_retention_days']['default']
    assert f'| `configuration.journal_retention_days` | {days} |' in page


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_rotations_are_those_that_the_program_makes(page: str) -> None:
    assert wrong_rotations(page) == []


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_the_waiver_of_the_page_is_one(page: str) -> None:
    waivers = parse_waivers(block(page, 'yaml'), 'page', load_catalogue(), (), date(2026, 11, 25))
    assert [waiver.clause for waiver in waivers] == ['22239-8.1.4.5']


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_the_check_of_the_page_is_one_and_says_no(page: str, tmp_path: Path) -> None:
    (tmp_path / 'test_shells.py').write_text(block(page, 'python'), encoding='utf-8')
    (check,) = list_checks(tmp_path)
    assert f'`{check.name}`' in page
    assert (check.clauses, check.planted) == (('22239-8.1.4.5',), 'host')
    assert [judged(out, tmp_path) for out in ('/usr/bin:/bin\n', '.:/usr/bin\n')] == ['pass', 'fail']


def judged(out: str, folder: Path) -> str:
    """Given what a shell says and the folder with the page's check, return the verdict."""
    command = 'env -i /bin/sh -lc \'echo "$PATH"\''
    outputs = {'hosts': {'ops-1': {'tier': 'operations'}}, 'variables': {'platform': {'name': 'lab'}}}
    answers = Answers({'ops-1': {command: Answer(command, 0, out, '', '2026-11-25T00:00:00+00:00', 0.1)}})
    (result,) = judge(answers, outputs, ['ops-1'], folder=folder).results
    return result.verdict


def test_both_languages_say_the_same() -> None:
    english, chinese = (rows(page) for page in PAGES.values())
    assert [len(row) for row in english] == [len(row) for row in chinese]
    for one, other in zip(english, chinese, strict=True):
        assert sorted(re.findall(r'`[^`]+`|\d+', ' '.join(one))) == sorted(re.findall(r'`[^`]+`|\d+', ' '.join(other)))
    assert len({block(page, 'python') for page in PAGES.values()}) == 1
    assert len({tuple(re.findall(r'^#+', page, re.MULTILINE)) for page in PAGES.values()}) == 1


def test_a_page_that_is_wrong_is_found() -> None:
    page = PAGES['hardening.md']
    assert wrong_defaults(page.replace('attempts` | 5 |', 'attempts` | 6 |')) == ['hardening.lockout.attempts']
    assert wrong_defaults(page + '`hardening.ssh.moon`') == ['hardening.ssh.moon']
    assert wrong_rotations(page.replace('| `valkey_password` | data, app |', '| `valkey_password` | data |')) == [
        'valkey_password'
    ]
    assert wrong_rotations(page.replace('| `journey_password` ', '| `voyage_password` ')) == [
        'journey_password', 'voyage_password',
    ]  # fmt: skip
