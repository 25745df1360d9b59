"""The stores that the contract is held against: moto always, a real one where ANLAN_OBJECT_STORE names its description.

That file is JSON: `endpoint`, `authority_file`, `bucket`, `lock_days`, `writer` and `restorer` (files of credentials).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from backup.object_store import ObjectStore, Place

REAL = os.environ.get('ANLAN_OBJECT_STORE')
SECRET = 'contract-secret'


@dataclass(frozen=True)
class Stores:
    """One store with its two users, a bucket, and a beginning of keys that nobody else uses."""

    writer: ObjectStore
    restorer: ObjectStore
    bucket: str
    lock_days: int
    prefix: str
    real: bool

    def put(self, name: str, content: bytes) -> str:
        """Write an object and return its version."""
        answer = self.writer.call('put_object', 'writing', Bucket=self.bucket, Key=self.prefix + name, Body=content)
        return str(answer['VersionId'])

    def delete(self, name: str) -> None:
        """Delete an object, as a writer can."""
        self.writer.call('delete_object', 'deleting', Bucket=self.bucket, Key=self.prefix + name)


def credentials(folder: Path, name: str) -> Path:
    """Return a new file of credentials."""
    file = folder / f'{name}.json'
    file.write_text(json.dumps({'key_id': name, 'secret': SECRET}), encoding='utf-8')
    file.chmod(0o600)
    return file


def locked_bucket(store: ObjectStore, name: str, mode: str = 'COMPLIANCE', days: int = 2) -> str:
    """Make a bucket with versions and a default lock, and return its name."""
    store.client.create_bucket(
        Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={'LocationConstraint': 'default'}
    )
    lock = {'ObjectLockEnabled': 'Enabled', 'Rule': {'DefaultRetention': {'Mode': mode, 'Days': days}}}
    store.client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    return name


def have_digest_of_copies(store: ObjectStore) -> None:
    """Have a store's copies carry the digest of a body: moto alone wants it, though a copy has none."""
    empty = base64.b64encode(hashlib.md5(b'', usedforsecurity=False).digest()).decode()

    def add(params: dict[str, Any], **_: Any) -> None:
        params['headers']['Content-MD5'] = empty

    store.client.meta.events.register('before-call.s3.CopyObject', add)


@pytest.fixture(scope='session')
def moto_endpoint() -> Iterator[str]:
    """The address of a moto on loopback."""
    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f'http://{host}:{port}'
    finally:
        server.stop()


@pytest.fixture
def moto(moto_endpoint: str, tmp_path: Path) -> ObjectStore:
    """A moto, where everybody may do everything."""
    return ObjectStore(Place(moto_endpoint, credentials(tmp_path, 'somebody'), read_seconds=10))


@pytest.fixture(params=['moto', *(['real'] if REAL else [])])
def stores(request: pytest.FixtureRequest, tmp_path: Path, moto: ObjectStore) -> Stores:
    """Each store that there is."""
    prefix = f'contract-{uuid.uuid4().hex[:8]}/'
    if request.param == 'moto':
        bucket = locked_bucket(moto, f'contract-{uuid.uuid4().hex[:12]}')
        return Stores(moto, moto, bucket, 2, prefix, real=False)
    assert REAL is not None
    document = json.loads(Path(REAL).read_text(encoding='utf-8'))
    writer, restorer = (
        ObjectStore(Place(document['endpoint'], Path(document[user]), Path(document['authority_file'])))
        for user in ('writer', 'restorer')
    )
    return Stores(writer, restorer, document['bucket'], document['lock_days'], prefix, real=True)
