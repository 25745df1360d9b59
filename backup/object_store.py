"""A place of backups in S3, seen from outside: what it holds and held, and how full it is. Any S3 that keeps versions.

Every call ends within a deadline and raises BackupFailed with its class (backup/object_failure.py). The modules
`object_*` alone need boto3: what runs on hosts without it leaves them alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
import botocore.config  # type: ignore[import-untyped]

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_failure import said

Answer = TypeVar('Answer')
PAGE_KEYS = 1000


@dataclass(frozen=True)
class Place:
    """Where an S3 is and how it is spoken to.

    `credentials_file`, mode 0600, is JSON with `key_id` and `secret`, or the login of a place of restic.
    """

    endpoint: str
    credentials_file: Path
    authority_file: Path | None = None
    region: str = 'default'
    path_style: bool = True
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    attempts: int = 3
    call_seconds: float = 60.0
    """How long one call may take, its attempts together."""


@dataclass(frozen=True)
class Kept:
    """One object as a bucket lists it now."""

    key: str
    size_bytes: int
    modified: datetime


@dataclass(frozen=True)
class Version:
    """One version of an object; a marker is a deletion, and has no bytes."""

    key: str
    identity: str
    modified: datetime
    size_bytes: int
    etag: str
    latest: bool
    marker: bool
    owner: str = ''


@dataclass(frozen=True)
class Fill:
    """How much a bucket holds: what is listed now, and what lies below it as older versions."""

    objects: int
    current_bytes: int
    noncurrent_objects: int
    noncurrent_bytes: int
    markers: int
    newest: datetime | None

    def lag_seconds(self, now: datetime) -> float | None:
        """Given the present, return how long ago something was last written, or None if nothing ever was."""
        return None if self.newest is None else max(0.0, (now - self.newest).total_seconds())


class ObjectStore:
    """One S3 with one pair of credentials."""

    def __init__(self, place: Place) -> None:
        """Given a place, stand ready; nothing is asked yet. Raise BadInput if its files cannot be used."""
        self.place = place
        key_id, secret = _credentials(place.credentials_file)
        if place.authority_file is not None and not place.authority_file.is_file():
            raise BadInput(f'{place.authority_file}: the authority of {place.endpoint} is not there')
        if not place.endpoint.startswith(('https://', 'http://127.0.0.1:', 'http://localhost:')):
            raise BadInput(f'{place.endpoint}: an S3 is reached by https alone')
        configuration = botocore.config.Config(
            connect_timeout=place.connect_seconds,
            read_timeout=place.read_seconds,
            retries={'mode': 'standard', 'total_max_attempts': max(1, place.attempts)},
            s3={'addressing_style': 'path' if place.path_style else 'virtual'},
            signature_version='s3v4',
            # Not every S3 knows the checksums that newer clients add to all they send.
            request_checksum_calculation='when_required',
            response_checksum_validation='when_required',
            # A proxy of the environment is none of the platform's ways.
            proxies={},
            max_pool_connections=16,
        )
        self.client: Any = boto3.session.Session().client(
            's3',
            endpoint_url=place.endpoint,
            region_name=place.region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            verify=str(place.authority_file) if place.authority_file is not None else None,
            config=configuration,
        )
        # A bucket with locks takes an object, and Ceph a bucket's settings, only with the digest of what is sent.
        self.client.meta.events.register('before-call.s3', _add_digest)

    def call(self, name: str, what: str, seconds: float | None = None, **arguments: Any) -> dict[str, Any]:
        """Given a call of S3 and what it is for, return the answer. Raise BackupFailed."""

        def ask() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self.client, name)(**arguments)
            return answer

        return within(seconds or self.place.call_seconds, f'{what} ({self.place.endpoint})', ask)

    def objects(self, bucket: str, prefix: str = '', seconds: float = 600.0) -> Iterator[Kept]:
        """Given a bucket, yield what it holds now, by key. Raise BackupFailed."""
        deadline = Deadline(seconds)
        token: dict[str, str] = {}
        while True:
            page = self._page('list_objects_v2', bucket, deadline, Prefix=prefix, MaxKeys=PAGE_KEYS, **token)
            for one in page.get('Contents', []):
                yield Kept(one['Key'], one['Size'], one['LastModified'].astimezone(UTC))
            if not page.get('IsTruncated'):
                return
            token = {'ContinuationToken': page['NextContinuationToken']}

    def versions(self, bucket: str, prefix: str = '', seconds: float = 600.0) -> Iterator[Version]:
        """Given a bucket, yield every version and marker of it, page by page. Raise BackupFailed."""
        deadline = Deadline(seconds)
        token: dict[str, str] = {}
        while True:
            page = self._page('list_object_versions', bucket, deadline, Prefix=prefix, MaxKeys=PAGE_KEYS, **token)
            for one in page.get('Versions', []):
                yield _version(one, marker=False)
            for one in page.get('DeleteMarkers', []):
                yield _version(one, marker=True)
            if not page.get('IsTruncated'):
                return
            token = {'KeyMarker': page['NextKeyMarker']}
            if page.get('NextVersionIdMarker'):
                token['VersionIdMarker'] = page['NextVersionIdMarker']

    def fill(self, bucket: str, prefix: str = '', seconds: float = 600.0) -> Fill:
        """Given a bucket, return how much it holds. Raise BackupFailed."""
        counts = {'objects': 0, 'current_bytes': 0, 'noncurrent_objects': 0, 'noncurrent_bytes': 0, 'markers': 0}
        newest: datetime | None = None
        for version in self.versions(bucket, prefix, seconds):
            if version.marker:
                counts['markers'] += 1
                continue
            newest = version.modified if newest is None else max(newest, version.modified)
            counts['objects' if version.latest else 'noncurrent_objects'] += 1
            counts['current_bytes' if version.latest else 'noncurrent_bytes'] += version.size_bytes
        return Fill(**counts, newest=newest)

    def _page(self, name: str, bucket: str, deadline: Deadline, **arguments: Any) -> dict[str, Any]:
        what = f'listing {bucket}'
        left = deadline.remaining_seconds()
        if left == 0:
            raise BackupFailed(ExitClass.DEADLINE, f'{what} was not done within {deadline.seconds:.0f} s')
        page = self.call(name, what, min(left, self.place.call_seconds), Bucket=bucket, **arguments)
        if page.get('Name') != bucket:
            # Any page that a web server has would otherwise pass for an empty bucket.
            raise BackupFailed(
                ExitClass.UNREACHABLE, f'{what}: what answers at {self.place.endpoint} does not speak S3'
            )
        return page


def within(seconds: float, what: str, work: Callable[[], Answer]) -> Answer:
    """Given a time and work that may hang, return what it returns. Raise BackupFailed, of class DEADLINE if it hangs.

    A socket's own timeout starts anew with every byte, so an S3 that answers a byte a second would hold us for ever.
    """
    done: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True, name='object-store').start()
    try:
        answer, error = done.get(timeout=max(0.01, seconds))
    except queue.Empty:
        raise BackupFailed(ExitClass.DEADLINE, f'{what}: not done within {seconds:.0f} s') from None
    if error is not None:
        raise said(what, error) from error
    return answer  # type: ignore[return-value]


def _credentials(file: Path) -> tuple[str, str]:
    """Given a file, return the identity and the secret in it. Raise BadInput if it has none, or others may read it."""
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding='utf-8')
        document = _login(text) or json.loads(text)
    except OSError as error:
        raise BadInput(f'{file}: {error.strerror}') from None
    except ValueError:
        raise BadInput(f'{file}: it is neither JSON nor a login of restic') from None
    if mode & 0o077:
        raise BadInput(f'{file}: others may read this secret; set its mode to 0600')
    if not isinstance(document, dict) or not all(isinstance(document.get(key), str) for key in ('key_id', 'secret')):
        raise BadInput(f'{file}: `key_id` and `secret` are needed')
    return document['key_id'], document['secret']


def _login(text: str) -> dict[str, str]:
    """Given a file's text, return its keys if it is a login of a place of restic (`NAME=value` lines), else nothing."""
    lines = dict(line.split('=', 1) for line in text.splitlines() if '=' in line)
    names = {'key_id': 'AWS_ACCESS_KEY_ID', 'secret': 'AWS_SECRET_ACCESS_KEY'}
    return {key: lines[name] for key, name in names.items()} if set(names.values()) <= set(lines) else {}


def _add_digest(params: dict[str, Any], **_: Any) -> None:
    """Given a request that is about to be signed, give it the digest of its body if it has one."""
    body = params.get('body')
    if not body or 'Content-MD5' in params['headers']:
        return
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(body, bytes):
        digest.update(body)
    else:
        begin = body.tell()
        while chunk := body.read(1024 * 1024):
            digest.update(chunk)
        body.seek(begin)
    params['headers']['Content-MD5'] = base64.b64encode(digest.digest()).decode()


def _version(one: dict[str, Any], *, marker: bool) -> Version:
    return Version(
        key=one['Key'],
        identity=one['VersionId'],
        modified=one['LastModified'].astimezone(UTC),
        size_bytes=0 if marker else one['Size'],
        etag='' if marker else one['ETag'].strip('"'),
        latest=bool(one['IsLatest']),
        marker=marker,
        owner=one.get('Owner', {}).get('ID', ''),
    )
