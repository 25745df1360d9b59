"""Purging: what has the tag goes, all else stays, what is damaged is no trap, and nothing found is said."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Timer
from typing import Any

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


@pytest.fixture
def fetching(cache: Path) -> Callable[..., Path]:
    """Give a function that has nginx fetch a file with a tag; it is finished after so many seconds, or never."""

    def fetch(tags: str | None, seconds: float | None = None) -> Path:
        file = put(cache, '9' * 32, tags)
        temporary = file.rename(file.with_name(f'{file.name}.0000000001'))
        if seconds is not None:
            Timer(seconds, temporary.rename, (file,)).start()
        return temporary

    return fetch


def test_what_is_being_fetched_goes_when_it_is_there_and_is_counted(
    cache: Path, fetching: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    fetching('media course-one', 0.3)
    assert run(cache, '--tag', 'course-one') == 0
    assert names(cache) == {'b', 'c', 'd'}
    counted = json.loads(capsys.readouterr().out)
    assert (counted['removed'], counted['removed_late'], counted['faults']) == (2, 1, [])


def test_what_is_finished_while_the_cache_is_read_goes_too(
    cache: Path, fetching: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = fetching('media course-one')
    look, finished = os.walk, temporary.with_suffix('')

    def looking(*words: Any, **named: Any) -> Any:
        listed = list(look(*words, **named))
        # Its folder was listed already: nobody sees its new name.
        if temporary.exists():
            temporary.rename(finished)
        return iter(listed)

    monkeypatch.setattr(os, 'walk', looking)
    assert run(cache, '--tag', 'course-one') == 0
    assert not finished.exists()


def test_a_purge_waits_for_nothing_that_is_not_its_own(cache: Path, fetching: Callable[..., Path]) -> None:
    temporary = fetching('media course-two')
    (cache / 'full.of-nothing').touch()
    started = time.monotonic()
    assert run(cache, '--tag', 'course-one') == 0
    # Left behind by an nginx that was killed.
    old = time.time() - purging.FETCH_SECONDS - 1
    os.utime(temporary, (old, old))
    assert run(cache, '--all') == 0
    assert time.monotonic() - started < 1
    assert {file.name for file in cache.rglob('*') if file.is_file()} == {temporary.name, 'full.of-nothing'}


def test_what_is_fetched_for_too_long_is_left_alone_and_is_a_fault(
    cache: Path, fetching: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(purging, 'SECOND_PASS_SECONDS', 0.2)
    temporary = fetching(None)
    temporary.write_bytes(b'')
    assert run(cache, '--tag', 'course-one') == 1
    assert temporary.exists()
    counted = json.loads(capsys.readouterr().out)
    assert (counted['removed'], counted['removed_late']) == (1, 0)
    assert counted['faults'] == ['1 files are still being fetched, and may keep what was to go']


def test_a_dry_run_waits_for_nothing(cache: Path, fetching: Callable[..., Path]) -> None:
    fetching('media course-one')
    started = time.monotonic()
    assert run(cache, '--tag', 'course-one', '--dry-run') == 0
    assert time.monotonic() - started < 1


def test_a_folder_that_cannot_be_read_is_a_fault_and_not_empty(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shut, look = cache / 'a', os.scandir

    def looking(folder: Any) -> Any:
        if Path(folder) == shut:
            raise PermissionError(13, 'Permission denied', str(folder))
        return look(folder)

    monkeypatch.setattr(os, 'scandir', looking)
    assert run(cache, '--tag', 'course-two') == 1
    assert json.loads(capsys.readouterr().out)['faults'] == [f'{shut}: Permission denied']


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


def test_of_two_purges_at_once_both_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history, read, meeting = tmp_path / 'history.jsonl', purging.read_history, Barrier(2, timeout=0.5)

    def reading(file: Path) -> Any:
        purges = read(file)
        # Who may read beside the other meets it here, and both have read the same.
        with suppress(BrokenBarrierError):
            meeting.wait()
        return purges

    monkeypatch.setattr(purging, 'read_history', reading)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda tag: purging.remember(history, {'tag': tag}), ['one', 'two']))
    assert {each['tag'] for each in read(history)} == {'one', 'two'}


def test_a_history_that_is_held_too_long_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(purging, 'LOCK_SECONDS', 0.2)
    with purging.alone(cache.parent / '.history.jsonl.lock'):
        assert run(cache, '--tag', 'course-one') == 0
    assert 'not remembered: another purge held the history' in capsys.readouterr().err
