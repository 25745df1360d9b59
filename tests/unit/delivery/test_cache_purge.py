"""Purging: what has the tag goes, all else stays, what is damaged is no trap, and nothing found is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.delivery.programs import program

purging = program('cache-purge')


def put(folder: Path, name: str, tags: str | None, key: str = '/media/a/000.ts', body: bytes = b'x' * 100) -> Path:
    file = folder / name[-1] / name[-3:-1] / name
    file.parent.mkdir(parents=True, exist_ok=True)
    head = f'HTTP/1.1 200 OK\r\nServer: nginx\r\n{f"Cache-Tag: {tags}" if tags is not None else "X: y"}\r\n\r\n'
    file.write_bytes(b'\x05' + bytes(335) + f'\nKEY: {key}\n'.encode() + head.encode() + body)
    return file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / 'cache'
    put(folder, 'a' * 32, 'media abc course-one')
    put(folder, 'b' * 32, 'media def course-two')
    put(folder, 'c' * 32, 'static')
    put(folder, 'd' * 32, None)
    return folder


def run(cache: Path, *words: str) -> int:
    code: int = purging.main(list(words), cache, cache.parent / 'history.jsonl')
    return code


def names(cache: Path) -> set[str]:
    return {file.name[0] for file in cache.rglob('*') if file.is_file()}


def test_what_has_the_tag_goes_and_all_else_stays(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cache, '--tag', 'course-one') == 0
    assert names(cache) == {'b', 'c', 'd'}
    counted = json.loads(capsys.readouterr().out)
    assert (counted['looked_at'], counted['removed'], counted['faults']) == (4, 1, [])
    assert counted['removed_bytes'] > 100


def test_a_tag_that_is_part_of_another_is_not_it(cache: Path) -> None:
    assert run(cache, '--tag', 'course') == 4
    assert names(cache) == {'a', 'b', 'c', 'd'}


def test_a_tag_in_the_body_or_in_another_header_is_none(cache: Path) -> None:
    put(cache, 'e' * 32, None, body=b'\r\nCache-Tag: planted\r\n')
    assert run(cache, '--tag', 'planted') == 4


def test_purged_twice_finds_nothing_the_second_time_and_says_so(cache: Path) -> None:
    assert run(cache, '--tag', 'media') == 0
    assert run(cache, '--tag', 'media') == 4
    assert names(cache) == {'c', 'd'}


def test_a_dry_run_counts_and_removes_nothing(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cache, '--tag', 'media', '--dry-run') == 0
    assert json.loads(capsys.readouterr().out)['removed'] == 2
    assert names(cache) == {'a', 'b', 'c', 'd'}
    assert not (cache.parent / 'history.jsonl').exists()


def test_all_takes_what_is_damaged_too_and_a_tag_does_not(cache: Path) -> None:
    (cache / ('f' * 32)).write_bytes(b'\x00' * 10)
    assert run(cache, '--tag', 'static') == 0
    assert 'f' in names(cache)
    assert run(cache, '--all') == 0
    assert names(cache) == set()


def test_what_nginx_writes_now_is_left_alone(cache: Path) -> None:
    (cache / 'aaaa.0000000001').write_bytes(b'half')
    assert run(cache, '--all') == 0
    assert [file.name for file in cache.rglob('*') if file.is_file()] == ['aaaa.0000000001']


def test_a_cache_that_was_never_used_is_empty_and_no_error(tmp_path: Path) -> None:
    assert run(tmp_path / 'absent', '--all') == 4


@pytest.mark.parametrize('tag', ['', 'two words', 'a,b'])
def test_a_tag_is_one_word(cache: Path, tag: str) -> None:
    assert run(cache, '--tag', tag) == 2
    assert names(cache) == {'a', 'b', 'c', 'd'}


def test_purges_are_remembered_and_a_line_cut_off_is_left_out(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cache, '--tag', 'static') == 0
    history = cache.parent / 'history.jsonl'
    history.write_text(history.read_text() + '{"tag": "cut')
    assert run(cache, '--tag', 'static') == 4
    capsys.readouterr()
    assert run(cache, '--history') == 0
    assert [(each['tag'], each['removed']) for each in json.loads(capsys.readouterr().out)] == [
        ('static', 1), ('static', 0),
    ]  # fmt: skip
