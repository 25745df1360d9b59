"""A bucket brought back to a moment, on a store that keeps versions."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_rewind import Rewinding, Wish
from backup.object_store import ObjectStore, Version
from backup.port import Progress
from backup.rewind import Rewind
from tests.contract.backup.store.conftest import have_digest_of_copies, locked_bucket

# moto's times have whole seconds.
APART_SECONDS = 1.2


def put(store: ObjectStore, bucket: str, **content: bytes) -> None:
    for key, body in content.items():
        store.call('put_object', 'writing', Bucket=bucket, Key=key, Body=body)


def delete(store: ObjectStore, bucket: str, *keys: str) -> None:
    for key in keys:
        store.call('delete_object', 'deleting', Bucket=bucket, Key=key)


def moment_between() -> datetime:
    time.sleep(APART_SECONDS)
    moment = datetime.now(UTC)
    time.sleep(APART_SECONDS)
    return moment


def held(store: ObjectStore, bucket: str) -> dict[str, bytes]:
    return {
        each.key: store.client.get_object(Bucket=bucket, Key=each.key)['Body'].read() for each in store.objects(bucket)
    }


@pytest.fixture
def bucket(moto: ObjectStore) -> str:
    have_digest_of_copies(moto)
    return locked_bucket(moto, f'rewind-{uuid.uuid4().hex[:12]}')


def rewind(store: ObjectStore, moment: datetime, *buckets: str, keep_new: bool = False, dry_run: bool = False) -> dict[
    str, int
]:  # fmt: skip
    wish = Wish(moment, buckets, keep_new=keep_new, dry_run=dry_run)
    seen: list[Progress] = []
    (found,) = Rewinding(store, Deadline(60), seen.append).do(wish)
    said = found.document()
    return {name: said[name] for name in ('same', 'put_back', 'put_back_bytes', 'uncovered', 'hidden')}


def nothing(same: int) -> dict[str, int]:
    return {'same': same, 'put_back': 0, 'put_back_bytes': 0, 'uncovered': 0, 'hidden': 0}


def test_what_a_thief_did_is_undone_and_undone_once(moto: ObjectStore, bucket: str) -> None:
    put(moto, bucket, config=b'key', pack=b'p' * 40_000, index=b'i', untouched=b'u')
    moment = moment_between()
    put(moto, bucket, config=b'ransom', pack=b'ransom', note=b'pay')
    delete(moto, bucket, 'pack', 'index')
    done = rewind(moto, moment, bucket, dry_run=True)
    assert done == {'same': 1, 'put_back': 2, 'put_back_bytes': 40_003, 'uncovered': 1, 'hidden': 1}
    assert held(moto, bucket) == {'config': b'ransom', 'note': b'pay', 'untouched': b'u'}
    assert rewind(moto, moment, bucket) == done
    assert held(moto, bucket) == {'config': b'key', 'pack': b'p' * 40_000, 'index': b'i', 'untouched': b'u'}
    assert rewind(moto, moment, bucket) == nothing(4)


def test_what_was_uploaded_in_parts_is_not_put_back_twice(moto: ObjectStore, bucket: str) -> None:
    part = b'a' * 5 * 1024 * 1024
    upload = moto.client.create_multipart_upload(Bucket=bucket, Key='large')['UploadId']
    tags = [
        moto.client.upload_part(Bucket=bucket, Key='large', UploadId=upload, PartNumber=number, Body=part)['ETag']
        for number in (1, 2)
    ]
    parts = [{'PartNumber': number, 'ETag': tag} for number, tag in enumerate(tags, 1)]
    moto.client.complete_multipart_upload(Bucket=bucket, Key='large', UploadId=upload, MultipartUpload={'Parts': parts})
    moment = moment_between()
    put(moto, bucket, large=b'ransom')
    assert rewind(moto, moment, bucket)['put_back'] == 1
    assert held(moto, bucket) == {'large': part * 2}
    assert rewind(moto, moment, bucket) == nothing(1)


def test_another_moment_can_be_gone_to_after_one(moto: ObjectStore, bucket: str) -> None:
    put(moto, bucket, one=b'1')
    early = moment_between()
    put(moto, bucket, one=b'2', two=b'2')
    late = moment_between()
    put(moto, bucket, one=b'3')
    rewind(moto, early, bucket)
    assert held(moto, bucket) == {'one': b'1'}
    time.sleep(APART_SECONDS)
    rewind(moto, late, bucket)
    assert held(moto, bucket) == {'one': b'2', 'two': b'2'}


def test_what_is_new_stays_where_it_is_to_stay(moto: ObjectStore, bucket: str) -> None:
    put(moto, bucket, one=b'1')
    moment = moment_between()
    put(moto, bucket, one=b'2', two=b'2')
    rewind(moto, moment, bucket, keep_new=True)
    assert held(moto, bucket) == {'one': b'1', 'two': b'2'}


def test_what_is_put_back_is_locked_as_all_else(moto: ObjectStore, bucket: str) -> None:
    put(moto, bucket, one=b'1')
    moment = moment_between()
    put(moto, bucket, one=b'2')
    rewind(moto, moment, bucket)
    head = moto.client.head_object(Bucket=bucket, Key='one')
    assert head['ObjectLockMode'] == 'COMPLIANCE'
    assert head['ObjectLockRetainUntilDate'] > datetime.now(UTC) + timedelta(days=1)


def test_all_buckets_are_brought_back_where_none_is_named(moto: ObjectStore, bucket: str) -> None:
    other = locked_bucket(moto, f'rewind-{uuid.uuid4().hex[:12]}')
    mine = (bucket, other)
    chosen = Rewinding(moto, Deadline(60))._chosen(())
    assert set(mine) <= set(chosen)


def test_a_moment_older_than_what_is_kept_is_refused(moto: ObjectStore, bucket: str) -> None:
    with pytest.raises(BadInput, match='for 2 days'):
        rewind(moto, datetime.now(UTC) - timedelta(days=3), bucket)


def test_a_bucket_that_is_not_there_is_named(moto: ObjectStore, bucket: str) -> None:
    with pytest.raises(BadInput, match=f"no bucket 'nothing'; there are .*{bucket}"):
        rewind(moto, datetime.now(UTC), 'nothing')


def test_a_bucket_without_locks_is_refused(moto: ObjectStore) -> None:
    name = f'open-{uuid.uuid4().hex[:12]}'
    moto.client.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': 'default'})
    with pytest.raises(BackupFailed) as failure:
        rewind(moto, datetime.now(UTC), name)
    assert 'lock' in str(failure.value)


def test_a_run_that_was_cut_off_goes_on(moto: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {f'key{number}': b'good' for number in range(20)}
    put(moto, bucket, **content)
    moment = moment_between()
    put(moto, bucket, **dict.fromkeys(content, b'ransom'))
    work, calls = Rewinding(moto, Deadline(60)), 0
    put_back = work._put_back

    def failing(where: str, version: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise BackupFailed(ExitClass.NO_SPACE, 'full')
        put_back(where, version)  # type: ignore[arg-type]

    monkeypatch.setattr(work, '_put_back', failing)
    with pytest.raises(BackupFailed, match='full'):
        work.do(Wish(moment, (bucket,)))
    assert calls == 20
    assert rewind(moto, moment, bucket)['same'] == 5
    assert held(moto, bucket) == content


def test_one_that_cannot_be_put_back_keeps_no_other_from_it_and_room_is_named(
    moto: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(moto, bucket, one=b'1', two=b'2', three=b'3')
    moment = moment_between()
    put(moto, bucket, one=b'x', two=b'x')
    delete(moto, bucket, 'three')
    work = Rewinding(moto, Deadline(60))
    put_back = work._put_back

    def full(where: str, version: Version) -> None:
        if version.key == 'one':
            raise BackupFailed(ExitClass.NO_SPACE, 'quota')
        put_back(where, version)

    monkeypatch.setattr(work, '_put_back', full)
    with pytest.raises(BackupFailed, match=r'1 of 2 were not done.*backup\.offsite_gib') as failure:
        work.do(Wish(moment, (bucket,)))
    assert failure.value.exit_class is ExitClass.NO_SPACE
    assert held(moto, bucket) == {'one': b'x', 'two': b'2', 'three': b'3'}


def test_what_is_written_meanwhile_is_hidden_too_and_a_writer_that_never_stops_is_named(
    moto: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(moto, bucket, one=b'1')
    moment = moment_between()
    put(moto, bucket, one=b'x')
    work = Rewinding(moto, Deadline(60))
    apply, written = work._apply, 0

    def meanwhile(plans: list[Rewind]) -> None:
        nonlocal written
        apply(plans)
        if written < limit:
            written += 1
            put(moto, bucket, **{f'late{written}': b'late'})

    monkeypatch.setattr(work, '_apply', meanwhile)
    limit = 2
    work.do(Wish(moment, (bucket,)))
    assert held(moto, bucket) == {'one': b'1'}
    limit = 99
    with pytest.raises(BackupFailed, match='writes there all the time'):
        put(moto, bucket, one=b'y')
        work.do(Wish(moment, (bucket,)))


def test_a_thief_cannot_have_junk_taken_for_what_was_put_back(
    moto: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Version('large', '1', datetime.now(UTC), 5, 'x-2', latest=False, marker=False, owner='writer')
    junk = Version(
        'large', '2', datetime.now(UTC) + timedelta(minutes=9), 5, 'y', latest=True, marker=False, owner='writer'
    )
    monkeypatch.setattr(moto, 'versions', lambda *_: iter((wanted, junk)))
    monkeypatch.setattr(Rewinding, '_origin', lambda *_: '1')
    moment = wanted.modified + timedelta(seconds=1)
    (found,) = Rewinding(moto, Deadline(60)).do(Wish(moment, (bucket,), dry_run=True))
    assert found.put_back == (wanted,)


def test_a_moment_before_all_that_is_kept_hides_nothing(moto: ObjectStore, bucket: str) -> None:
    put(moto, bucket, one=b'1')
    with pytest.raises(BadInput, match='held nothing at'):
        rewind(moto, datetime.now(UTC) - timedelta(hours=3), bucket)
    assert held(moto, bucket) == {'one': b'1'}
