"""A store in memory with versions and locks: what its users may not do is refused, what a test opens is not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from backup.failure import BackupFailed, ExitClass
from backup.object_store import Kept, Version

DENIED = {
    'put_object_retention', 'put_bucket_versioning', 'put_object_lock_configuration', 'delete_bucket',
    'put_bucket_lifecycle_configuration', 'put_bucket_policy', 'delete_version', 'delete_version_past_lock',
    'delete_objects',
}  # fmt: skip
LOCK = {'ObjectLockEnabled': 'Enabled', 'Rule': {'DefaultRetention': {'Mode': 'COMPLIANCE', 'Days': 30}}}


@dataclass
class Held:
    """One version: its bytes, None for a marker, and when it was written."""

    key: str
    identity: str
    content: bytes | None
    modified: datetime


@dataclass
class Bucket:
    """A bucket, its clock, and what a test lets through (`open`) or makes go wrong (`broken`, by call)."""

    held: list[Held] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    broken: dict[str, BackupFailed] = field(default_factory=dict)
    mode: str = 'COMPLIANCE'
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=4))

    def now(self) -> datetime:
        """Return its time, which goes on a little with each look."""
        self.clock += timedelta(milliseconds=400)
        return self.clock

    def add(self, key: str, content: bytes | None) -> str:
        """Write a version and return its identity."""
        self.held.append(Held(key, f'v{len(self.held)}-{key}', content, self.now().replace(microsecond=0)))
        return self.held[-1].identity

    def newest(self, key: str) -> bytes | None:
        """Return what is visible under a key."""
        return next((each.content for each in reversed(self.held) if each.key == key), None)

    def visible(self, prefix: str) -> dict[str, bytes]:
        """Return what is visible below a prefix, by key."""
        newest = {each.key: each.content for each in self.held if each.key.startswith(prefix)}
        return {key: content for key, content in sorted(newest.items()) if content is not None}


class StoreInMemory:
    """One user's way to a bucket, as ObjectStore is: the writer may put and delete, the restorer read."""

    def __init__(self, bucket: Bucket, user: str) -> None:
        self.bucket, self.user = bucket, user
        self.place = SimpleNamespace(endpoint='https://store', call_seconds=5.0, attempts=1)
        self.client = SimpleNamespace(get_object=self.get_object)

    def call(self, name: str, what: str, seconds: float | None = None, **arguments: Any) -> dict[str, Any]:
        self.bucket.calls.append((self.user, name, arguments))
        right = name
        if name == 'delete_object' and 'VersionId' in arguments:
            right = 'delete_version_past_lock' if arguments.get('BypassGovernanceRetention') else 'delete_version'
        if right in self.bucket.broken:
            raise self.bucket.broken[right]
        if self.user != 'writer' or name in {'get_bucket_policy', 'get_bucket_lifecycle_configuration'}:
            raise BackupFailed(ExitClass.REFUSED, f'{name} is refused to the {self.user}')
        if right in DENIED and right not in self.bucket.open:
            if name == 'delete_objects':
                errors = [{**each, 'Code': 'AccessDenied'} for each in arguments['Delete']['Objects']]
                return {'Errors': errors}
            raise BackupFailed(ExitClass.REFUSED, f'{what}: AccessDenied')
        answer: dict[str, Any] = getattr(self, f'_{right}', lambda _: {})(arguments)
        return answer

    def objects(self, bucket: str, prefix: str = '', seconds: float = 600.0) -> Iterator[Kept]:
        for key, content in self.bucket.visible(prefix).items():
            modified = max(each.modified for each in self.bucket.held if each.key == key)
            yield Kept(key, len(content), modified)

    def versions(self, bucket: str, prefix: str = '', seconds: float = 600.0) -> Iterator[Version]:
        for each in self.bucket.held:
            if each.key.startswith(prefix):
                digest = '' if each.content is None else hashlib.md5(each.content, usedforsecurity=False).hexdigest()
                yield Version(
                    each.key, each.identity, each.modified, len(each.content or b''), digest, False,
                    each.content is None,
                )  # fmt: skip

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        (found,) = [each for each in self.bucket.held if each.identity == arguments['VersionId']]
        return {'Body': io.BytesIO(found.content or b'')}

    def _get_bucket_versioning(self, _: dict[str, Any]) -> dict[str, Any]:
        date = format_datetime(self.bucket.now().replace(microsecond=0), usegmt=True)
        return {'Status': 'Enabled', 'ResponseMetadata': {'HTTPHeaders': {'date': date}}}

    def _get_object_lock_configuration(self, _: dict[str, Any]) -> dict[str, Any]:
        return {'ObjectLockConfiguration': LOCK}

    def _head_object(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            'ObjectLockMode': self.bucket.mode, 'ObjectLockRetainUntilDate': self.bucket.clock + timedelta(days=30)
        }  # fmt: skip

    def _copy_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        content = self.bucket.newest(arguments['CopySource']['Key'])
        assert content is not None
        return {'VersionId': self.bucket.add(arguments['Key'], content)}

    def _put_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {'VersionId': self.bucket.add(arguments['Key'], arguments['Body'])}

    def _delete_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {'VersionId': self.bucket.add(arguments['Key'], None), 'DeleteMarker': True}

    def _delete_version(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.bucket.held = [each for each in self.bucket.held if each.identity != arguments['VersionId']]
        return {}

    _delete_version_past_lock = _delete_version

    def _delete_objects(self, arguments: dict[str, Any]) -> dict[str, Any]:
        named = arguments['Delete']['Objects']
        gone = {each['VersionId'] for each in named}
        self.bucket.held = [each for each in self.bucket.held if each.identity not in gone]
        return {'Deleted': named}

    def _delete_bucket(self, _: dict[str, Any]) -> dict[str, Any]:
        raise BackupFailed(ExitClass.FAILED, 'delete_bucket: the store says no (409 BucketNotEmpty)')
