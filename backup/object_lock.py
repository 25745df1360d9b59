"""What a bucket must be before backups rely on it, tried and not only read: it keeps versions and locks them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backup.failure import BackupFailed, ExitClass
from backup.object_store import ObjectStore

PROBE = 'anlan-probe'
"""Key of the object that an examination writes; engines leave it alone, and its versions go when their lock ends."""
CLOCK_TOLERANCE_SECONDS = 300.0
WORM = re.compile('worm|object.?lock|is locked', re.IGNORECASE)
"""How some stores say that a lock holds, in place of a denial."""

Try = tuple[str, str, str, dict[str, Any]]
"""What a thief tries: its name, the reason against the bucket if it works, the call and its arguments."""


@dataclass(frozen=True)
class Examined:
    """What an examination found: the reasons why the bucket must not be relied on, and what it tried."""

    bucket: str
    reasons: tuple[str, ...]
    tried: tuple[str, ...]

    @property
    def fit(self) -> bool:
        """Return whether there is no reason against it."""
        return not self.reasons


def examine(store: ObjectStore, bucket: str, lock_days: int) -> Examined:
    """Given a store with the writer's credentials and a bucket, return every reason why its backups are not safe in it.

    Reads the configuration, writes one small object, and then does what a thief of the credentials would: deletes its
    version, shortens its lock, opens the bucket. What could not be tried is a reason too. Raise BackupFailed if the
    store does not answer.
    """
    reasons = [*_configuration(store, bucket, lock_days)]
    probe = store.call('put_object', f'writing {bucket}/{PROBE}', Bucket=bucket, Key=PROBE, Body=b'anlan\n')
    version = probe.get('VersionId')
    if not version:
        return Examined(bucket, (*reasons, f'{bucket} gives no version to what is written'), ('write',))
    reasons += _stamp(store, bucket, version, lock_days)
    tried = ['write', 'read the lock of what was written']
    for name, reason, call, arguments in _attacks(store, bucket, version):
        outcome = tried_on(store, name, call, arguments)
        if outcome is None:
            reasons.append(f'{bucket}: {reason}')
        elif not is_refusal(outcome):
            reasons.append(f'{bucket}: whether {reason} could not be tried: {outcome}')
            continue
        tried.append(name)
    # After all of it the version must still be what it was.
    if not _still_there(store, bucket, version):
        reasons.append(f'{bucket}: the version that was written is gone after the trial')
    return Examined(bucket, tuple(reasons), tuple(tried))


def _configuration(store: ObjectStore, bucket: str, lock_days: int) -> list[str]:
    reasons = []
    versioning = store.call('get_bucket_versioning', f'asking {bucket} for its versions', Bucket=bucket)
    if versioning.get('Status') != 'Enabled':
        reasons.append(f'{bucket} keeps no versions: what is overwritten is gone')
    lock = _lock(store, bucket)
    if not lock:
        return [*reasons, f'{bucket} has no object lock']
    retention = lock.get('Rule', {}).get('DefaultRetention', {})
    days = int(retention.get('Days') or 365 * int(retention.get('Years') or 0))
    if lock.get('ObjectLockEnabled') != 'Enabled' or not retention:
        reasons.append(f'{bucket} locks nothing by itself: it has no default retention')
    elif retention.get('Mode') != 'COMPLIANCE':
        reasons.append(f'{bucket} locks in mode {retention.get("Mode")}, which rights can lift; COMPLIANCE is needed')
    elif days < lock_days:
        reasons.append(f'{bucket} locks {days} days; at least {lock_days} are needed')
    return reasons


def _lock(store: ObjectStore, bucket: str) -> dict[str, Any]:
    """Return the bucket's lock, empty if it has none."""
    try:
        answer = store.call('get_object_lock_configuration', f'asking {bucket} for its lock', Bucket=bucket)
    except BackupFailed as error:
        if 'ObjectLockConfigurationNotFound' not in str(error):
            raise
        return {}
    lock: dict[str, Any] = answer.get('ObjectLockConfiguration', {})
    return lock


