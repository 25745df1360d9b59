"""What an S3 held at a moment, which keys can be files, and which credentials are taken: without any store."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_failure import said
from backup.object_history import _paths, as_of
from backup.object_lock import PROBE
from backup.object_store import Fill, ObjectStore, Place, Version, within

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def version(key: str, minutes: float, identity: str = 'v', *, marker: bool = False, latest: bool = False) -> Version:
    return Version(key, identity, NOON + timedelta(minutes=minutes), 0 if marker else 1, 'etag', latest, marker)


def names(versions: list[Version]) -> dict[str, str]:
    return {one.key: one.identity for one in versions}


def test_the_newest_version_before_the_moment_is_the_one() -> None:
    there, gone = as_of([version('a', 2, 'new'), version('a', -1, 'right'), version('a', -5, 'old')], NOON)
    assert (names(there), gone) == ({'a': 'right'}, 0)


def test_a_marker_before_the_moment_means_gone_and_one_after_it_does_not() -> None:
    there, gone = as_of(
        [
            version('a', -1, marker=True), version('a', -2, 'kept'),
            version('b', 1, marker=True, latest=True), version('b', -2, 'kept'),
        ],
        NOON,
    )  # fmt: skip
    assert (names(there), gone) == ({'b': 'kept'}, 1)


def test_of_one_moment_the_latest_counts_then_what_has_bytes_then_the_first() -> None:
    there, _ = as_of([version('a', 0, 'below'), version('a', 0, 'top', latest=True)], NOON)
    assert names(there) == {'a': 'top'}
    there, _ = as_of([version('a', 0, 'm', marker=True), version('a', 0, 'bytes')], NOON)
    assert names(there) == {'a': 'bytes'}
    there, _ = as_of([version('a', 0, 'first'), version('a', 0, 'second')], NOON)
    assert names(there) == {'a': 'first'}


def test_the_probe_of_an_examination_is_no_part_of_a_backup() -> None:
    assert as_of([version(PROBE, -1)], NOON)[0] == []


@pytest.mark.parametrize('key', ['../../etc/passwd', 'a/../../b', '/..', 'folder/', 'a//b', 'a/./b', 'a\0b'])
def test_a_key_that_would_lie_outside_or_is_no_file_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='cannot be a file'):
        _paths([version(key, 0)], tmp_path, '')


def test_a_key_that_is_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='both as a file and as a folder'):
        _paths([version('a', 0), version('a/b', 0)], tmp_path, '')


def test_keys_lose_their_prefix(tmp_path: Path) -> None:
    assert _paths([version('p/a/b', 0)], tmp_path, 'p/') == {'p/a/b': tmp_path / 'a/b'}


def test_a_bucket_that_nothing_was_written_to_has_no_lag() -> None:
    assert Fill(0, 0, 0, 0, 0, None).lag_seconds(NOON) is None
    assert Fill(1, 1, 0, 0, 0, NOON).lag_seconds(NOON + timedelta(seconds=7)) == 7


def test_work_that_hangs_ends_at_its_deadline_and_a_mistake_of_ours_stays_one() -> None:
    import threading

    with pytest.raises(BackupFailed, match=r'asking: not done within') as failure:
        within(0.05, 'asking', lambda: threading.Event().wait(5))
    assert failure.value.exit_class is ExitClass.DEADLINE
    with pytest.raises(KeyError):
        within(5, 'asking', lambda: dict[str, str]()['nothing'])


def test_a_full_disk_here_is_told_from_a_full_store() -> None:
    failure = said('reading b/k', OSError(errno.ENOSPC, 'No space left on device', '/var/restore/k'))
    assert failure.exit_class is ExitClass.NO_SPACE
    assert 'the disk here is full (/var/restore/k)' in str(failure)


def place(tmp_path: Path, document: object, mode: int = 0o600, **more: object) -> Place:
    file = tmp_path / 'key.json'
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding='utf-8')
    file.chmod(mode)
    return Place('https://198.51.100.1:8443', file, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('document', 'mode', 'words'),
    [
        ({'key_id': 'a', 'secret': 's3cret'}, 0o640, 'others may read this secret'),
        ({'key_id': 'a'}, 0o600, '`key_id` and `secret` are needed'),
        (['a'], 0o600, '`key_id` and `secret` are needed'),
        ('{"key_id": "s3cret"', 0o600, 'it is neither JSON nor a login of restic'),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_without_being_told(
    tmp_path: Path, document: object, mode: int, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as failure:
        ObjectStore(place(tmp_path, document, mode))
    assert 's3cret' not in str(failure.value)


def test_credentials_and_an_authority_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='No such file'):
        ObjectStore(Place('https://198.51.100.1:8443', tmp_path / 'none.json'))
    with pytest.raises(BadInput, match='the authority of'):
        ObjectStore(place(tmp_path, {'key_id': 'a', 'secret': 'b'}, authority_file=tmp_path / 'ca.crt'))


def test_an_s3_without_tls_is_refused_but_on_loopback(tmp_path: Path) -> None:
    wanted = place(tmp_path, {'key_id': 'a', 'secret': 'b'})
    with pytest.raises(BadInput, match='by https alone'):
        ObjectStore(Place('http://198.51.100.1:8443', wanted.credentials_file))
    assert ObjectStore(Place('http://127.0.0.1:9', wanted.credentials_file))
