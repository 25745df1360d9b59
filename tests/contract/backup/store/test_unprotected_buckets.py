"""Buckets that must not be relied on, one fault each: the examination says which."""

from __future__ import annotations

import uuid

import pytest

from backup.object_lock import examine
from backup.object_store import ObjectStore
from tests.contract.backup.store.conftest import locked_bucket


@pytest.fixture
def name() -> str:
    return f'fault-{uuid.uuid4().hex[:12]}'


def reasons(store: ObjectStore, bucket: str, days: int = 2) -> str:
    return '\n'.join(examine(store, bucket, days).reasons)


def test_a_bucket_without_versions_is_refused(moto: ObjectStore, name: str) -> None:
    moto.client.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': 'default'})
    said = reasons(moto, name)
    assert 'keeps no versions' in said
    assert 'has no object lock' in said
    assert 'gives no version' in said


def test_a_bucket_with_versions_and_no_lock_is_refused(moto: ObjectStore, name: str) -> None:
    moto.client.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': 'default'})
    moto.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={'Status': 'Enabled'})
    said = reasons(moto, name)
    assert 'has no object lock' in said
    assert 'gets no lock of its own' in said
    assert 'the writer can delete a version' in said


def test_a_lock_that_rights_can_lift_is_refused(moto: ObjectStore, name: str) -> None:
    said = reasons(moto, locked_bucket(moto, name, mode='GOVERNANCE'))
    assert 'locks in mode GOVERNANCE' in said
    assert 'the writer can change the lock of what is kept' in said


def test_a_lock_without_a_default_is_refused(moto: ObjectStore, name: str) -> None:
    moto.client.create_bucket(
        Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={'LocationConstraint': 'default'}
    )
    assert 'locks nothing by itself' in reasons(moto, name)


def test_versions_that_were_suspended_are_a_reason(moto: ObjectStore, name: str) -> None:
    moto.client.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': 'default'})
    moto.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={'Status': 'Suspended'})
    assert 'keeps no versions' in reasons(moto, name)
