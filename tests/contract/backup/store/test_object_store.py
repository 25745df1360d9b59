"""What every S3 that keeps backups must do: list, keep versions, and give back what it held at a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_history import read_as_of
from backup.object_lock import examine
from backup.object_store import Version
from tests.contract.backup.store.conftest import Stores

# moto's times have whole seconds, so moments between two writings must be that far apart.
APART_SECONDS = 1.2


def moment_between() -> datetime:
    time.sleep(APART_SECONDS)
    moment = datetime.now(UTC)
    time.sleep(APART_SECONDS)
    return moment


def versions_of(stores: Stores, name: str) -> list[Version]:
    return list(stores.restorer.versions(stores.bucket, stores.prefix + name))


def test_what_was_written_is_listed_with_its_size(stores: Stores) -> None:
    stores.put('one', b'12345')
    stores.put('folder/two', b'')
    found = {kept.key.removeprefix(stores.prefix): kept for kept in stores.writer.objects(stores.bucket, stores.prefix)}
    assert {name: kept.size_bytes for name, kept in found.items()} == {'one': 5, 'folder/two': 0}
    assert abs((found['one'].modified - datetime.now(UTC)).total_seconds()) < 300


def test_more_objects_than_one_page_has_are_all_listed(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('backup.object_store.PAGE_KEYS', 3)
    for number in range(8):
        stores.put(f'{number}', b'x')
        stores.delete(f'{number}')
        stores.put(f'{number}', b'xy')
    assert len(list(stores.writer.objects(stores.bucket, stores.prefix))) == 8
    assert len(versions_of(stores, '')) == 24


def test_a_deleted_object_stays_as_a_version_below_a_marker(stores: Stores) -> None:
    identity = stores.put('one', b'first')
    stores.delete('one')
    assert not list(stores.writer.objects(stores.bucket, stores.prefix))
    found = versions_of(stores, 'one')
    assert sorted((version.marker, version.latest) for version in found) == [(False, False), (True, True)]
    assert next(version for version in found if not version.marker).identity == identity


def test_the_fill_counts_what_is_below_apart(stores: Stores) -> None:
    stores.put('one', b'12345')
    stores.put('one', b'123')
    stores.put('two', b'1')
    stores.delete('two')
    fill = stores.restorer.fill(stores.bucket, stores.prefix)
    assert (fill.objects, fill.current_bytes, fill.noncurrent_objects, fill.noncurrent_bytes) == (1, 3, 2, 6)
    assert fill.markers == 1
    lag = fill.lag_seconds(datetime.now(UTC))
    assert lag is not None and lag < 300


def test_what_was_deleted_and_overwritten_is_read_as_of_before(stores: Stores, tmp_path: Path) -> None:
    content = {'config': b'c' * 300, 'data/0a/pack': bytes(range(256)) * 20000, 'empty': b''}
    for name, one in content.items():
        stores.put(name, one)
    stores.put('gone', b'x')
    time.sleep(APART_SECONDS)
    stores.delete('gone')
    moment = moment_between()
    for name in content:
        stores.put(name, b'ransom')
        stores.delete(name)
    stores.put('gone', b'back')
    brought = read_as_of(stores.restorer, stores.bucket, moment, tmp_path / 'back', prefix=stores.prefix)
    files = {
        str(file.relative_to(tmp_path / 'back')): file.read_bytes()
        for file in (tmp_path / 'back').rglob('*')
        if file.is_file()
    }
    assert files == content
    assert (brought.files, brought.gone) == (3, 1)


def test_a_second_reading_goes_on_from_the_first_and_mends_what_is_not_whole(stores: Stores, tmp_path: Path) -> None:
    stores.put('one', b'1' * 1000)
    stores.put('two', b'2' * 1000)
    moment = moment_between()
    read_as_of(stores.restorer, stores.bucket, moment, tmp_path / 'back', prefix=stores.prefix)
    (tmp_path / 'back/two').write_bytes(b'3' * 1000)
    brought = read_as_of(stores.restorer, stores.bucket, moment, tmp_path / 'back', prefix=stores.prefix)
    assert brought.resumed_files == 1
    assert (tmp_path / 'back/two').read_bytes() == b'2' * 1000


def test_before_anything_was_written_there_was_nothing(stores: Stores, tmp_path: Path) -> None:
    stores.put('one', b'1')
    before = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(BackupFailed, match='held nothing') as failure:
        read_as_of(stores.restorer, stores.bucket, before, tmp_path / 'back', prefix=stores.prefix)
    assert failure.value.exit_class is ExitClass.NO_SNAPSHOT


def test_a_moment_that_has_not_come_is_refused(stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='has not come yet'):
        read_as_of(stores.restorer, stores.bucket, datetime.now(UTC) + timedelta(days=1), tmp_path / 'back')
    with pytest.raises(BadInput, match='time zone'):
        read_as_of(stores.restorer, stores.bucket, datetime.now(), tmp_path / 'back')


def test_a_folder_with_other_files_is_refused(stores: Stores, tmp_path: Path) -> None:
    stores.put('one', b'1')
    (tmp_path / 'other').write_text('mine', encoding='utf-8')
    with pytest.raises(BackupFailed, match='not of this restore') as failure:
        read_as_of(stores.restorer, stores.bucket, moment_between(), tmp_path, prefix=stores.prefix)
    assert failure.value.exit_class is ExitClass.TARGET_REFUSED
    assert (tmp_path / 'other').read_text(encoding='utf-8') == 'mine'


def test_a_bucket_that_is_not_there_is_said_so(stores: Stores) -> None:
    with pytest.raises(BackupFailed, match='no such bucket') as failure:
        list(stores.writer.objects('anlan-no-such-bucket'))
    assert failure.value.exit_class is ExitClass.NO_REPOSITORY


def test_a_locked_version_is_deleted_by_nobody(stores: Stores) -> None:
    identity = stores.put('one', b'1')
    for bypass in (False, True):
        with pytest.raises(BackupFailed) as failure:
            stores.writer.call(
                'delete_object', 'attack', Bucket=stores.bucket, Key=f'{stores.prefix}one', VersionId=identity,
                BypassGovernanceRetention=bypass,
            )  # fmt: skip
        assert failure.value.exit_class is ExitClass.REFUSED
    assert [version.identity for version in versions_of(stores, 'one')] == [identity]


def test_a_real_store_is_fit_and_one_where_everybody_may_do_everything_is_not(stores: Stores) -> None:
    found = examine(stores.writer, stores.bucket, stores.lock_days)
    if stores.real:
        assert found.reasons == ()
        assert len(found.tried) == 7
    else:
        assert any('change the lock of what is kept' in reason for reason in found.reasons)
        assert any("change the bucket's lock" in reason for reason in found.reasons)


def test_a_lock_that_is_shorter_than_needed_is_a_reason(stores: Stores) -> None:
    found = examine(stores.writer, stores.bucket, stores.lock_days + 1)
    assert any(f'at least {stores.lock_days + 1} are needed' in reason for reason in found.reasons)
    assert any('is locked until' in reason for reason in found.reasons)


def test_the_restorer_of_a_real_store_writes_nothing(stores: Stores) -> None:
    if not stores.real:
        pytest.skip('in moto everybody may do everything')
    for call in ('put_object', 'delete_object', 'create_multipart_upload'):
        with pytest.raises(BackupFailed) as failure:
            stores.restorer.call(call, 'attack', Bucket=stores.bucket, Key=f'{stores.prefix}x')
        assert failure.value.exit_class is ExitClass.REFUSED
