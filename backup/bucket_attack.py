"""What a thief of the writers' credentials tries on a bucket as a whole, and the way back from each. Plain data.

Each is tried first in a form that changes nothing; only where that was refused the harmful form follows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backup.failure import BackupFailed, ExitClass
from backup.object_lock import is_refusal
from backup.object_store import ObjectStore

WEAK_LOCK = {'ObjectLockEnabled': 'Enabled', 'Rule': {'DefaultRetention': {'Mode': 'GOVERNANCE', 'Days': 1}}}


@dataclass(frozen=True)
class Attack:
    """Something tried on the bucket. `rehearsal` are the arguments that change nothing; `way_back` undoes either."""

    name: str
    call: str
    arguments: Mapping[str, Any]
    rehearsal: Mapping[str, Any] | None
    way_back: tuple[str, Mapping[str, Any]] | None


def attacks_on_bucket(store: ObjectStore, bucket: str, prefix: str) -> list[Attack]:
    """Given the writer's store, a bucket and a drill's prefix, return what is tried on the bucket. Raise BackupFailed.

    Even where nothing can be put back, what is put harms nothing but the drill's own keys.
    """
    kept, stopped = ({'VersioningConfiguration': {'Status': status}} for status in ('Enabled', 'Suspended'))
    there = _asked(store, bucket, 'get_object_lock_configuration', 'ObjectLockConfiguration')
    if not isinstance(there, dict):
        raise BackupFailed(ExitClass.FAILED, f'{bucket} has no object lock that its writer can read')
    lock, weak = ({'ObjectLockConfiguration': one} for one in (there, WEAK_LOCK))
    put_versioning, put_lock = 'put_bucket_versioning', 'put_object_lock_configuration'
    return [
        Attack('suspend the versioning', put_versioning, stopped, kept, (put_versioning, kept)),
        Attack("weaken the bucket's lock", put_lock, weak, lock, (put_lock, lock)),
        _lifecycle(store, bucket, prefix),
        _policy(store, bucket, prefix),
    ]


def _lifecycle(store: ObjectStore, bucket: str, prefix: str) -> Attack:
    name, put = 'put a lifecycle', 'put_bucket_lifecycle_configuration'
    rule = {
        'ID': prefix, 'Status': 'Disabled', 'Filter': {'Prefix': prefix},
        'NoncurrentVersionExpiration': {'NoncurrentDays': 1},
    }  # fmt: skip
    wanted, broken = ({'LifecycleConfiguration': {'Rules': [one]}} for one in (rule, {**rule, 'Status': 'Neither'}))
    there = _asked(store, bucket, 'get_bucket_lifecycle_configuration', 'Rules')
    if there is None:
        return Attack(name, put, wanted, None, ('delete_bucket_lifecycle', {}))
    if isinstance(there, BackupFailed):
        # No store takes a rule in such a state: it refuses, or complains of the rule.
        return Attack(name, put, wanted, broken, None)
    same = {'LifecycleConfiguration': {'Rules': there}}
    return Attack(name, put, wanted, same, (put, same))


def _policy(store: ObjectStore, bucket: str, prefix: str) -> Attack:
    name, put = 'put a bucket policy', 'put_bucket_policy'
    statement = {
        'Effect': 'Allow', 'Principal': '*', 'Action': ['s3:DeleteObjectVersion'],
        'Resource': [f'arn:aws:s3:::{bucket}/{prefix}*'],
    }  # fmt: skip
    wanted = {'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [statement]})}
    there = _asked(store, bucket, 'get_bucket_policy', 'Policy')
    if there is None:
        return Attack(name, put, wanted, None, ('delete_bucket_policy', {}))
    if isinstance(there, BackupFailed):
        return Attack(name, put, wanted, {'Policy': 'none'}, None)
    return Attack(name, put, wanted, {'Policy': there}, (put, {'Policy': there}))


def _asked(store: ObjectStore, bucket: str, call: str, key: str) -> Any:
    """Return what a document of the bucket holds, None if it has none, or how the writer was refused it."""
    try:
        answer = store.call(call, f'{call} of {bucket}', Bucket=bucket)
    except BackupFailed as failure:
        if is_refusal(failure):
            return failure
        if 'NoSuch' in str(failure) or 'NotFound' in str(failure):
            return None
        raise
    return answer[key]
