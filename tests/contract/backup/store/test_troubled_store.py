"""Stores in trouble: each ends within its deadline, in one sentence and the class that alerts and exit codes go by."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.failure import BackupFailed, ExitClass
from backup.object_history import read_as_of
from backup.object_store import ObjectStore, Place
from tests.contract.backup.store.conftest import credentials
from tests.contract.backup.store.troubled_store import CONTENT, Trouble, troubled

MOMENT = datetime(2026, 6, 1, tzinfo=UTC)


def store_at(endpoint: str, folder: Path, **limits: float) -> ObjectStore:
    wanted = {'connect_seconds': 1.0, 'read_seconds': 1.0, 'call_seconds': 10.0, 'attempts': 2} | limits
    return ObjectStore(Place(endpoint, credentials(folder, 'writer'), **wanted))  # type: ignore[arg-type]


def failure_of(store: ObjectStore) -> BackupFailed:
    with pytest.raises(BackupFailed) as failure:
        list(store.versions('b'))
    assert '\n' not in str(failure.value)
    return failure.value


@pytest.mark.parametrize(
    ('status', 'code', 'expected', 'words'),
    [
        (500, 'InternalError', ExitClass.UNREACHABLE, 'answers with errors'),
        (503, 'SlowDown', ExitClass.UNREACHABLE, 'answers with errors'),
        (502, '', ExitClass.UNREACHABLE, 'answers with errors'),
        (403, 'AccessDenied', ExitClass.REFUSED, 'not allowed with these credentials'),
        (403, 'InvalidAccessKeyId', ExitClass.REFUSED, 'not allowed with these credentials'),
        (403, 'SignatureDoesNotMatch', ExitClass.REFUSED, 'not allowed with these credentials'),
        (403, 'RequestTimeTooSkewed', ExitClass.CLOCK, 'clocks'),
        (403, 'QuotaExceeded', ExitClass.NO_SPACE, 'full'),
        (507, 'InsufficientStorage', ExitClass.NO_SPACE, 'full'),
        (404, 'NoSuchBucket', ExitClass.NO_REPOSITORY, 'no such bucket'),
        (404, 'NoSuchVersion', ExitClass.NO_SNAPSHOT, 'no such object or version'),
        (418, 'Teapot', ExitClass.FAILED, 'says no'),
    ],
)
def test_each_answer_has_its_class(tmp_path: Path, status: int, code: str, expected: ExitClass, words: str) -> None:
    with troubled(Trouble(status=status, code=code)) as endpoint:
        failure = failure_of(store_at(endpoint, tmp_path))
    assert failure.exit_class is expected
    assert words in str(failure)
    assert 'listing b' in str(failure)


def test_a_store_that_is_overloaded_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    trouble = Trouble(status=503, code='SlowDown', times=1)
    with troubled(trouble) as endpoint:
        assert [version.key for version in store_at(endpoint, tmp_path).versions('b')] == ['pack']
    assert len(trouble.asked) == 2


def test_a_store_that_is_always_overloaded_is_not_asked_for_ever(tmp_path: Path) -> None:
    trouble = Trouble(status=503, code='SlowDown')
    with troubled(trouble) as endpoint:
        failure_of(store_at(endpoint, tmp_path, attempts=3))
    assert len(trouble.asked) == 3


def test_a_store_that_accepts_and_says_nothing_ends_at_the_deadline(tmp_path: Path) -> None:
    with troubled(Trouble('silent')) as endpoint:
        started = time.monotonic()
        failure = failure_of(store_at(endpoint, tmp_path, attempts=1))
    assert failure.exit_class is ExitClass.DEADLINE
    assert time.monotonic() - started < 6


def test_a_store_that_sends_a_byte_at_a_time_ends_at_the_deadline(tmp_path: Path) -> None:
    with troubled(Trouble('drip')) as endpoint:
        started = time.monotonic()
        failure = failure_of(store_at(endpoint, tmp_path, call_seconds=2.0))
        assert time.monotonic() - started < 6
    assert failure.exit_class is ExitClass.DEADLINE
    assert 'not done within 2 s' in str(failure)


def test_what_is_no_s3_is_said_so(tmp_path: Path) -> None:
    with troubled(Trouble('page')) as endpoint:
        failure = failure_of(store_at(endpoint, tmp_path))
    assert failure.exit_class is ExitClass.UNREACHABLE
    assert 'does not speak S3' in str(failure)


def test_nobody_listening_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        endpoint = f'http://127.0.0.1:{free.getsockname()[1]}'
    assert failure_of(store_at(endpoint, tmp_path)).exit_class is ExitClass.UNREACHABLE


def test_a_reading_that_is_cut_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    trouble = Trouble('cut', times=2)
    with troubled(trouble) as endpoint:
        brought = read_as_of(store_at(endpoint, tmp_path, attempts=4), 'b', MOMENT, tmp_path / 'back')
    assert (tmp_path / 'back/pack').read_bytes() == CONTENT
    assert brought.brought_bytes == len(CONTENT)
    assert any(asked.startswith('bytes=') for asked in trouble.asked)


def test_a_reading_that_is_always_cut_ends_with_its_reason_and_the_next_call_goes_on(tmp_path: Path) -> None:
    with troubled(Trouble('cut')) as endpoint, pytest.raises(BackupFailed, match='cut in the middle') as failure:
        read_as_of(store_at(endpoint, tmp_path, attempts=1), 'b', MOMENT, tmp_path / 'back')
    assert failure.value.exit_class is ExitClass.UNREACHABLE
    assert not (tmp_path / 'back/pack').exists()
    trouble = Trouble('cut', times=-1)
    with troubled(trouble) as endpoint:
        read_as_of(store_at(endpoint, tmp_path), 'b', MOMENT, tmp_path / 'back')
    assert (tmp_path / 'back/pack').read_bytes() == CONTENT
    assert trouble.asked[0].startswith('bytes=')


def test_a_reading_of_a_silent_store_ends_at_its_deadline(tmp_path: Path) -> None:
    with troubled(Trouble('silent')) as endpoint:
        started = time.monotonic()
        with pytest.raises(BackupFailed) as failure:
            read_as_of(store_at(endpoint, tmp_path, read_seconds=20.0), 'b', MOMENT, tmp_path / 'back', seconds=2.0)
    assert failure.value.exit_class is ExitClass.DEADLINE
    assert time.monotonic() - started < 6
