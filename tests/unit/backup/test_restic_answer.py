"""restic's JSON as plain data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from backup.engines.restic_answer import (
    document,
    forgotten_of,
    freed_bytes_of,
    keep_words,
    moment,
    progress_of,
    snapshots_of,
)
from backup.port import Retention

LISTED = {
    'time': '2026-11-26T02:15:24.189507474Z', 'parent': 'cab5', 'tree': '56d3', 'paths': ['/srv/media'],
    'hostname': 'app-1', 'username': 'root', 'tags': ['policy=media', 'canary=7f3a', 'plain'], 'id': 'd26fe350',
    'summary': {
        'backup_start': '2026-11-26T02:15:24.189507474Z', 'backup_end': '2026-11-26T02:15:24.854604658Z',
        'total_files_processed': 2, 'total_bytes_processed': 3000003,
    },
}  # fmt: skip


def test_a_snapshot_has_what_its_summary_says() -> None:
    (found,) = snapshots_of(json.dumps([LISTED]))
    assert (found.identity, found.policy, found.host, found.parent) == ('d26fe350', 'media', 'app-1', 'cab5')
    assert (found.source_bytes, found.files, found.paths) == (3000003, 2, ('/srv/media',))
    assert found.tags == {'canary': '7f3a', 'plain': ''}
    assert found.started == datetime(2026, 11, 26, 2, 15, 24, 189507, UTC)
    assert found.ended - found.started == timedelta(microseconds=665097)


def test_a_snapshot_of_an_old_restic_has_no_sizes_and_none_at_all_is_none() -> None:
    (found,) = snapshots_of(json.dumps([{name: LISTED[name] for name in ('time', 'id')}]))
    assert (found.policy, found.source_bytes, found.started) == ('', 0, found.ended)
    assert snapshots_of('[]') == snapshots_of('null') == ()


@pytest.mark.parametrize('text', ['{', '[{}]', '[3]', '[{"id": "a", "time": "yesterday"}]'])
def test_a_list_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r'snapshots|time|line 1'):
        snapshots_of(text)


def test_snapshots_are_from_old_to_new() -> None:
    older = LISTED | {'id': 'aaaa', 'summary': None, 'time': '2026-11-25T23:15:24+08:00'}
    assert [each.identity for each in snapshots_of(json.dumps([LISTED, older]))] == ['aaaa', 'd26fe350']


@pytest.mark.parametrize(('text', 'microsecond'), [
    ('2026-11-26T02:15:24Z', 0), ('2026-11-26T02:15:24.5Z', 500000), ('2026-11-26T02:15:24.123456789Z', 123456),
    ('2026-11-26T10:15:24.1+08:00', 100000),
])  # fmt: skip
def test_a_time_is_in_utc_whatever_its_fraction_and_zone(text: str, microsecond: int) -> None:
    assert moment(text) == datetime(2026, 11, 26, 2, 15, 24, microsecond, UTC)


def test_progress_of_a_backup_and_of_a_restore() -> None:
    backup = progress_of({'files_done': 1, 'total_files': 2, 'bytes_done': 10, 'total_bytes': 40}, 2.0)
    assert (backup.files, backup.done_bytes, backup.bytes_per_second, backup.remaining_seconds) == (1, 10, 5.0, 6.0)
    restore = progress_of({'files_restored': 1, 'bytes_restored': 10}, 2.0)
    assert (restore.files, restore.total_bytes, restore.remaining_seconds) == (1, 0, None)


def test_the_newest_is_kept_whatever_the_retention_says() -> None:
    assert keep_words(Retention(daily=7)) == ['--keep-last', '1', '--keep-daily', '7']
    assert keep_words(Retention(last=3, within_days=180)) == ['--keep-last', '3', '--keep-within', '180d']


def test_what_was_forgotten_and_freed() -> None:
    text = json.dumps([{'keep': [{'id': 'b'}], 'remove': [{'id': 'a'}]}, {'keep': [{'id': 'c'}], 'remove': None}])
    assert forgotten_of(f'said before\n{text}\n', 5).removed == ('a',)
    assert forgotten_of(text, 5).kept == ('b', 'c')
    assert forgotten_of('', 0).kept == ()
    assert freed_bytes_of('total prune:      12 blobs / 1.500 MiB\n') == 1572864
    assert freed_bytes_of('done') == 0


def test_a_line_that_is_no_json_is_nothing() -> None:
    assert document('loading indexes...') == document('[1]') == {}
