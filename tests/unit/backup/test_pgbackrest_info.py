"""What pgBackRest says of its repository, as our data; answers as pgBackRest 2.55 gave them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backup.engines.pgbackrest_info import (
    archived,
    backups_of,
    chain,
    gaps,
    missing,
    number_of,
    segment_of,
)  # fmt: skip
from backup.failure import BackupFailed, ExitClass


def one(label: str, **more: Any) -> dict[str, Any]:
    kind = {'F': 'full', 'I': 'incr'}[label[-1]]
    return {
        'label': label, 'type': kind, 'timestamp': {'start': 1000, 'stop': 1100}, 'prior': None, 'reference': None,
        'archive': {'start': '000000010000000000000003', 'stop': '000000010000000000000004'},
        'lsn': {'start': '0/3000028', 'stop': '0/4000050'}, 'database': {'id': 1, 'repo-key': 1}, 'error': False,
        'info': {'size': 5000, 'delta': 5000, 'repository': {'delta': 700}},
        'annotation': {'policy': 'database', 'source': 'db-2', 'reason': 'replica db-2 is fit'},
    } | more  # fmt: skip


def answer(*backups: dict[str, Any], code: int = 0, message: str = 'ok') -> str:
    return json.dumps([{
        'name': 'sample', 'status': {'code': code, 'message': message}, 'db': [{'id': 1, 'version': '17'}],
        'backup': list(backups), 'repo': [{'key': 1, 'status': {'code': code, 'message': message}}],
    }])  # fmt: skip


def test_a_backup_is_read_with_where_it_came_from() -> None:
    (found,) = backups_of(answer(one('20261126-024536F')))
    snapshot = found.snapshot('db')
    assert (snapshot.identity, snapshot.policy, snapshot.tags['source']) == ('20261126-024536F', 'database', 'db-2')
    assert (found.archive, found.added_bytes, found.source_bytes) == ('17-1', 700, 5000)


def test_backups_come_from_old_to_new() -> None:
    late = one('20261126-030000F', timestamp={'start': 2000, 'stop': 2100})
    assert [each.label for each in backups_of(answer(late, one('20261126-024536F')))][-1] == '20261126-030000F'


@pytest.mark.parametrize(
    ('code', 'message', 'expected'),
    [
        (1, 'missing stanza path', ExitClass.NO_REPOSITORY),
        (3, 'missing stanza data', ExitClass.NO_REPOSITORY),
        (99, '[HostConnectError] unable to connect', ExitClass.UNREACHABLE),
        (99, '[CryptoError] unable to flush', ExitClass.WRONG_PASSWORD),
        (99, '[FormatError] key/value found outside of section', ExitClass.WRONG_PASSWORD),
        (5, 'database mismatch across repos', ExitClass.NO_SOURCE),
    ],
)
def test_a_repository_that_cannot_be_used_says_why_by_its_class(code: int, message: str, expected: ExitClass) -> None:
    with pytest.raises(BackupFailed) as failed:
        backups_of(answer(code=code, message=message))
    assert failed.value.exit_class is expected


def test_no_stanza_at_all_is_no_repository() -> None:
    with pytest.raises(BackupFailed, match='no repository'):
        backups_of('[]')


@pytest.mark.parametrize('text', ['', '{}', '[{"status": {}}]', '[{"status": {"code": 0}, "backup": [{}], "db": []}]'])
def test_an_answer_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BackupFailed):
        backups_of(text)


def test_numbers_of_pieces_go_on_over_the_end_of_a_log() -> None:
    assert number_of('000000020000000100000000') == number_of('0000000100000000000000FF') + 1
    assert segment_of('0/3000028') == 3
    assert segment_of('1/0') == 256


def test_what_is_archived_is_in_order_histories_first() -> None:
    names = {
        '.': {'type': 'path'},
        '0000000100000000/000000010000000000000004-' + 'a' * 40 + '.zst': {'type': 'file'},
        '0000000100000000/000000010000000000000003-' + 'b' * 40 + '.zst': {'type': 'file'},
        '00000002.history': {'type': 'file'}, 'archive.info': {'type': 'file'},
    }  # fmt: skip
    assert archived(json.dumps(names)) == ('00000002.history', '000000010000000000000003', '000000010000000000000004')


def test_a_missing_piece_of_the_log_is_named() -> None:
    (backup,) = backups_of(answer(one('20261126-024536F')))
    assert missing(backup, ['000000010000000000000003', '000000010000000000000004']) == []
    assert missing(backup, ['000000010000000000000003']) == ['000000010000000000000004']


def test_a_gap_after_the_first_backup_is_found_and_one_before_it_is_not() -> None:
    names = [f'0000000100000000000000{number:02X}' for number in (1, 3, 4, 8)]
    assert gaps(names, 3) == ['of the log, 3 pieces between 4 and 8 are missing']
    assert gaps(names[:3], 3) == []


def test_a_backup_whose_full_one_is_gone_is_found() -> None:
    lone = one('20261126-024536F_20261126-024551I', prior='20261126-024536F', reference=['20261126-024536F'])
    backups = backups_of(answer(lone))
    assert '20261126-024536F' in chain(backups[0], backups)
    whole = backups_of(answer(lone, one('20261126-024536F')))
    assert [chain(each, whole) for each in whole] == [[], []]