def _stamp(store: ObjectStore, bucket: str, version: str, lock_days: int) -> list[str]:
    """Return what is wrong with the lock that the object really got: one S3 shows a default and stamps nothing."""
    head = store.call('head_object', f'reading {bucket}/{PROBE}', Bucket=bucket, Key=PROBE)
    mode, until = head.get('ObjectLockMode'), head.get('ObjectLockRetainUntilDate')
    if mode != 'COMPLIANCE' or not isinstance(until, datetime):
        return [f'{bucket}: what is written gets no lock of its own (mode {mode or "none"})']
    written: datetime = head['LastModified']
    least = written + timedelta(days=lock_days) - timedelta(seconds=CLOCK_TOLERANCE_SECONDS)
    if until < least:
        return [f'{bucket}: what is written is locked until {until:%Y-%m-%d %H:%M} UTC only, not {lock_days} days']
    return []


def attacks_on_version(bucket: str, key: str, version: str) -> list[Try]:
    """Given one version of an object, return what a thief would try against it, the most harmful last."""
    target = {'Bucket': bucket, 'Key': key, 'VersionId': version}
    soon = datetime.now(UTC) + timedelta(seconds=60)
    retention = {'Mode': 'COMPLIANCE', 'RetainUntilDate': soon}
    return [
        (
            'shorten a lock', 'the writer can change the lock of what is kept',
            'put_object_retention', {**target, 'Retention': retention},
        ),
        ('delete a version', 'the writer can delete a version', 'delete_object', target),
        (
            'delete a version past its lock', 'the writer can delete a version by bypassing its lock',
            'delete_object', {**target, 'BypassGovernanceRetention': True},
        ),
    ]  # fmt: skip


def _attacks(store: ObjectStore, bucket: str, version: str) -> list[Try]:
    """Return what a thief would try, the most harmful last: name, the reason if it works, the call."""
    shorten, *delete = attacks_on_version(bucket, PROBE, version)
    found: list[Try] = [
        shorten,
        (
            'change the versioning', 'the writer can change whether versions are kept',
            'put_bucket_versioning', {'Bucket': bucket, 'VersioningConfiguration': {'Status': 'Enabled'}},
        ),
        *delete,
    ]  # fmt: skip
    lock = _lock(store, bucket)
    if lock.get('Rule'):
        # What the bucket has anyway: if it is accepted, nothing changed, but another value would be accepted too.
        found.insert(
            1,
            (
                'change the default lock', "the writer can change the bucket's lock",
                'put_object_lock_configuration', {'Bucket': bucket, 'ObjectLockConfiguration': lock},
            ),
        )  # fmt: skip
    return found


def is_refusal(outcome: BackupFailed) -> bool:
    """Given how a store did not do what it was told, return whether it was for want of rights or for a lock."""
    return outcome.exit_class is ExitClass.REFUSED or WORM.search(str(outcome)) is not None


def tried_on(store: ObjectStore, name: str, call: str, arguments: dict[str, Any]) -> BackupFailed | None:
    """Return None if the store did it, else how it did not. Raise BackupFailed if it did not answer at all."""
    try:
        store.call(call, name, **arguments)
    except BackupFailed as error:
        if error.exit_class in (ExitClass.UNREACHABLE, ExitClass.DEADLINE):
            raise
        return error
    return None


def _still_there(store: ObjectStore, bucket: str, version: str) -> bool:
    try:
        head = store.call('head_object', f'reading {bucket}/{PROBE}', Bucket=bucket, Key=PROBE)
    except BackupFailed as error:
        if error.exit_class in (ExitClass.NO_REPOSITORY, ExitClass.NO_SNAPSHOT):
            return False
        raise
    return head.get('VersionId') == version
