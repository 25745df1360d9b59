"""From what a database begins: its copy, nothing, or not at all."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from anlan.paths import ROOT

FILE = ROOT / 'playbooks' / 'roles' / 'database' / 'files' / 'database-begin'
WHOLE = [{'status': {'code': 0, 'message': 'ok'}}]
PIECE = '000000010000000000000007'


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    loader = importlib.machinery.SourceFileLoader('database_begin', str(FILE))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    settings = tmp_path / 'offsite.conf'
    settings.touch()
    monkeypatch.setattr(module, 'SETTINGS', settings)
    monkeypatch.setattr(module, 'TAIL', tmp_path / 'tail')
    return module


def answering(module: Any, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, str]) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []
    left = list(answers)

    def pgbackrest(stanza: str, *words: str, seconds: float) -> tuple[int, str]:
        asked.append((stanza, *words))
        return left.pop(0)

    monkeypatch.setattr(module, 'pgbackrest', pgbackrest)
    return asked


def test_with_a_copy_it_begins_from_it(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(program, monkeypatch, (0, json.dumps(WHOLE)), (0, ''))
    program.begin('test', '/data')
    assert [words[-1] for words in asked] == ['info', 'restore']
    assert any('restore_command' in word for word in asked[1])


@pytest.mark.parametrize('found', [[], [{'status': {'code': 1}}], [{'status': {'code': 2}}]])
def test_where_there_never_was_one_it_begins_empty(
    program: Any, monkeypatch: pytest.MonkeyPatch, found: list[Any]
) -> None:
    answering(program, monkeypatch, (0, json.dumps(found)))
    assert program.copies('test') is False


@pytest.mark.parametrize(
    'answer',
    [
        (1, 'ERROR: [101]: unable to connect'),
        (0, json.dumps([{'status': {'code': 99, 'message': 'other'}, 'repo': [{'status': {'message': 'no answer'}}]}])),
        (0, json.dumps([{'status': {'code': 5, 'message': 'database mismatch'}}])),
    ],
)
def test_where_that_is_not_known_nothing_is_begun(
    program: Any, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str]
) -> None:
    asked = answering(program, monkeypatch, answer)
    with pytest.raises(SystemExit, match='the database is not begun'):
        program.begin('test', '/data')
    assert len(asked) == 1


def test_a_copy_that_is_not_restored_leaves_no_empty_database(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(program, monkeypatch, (0, json.dumps(WHOLE)), (82, 'ERROR: checksum'))
    with pytest.raises(SystemExit, match='was not restored'):
        program.begin('test', '/data')


def test_a_piece_that_the_copies_lack_comes_from_the_replica(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'tail').mkdir()
    (tmp_path / 'tail' / PIECE).write_bytes(b'log')
    answering(program, monkeypatch, (1, ''))
    program.fetch('test', PIECE, str(tmp_path / 'target'))
    assert (tmp_path / 'target').read_bytes() == b'log'


@pytest.mark.parametrize(('answer', 'code'), [((1, ''), 1), ((103, 'ERROR'), 129)])
def test_a_piece_that_nobody_has_ends_the_log_and_one_that_cannot_be_asked_for_stops_it(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: tuple[int, str], code: int
) -> None:
    answering(program, monkeypatch, answer)
    with pytest.raises(SystemExit) as ended:
        program.fetch('test', PIECE, str(tmp_path / 'target'))
    assert ended.value.code == code
    assert not (tmp_path / 'target').exists()
