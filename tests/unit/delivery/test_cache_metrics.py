"""Counting: nginx's datagrams, the disk's mark, and the text that the node exporter reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.delivery.programs import program

metrics = program('cache-metrics')


def test_datagrams_are_counted_by_result() -> None:
    counts = metrics.Counts('edge')
    for line in (b'<190>Nov 25 12:00:00 cache: HIT 100', b'<190>Nov 25 12:00:00 cache: HIT 50', b'cache: MISS 7'):
        counts.take(line)
    assert counts.requests == {'hit': 2, 'miss': 1}
    assert counts.body_bytes == {'hit': 150, 'miss': 7}
    assert counts.not_understood == 0


def test_what_is_no_such_line_is_counted_apart_and_adds_nothing() -> None:
    counts = metrics.Counts('edge')
    for line in (b'', b'\xff\xfe', b'cache: HIT', b'cache: HIT -5', b'cache: PLANTED 5', b'cache: HIT 5 5'):
        counts.take(line)
    assert counts.not_understood == 6
    assert not counts.requests


def test_the_text_has_every_result_from_the_start_and_what_the_disk_says() -> None:
    disk = metrics.Disk(size_bytes=10, files=2, limit_bytes=100, free_bytes=5, reserve_bytes=6)
    text = metrics.exposition(metrics.Counts('shield'), disk, 1000.0)
    assert 'anlan_cache_requests_total{level="shield",result="hit"} 0\n' in text
    assert 'anlan_cache_disk_full{level="shield"} 1\n' in text
    assert 'anlan_cache_updated_timestamp_seconds{level="shield"} 1000.0\n' in text


def test_the_mark_is_there_while_the_disk_is_full(tmp_path: Path) -> None:
    mark = tmp_path / 'full'
    assert metrics.mark(mark, True) and mark.exists()
    assert not metrics.mark(mark, True)
    assert metrics.mark(mark, False) and not mark.exists()


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / 'a/b').mkdir(parents=True)
    (tmp_path / 'a/b/one').write_bytes(b'12345')
    (tmp_path / 'two').write_bytes(b'12')
    assert metrics.measure(tmp_path) == (7, 2)
    assert metrics.measure(tmp_path / 'absent') == (0, 0)


def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(folder: object) -> None:
        raise PermissionError(13, 'Permission denied', str(folder))

    monkeypatch.setattr(metrics.os, 'scandir', refused)
    assert metrics.measure(tmp_path) is None
    disk = metrics.Disk(size_bytes=None, files=None, limit_bytes=100, free_bytes=5, reserve_bytes=6)
    text = metrics.exposition(metrics.Counts('edge'), disk, 1.0)
    assert 'size_bytes' not in text
    assert 'anlan_cache_files' not in text
    assert 'anlan_cache_limit_bytes{level="edge"} 100' in text
