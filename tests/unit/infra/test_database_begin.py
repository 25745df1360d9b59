"""From what a database begins: its copy, nothing, or not at all."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
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
    (tmp_path / 'offsite.conf').touch()
    for name, file in {
        'SETTINGS': 'offsite.conf',
        'TAIL': 'tail',
        'MARK': 'mark',
        'DESPITE': 'despite',
        'REPLICA': 'replica',
        'REASON': 'reason',
    }.items():
        monkeypatch.setattr(module, name, tmp_path / file)
    return module


def answering(module: Any, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, str]) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []
    left = list(answers)

    def pgbackrest(stanza: str, *words: str, seconds: float) -> tuple[int, str]:
        asked.append((stanza, *words))
        return left.pop(0)

    monkeypatch.setattr(module, 'pgbackrest', pgbackrest)
    return asked


def test_a_rebuild_begins_from_the_copy_and_notes_that_it_has_begun(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.TAIL.mkdir()
    asked = answering(program, monkeypatch, (0, json.dumps(WHOLE)), (0, ''))
    program.begin('test', '/data')
    assert [words[-1] for words in asked] == ['info', 'restore']
    assert any('restore_command' in word for word in asked[1])
    assert json.loads(program.MARK.read_text(encoding='utf-8'))['folder'] == '/data'


def refused(program: Any, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        program.begin('test', '/data')
    assert said in program.REASON.read_text(encoding='utf-8')
    assert not program.MARK.exists()


def test_without_a_rebuild_nothing_begins_in_place_of_a_copy(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(program, monkeypatch, (0, json.dumps(WHOLE)))
    refused(program, 'anlan backup rebuild')
    assert len(asked) == 1


@pytest.mark.parametrize('found', [[], [{'status': {'code': 1}}], [{'status': {'code': 2}}]])
def test_where_there_never_was_a_copy_it_begins_empty_and_a_rebuild_does_not(
    program: Any, monkeypatch: pytest.MonkeyPatch, found: list[Any], tmp_path: Path
) -> None:
    monkeypatch.setattr(program, 'INITDB', ('true',))
    answering(program, monkeypatch, (0, json.dumps(found)), (0, json.dumps(found)))
    with pytest.raises(SystemExit) as ended:
        program.begin('test', '/data')
    assert ended.value.code == 0
    program.MARK.unlink()
    program.TAIL.mkdir()
    refused(program, 'no copy')


def test_where_the_other_site_has_a_replica_and_no_copy_it_does_not_begin_empty(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, 'INITDB', ('true',))
    program.REPLICA.touch()
    answering(program, monkeypatch, (0, '[]'))
    refused(program, 'anlan backup rewind')


@pytest.mark.parametrize(
    'answer',
    [
        (1, 'ERROR: [101]: unable to connect'),
        (124, 'did not end within 120 s'),
        (0, json.dumps([{'status': {'code': 99, 'message': 'other'}, 'repo': [{'status': {'message': 'no answer'}}]}])),
        (0, json.dumps([{'status': {'code': 5, 'message': 'database mismatch'}}])),
        (0, ''),
        (0, 'null'),
        (0, '[{}]'),
    ],
)
def test_where_that_is_not_known_nothing_is_begun(
    program: Any, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str]
) -> None:
    answering(program, monkeypatch, answer)
    refused(program, 'the copies in the other site')


def test_a_copy_that_is_not_restored_leaves_no_empty_database(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program.TAIL.mkdir()
    answering(program, monkeypatch, (0, json.dumps(WHOLE)), (82, 'ERROR: checksum'))
    with pytest.raises(SystemExit, match='was not restored'):
        program.begin('test', '/data')
    # What the restore left half done is known by it.
    assert program.MARK.exists()


@pytest.mark.parametrize(
    ('newest', 'tail', 'lacking'),
    [
        ('0000000100000000000000FE', ('0000000100000000000000FF', '000000010000000100000000'), 0),
        ('0000000100000000000000FE', ('0000000100000000000000FC', '0000000100000000000000FD'), 0),
        ('0000000100000000000000FE', ('000000010000000100000001',), 2),
        ('0000000100000000000000FE', ('00000002.history',), 0),
        ('000000010000000000000005', ('000000010000000000000006', '000000010000000000000009'), 2),
    ],
)
def test_pieces_between_the_copies_and_what_was_brought_are_missed(
    program: Any, monkeypatch: pytest.MonkeyPatch, newest: str, tail: tuple[str, ...], lacking: int
) -> None:
    older = {'max': '0000000100000009000000FF', 'database': {'id': 1}}
    found = [WHOLE[0] | {'db': [{'id': 1}, {'id': 2}], 'archive': [older, {'max': newest, 'database': {'id': 2}}]}]
    assert program.missing(found[0], tail) == lacking
    if lacking:
        program.TAIL.mkdir()
        for name in tail:
            (program.TAIL / name).touch()
        answering(program, monkeypatch, (0, json.dumps(found)))
        refused(program, '2 pieces of the log are missing')


BACKED_UP = WHOLE[0] | {
    'db': [{'id': 1}, {'id': 2}],
    'archive': [{'id': '17-1', 'max': '0' * 24, 'database': {'id': 1}},
                {'id': '17-2', 'max': '000000010000000000000009', 'database': {'id': 2}}],
    'backup': [{'archive': {'start': '000000010000000000000002'}}, {'archive': {'start': '000000010000000000000006'}}],
}  # fmt: skip


def listed(*numbers: int, timeline: int = 1) -> dict[str, dict[str, str]]:
    folder = f'{timeline:08X}00000000'
    return {f'{folder}/{timeline:08X}00000000{number:08X}-{"ab" * 20}.zst': {'type': 'file'} for number in numbers}


@pytest.mark.parametrize(
    ('pieces', 'tail', 'lost'),
    [
        (listed(2, 4, 6, 7, 8, 9), (), None),
        (listed(6, 7) | listed(8, 9, timeline=2), (), None),
        (listed(6, 7, 9), (8,), None),
        (listed(6, 7, 9), (), 8),
        (listed(7, 8, 9), (), 6),
        (listed(6, 7, 9) | {'x/000000010000000000000008.partial-ab.zst': {}}, (), 8),
        (listed(6, 7, 9) | {'x/000000010000000000000008.00000028.backup': {}}, (), 8),
    ],
)
def test_a_log_with_a_hole_is_refused_unless_somebody_says_so(
    program: Any, monkeypatch: pytest.MonkeyPatch, pieces: dict[str, Any], tail: tuple[int, ...], lost: int | None
) -> None:
    program.TAIL.mkdir()
    for number in tail:
        (program.TAIL / f'0000000100000000{number:08X}').touch()
    answers = ((0, json.dumps([BACKED_UP])), (0, json.dumps(pieces)))
    asked = answering(program, monkeypatch, *answers, (0, ''))
    if lost is not None:
        refused(program, f'a hole at 0000000100000000{lost:08X}')
        program.DESPITE.touch()
        asked = answering(program, monkeypatch, answers[0], (0, ''))
    program.begin('test', '/data')
    assert asked[-1][-1] == 'restore'
    if lost is None:
        assert asked[1][-1] == 'archive/test/17-2'


@pytest.mark.parametrize('answer', [(103, 'ERROR: no answer'), (0, 'nothing')])
def test_a_log_that_cannot_be_listed_is_not_taken_for_whole(
    program: Any, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str]
) -> None:
    program.TAIL.mkdir()
    answering(program, monkeypatch, (0, json.dumps([BACKED_UP])), answer)
    refused(program, 'cannot be listed')


def test_when_it_has_begun_what_was_brought_comes_to_the_copies_but_for_the_piece_that_is_not_full(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.TAIL.mkdir()
    program.MARK.touch()
    for name in (PIECE, '000000010000000000000008', '00000002.history'):
        (program.TAIL / name).touch()
    monkeypatch.setattr(program, 'cluster', lambda: ('test', None))
    asked = answering(program, monkeypatch, (0, ''))
    program.done()
    assert [(words[0], *words[-2:]) for words in asked] == [('test', 'archive-push', str(program.TAIL / PIECE))]
    assert not program.MARK.exists()


@pytest.mark.parametrize(('initialized', 'runs', 'stays'), [('', False, False), ('771', False, True), ('', True, True)])
def test_a_beginning_that_was_cut_off_begins_anew_and_one_that_has_begun_is_left_alone(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, initialized: str, runs: bool, stays: bool
) -> None:
    folder = tmp_path / 'data'
    folder.mkdir()
    (folder / 'PG_VERSION').touch()
    program.MARK.write_text(json.dumps({'folder': str(folder), 'process': 2**22 + 1}), encoding='utf-8')
    asked: list[tuple[str, ...]] = []

    def etcdctl(way: Any, *words: str) -> str:
        asked.append(words)
        return initialized

    monkeypatch.setattr(program, 'cluster', lambda: ('test', ([], '/anlan/test/initialize')))
    monkeypatch.setattr(program, 'etcdctl', etcdctl)
    monkeypatch.setattr(program, 'runs', lambda _: runs)
    program.mend()
    assert folder.exists() is stays
    assert (('del', '/anlan/test/initialize') in asked) is not stays
    assert program.MARK.exists() is runs


def test_without_a_word_of_etcd_nothing_is_removed(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program.MARK.write_text(json.dumps({'folder': str(tmp_path / 'data'), 'process': 1}), encoding='utf-8')
    (tmp_path / 'data').mkdir()
    monkeypatch.setattr(program, 'cluster', lambda: ('test', (['false'], '/key')))
    with pytest.raises(SystemExit, match='etcd does not say'):
        program.mend()
    assert (tmp_path / 'data').exists()


def test_a_piece_that_the_copies_lack_comes_from_the_replica(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program.TAIL.mkdir()
    (program.TAIL / PIECE).write_bytes(b'log')
    answering(program, monkeypatch, (1, ''))
    assert program.fetch('test', PIECE, str(tmp_path / 'target')) == 0
    assert (tmp_path / 'target').read_bytes() == b'log'


@pytest.mark.parametrize(('answer', 'code'), [((1, ''), 1), ((103, 'ERROR'), 129), ((124, 'late'), 129)])
def test_a_piece_that_nobody_has_ends_the_log_and_one_that_cannot_be_asked_for_stops_it(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: tuple[int, str], code: int
) -> None:
    monkeypatch.setattr(program, 'FETCH_SECONDS', -1)
    answering(program, monkeypatch, answer)
    assert program.fetch('test', PIECE, str(tmp_path / 'target')) == code
    assert not (tmp_path / 'target').exists()


def test_a_program_that_is_too_slow_says_not_that_nobody_has_the_piece(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(argv: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(argv, 1)

    monkeypatch.setattr(program.subprocess, 'run', late)
    assert program.pgbackrest('test', 'archive-get', seconds=1)[0] == 124


def test_whatever_else_goes_wrong_stops_the_log_too(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError('no space left')

    monkeypatch.setattr(program, 'fetch', full)
    monkeypatch.setattr(program.sys, 'argv', ['database-begin', 'fetch', 'test', PIECE, '/x'])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 129
