"""Records: they come back as they were, are only appended, and a torn line spoils no other."""

from __future__ import annotations

import json
import random
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anlan.errors import AnlanError, BadInput
from backup.record import (
    KINDS,
    Begun,
    CopyEnded,
    ForgettingEnded,
    Lagged,
    PlantingEnded,
    Record,
    append,
    line_of,
    new_identity,
    read,
    read_lines,
    record_of,
    unfinished,
)
from tests.unit.backup.policy_samples import DAY, NOW, PROMISES, drilled, end, look, restore, run, well

EVERY: list[Record] = [
    Begun('1', 'run', 'media', 'app-1', 'local', NOW), run(DAY), CopyEnded(**end(DAY, place='offsite')),
    *[each for each in well(PROMISES[0]) if type(each).__name__ == 'VerificationEnded'], restore(DAY),
    restore(DAY, failure='corrupt', sentence='破损\n"quoted"', recovery_point=None),
    PlantingEnded(**end(DAY), planted=('a', 'b'), caught=('a',)), ForgettingEnded(**end(DAY), removed=3, freed_bytes=9),
    drilled(DAY, before=NOW, kept_until=NOW, attacks=('delete a version: 2 of 2 refused',), reading_seconds=0.5),
    look(DAY), look(DAY, newest=None, lock_age_seconds=None, used_share=None), Lagged('media', 'x', 'local', NOW, -0.5),
]  # fmt: skip


def test_every_kind_comes_back_as_it_was(tmp_path: Path) -> None:
    assert {type(each) for each in EVERY} == set(KINDS.values())
    file = tmp_path / 'records.jsonl'
    for each in EVERY:
        append(each, file)
    reading = read(file)
    assert list(reading.records) == EVERY
    assert not reading.torn
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text(encoding='utf-8').splitlines()) == len(EVERY)


def test_a_file_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / 'none').records == ()


def test_a_file_cut_off_anywhere_loses_its_last_record_alone_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / 'records.jsonl'
    whole = ''.join(line_of(each) + '\n' for each in EVERY[:3]).encode()
    first = len(line_of(EVERY[0])) + len(line_of(EVERY[1])) + 2
    for size in random.Random(1).sample(range(first + 2, len(whole) - 1), 60):
        file.write_bytes(whole[:size])
        assert list(read(file).records) == EVERY[:2]
        assert read(file).torn
        append(EVERY[3], file)
        assert list(read(file).records) == [*EVERY[:2], EVERY[3]]


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / 'records.jsonl'
    writers = [threading.Thread(target=lambda: [append(EVERY[1], file) for _ in range(20)]) for _ in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    assert len(read(file).records) == 80


@pytest.mark.parametrize(
    'change',
    [
        {'kind': 'wish'}, {'surprise': 1}, {'ended': '2026-11-26T10:00:00'}, {'ended': '2020-01-01T00:00:00+00:00'},
        {'failure': 'tired'}, {'source_bytes': -1}, {'source_bytes': '9'}, {'source_bytes': True}, {'host': None},
        {'began': 5},
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_is_refused_with_its_number(change: dict[str, object]) -> None:
    document = json.loads(line_of(EVERY[1])) | change
    content = f'{line_of(EVERY[0])}\n{json.dumps(document)}\n'.encode()
    with pytest.raises(BadInput, match='records: line 2 is no record'):
        read_lines(content, 'records')


def test_a_line_with_a_key_less_is_refused() -> None:
    document = json.loads(line_of(EVERY[1]))
    del document['files']
    with pytest.raises(ValueError, match=r"missing: \['files'\]"):
        record_of(json.dumps(document))


@pytest.mark.parametrize('line', ['[]', '{"kind": 3}'])
def test_a_line_that_says_something_else_than_a_record_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match='line 1 is no record'):
        read_lines(line.encode() + b'\n', 'records')


@pytest.mark.parametrize('line', [b'hello', b'{"a": oops}', b'{', b'\0\0\0\0', b'{"kind":"run"}}', b'[' * 100_000])
def test_a_line_that_a_loss_of_power_left_hides_no_other(line: bytes) -> None:
    reading = read_lines(line_of(EVERY[0]).encode() + b'\n' + line + b'\n' + line_of(EVERY[1]).encode(), 'records')
    assert reading.records == (EVERY[0], EVERY[1])
    assert reading.torn


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match='without a zone'):
        line_of(Begun('1', 'run', 'media', 'app-1', 'local', datetime(2026, 1, 1)))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AnlanError, match='cannot be written'):
        append(EVERY[0], tmp_path / 'none' / 'records.jsonl')


def test_a_record_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='is no record'):
        append(run(DAY, sentence='x' * (1 << 20)), tmp_path / 'records.jsonl')


def test_a_restore_without_a_comparison_is_not_verified() -> None:
    assert restore(DAY).verified
    assert not restore(DAY, checks=0).verified
    assert not restore(DAY, problems=('one row differs',)).verified
    assert not restore(DAY, failure='deadline').verified


def test_planted_damage_that_nobody_saw_is_missed() -> None:
    assert PlantingEnded(**end(DAY), planted=('b', 'a', 'c'), caught=('a', 'z')).missed == ('b', 'c')


def test_what_began_and_has_no_end_is_told_apart() -> None:
    done, left = new_identity(), new_identity()
    records = (
        Begun(done, 'run', 'media', 'app-1', 'local', NOW), Begun(left, 'run', 'media', 'app-1', 'local', NOW),
        run(DAY, identity=done),
    )  # fmt: skip
    assert [each.identity for each in unfinished(records)] == [left]
    assert NOW.tzinfo is UTC
