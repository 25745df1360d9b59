"""The drill of stolen credentials with restic and a store: a real one refuses, moto lets everything through."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup import file_trials, places
from backup.engines import restic_settings
from backup.file_trials import MANIFEST_TAG, manifest_file
from backup.manifest import digest, manifest_of
from backup.object_store import ObjectStore
from backup.places import FilePlace, Places
from backup.port import Job, silent
from backup.record import Record, StolenEnded
from backup.stolen import StolenDrill, Way, store_of
from tests.contract.backup.store.conftest import Stores, have_digest_of_copies
from tests.contract.backup.tools import program

SECONDS = 120.0


def login_of(store: ObjectStore, folder: Path, name: str) -> str:
    """Return a file with a store's credentials, as hosts have it for restic."""
    keys = json.loads(store.place.credentials_file.read_text(encoding='utf-8'))
    file = folder / f'{name}-login'
    file.write_text(
        f'AWS_ACCESS_KEY_ID={keys["key_id"]}\nAWS_SECRET_ACCESS_KEY={keys["secret"]}\nAWS_DEFAULT_REGION=default\n',
        encoding='utf-8',
    )
    file.chmod(0o600)
    return str(file)


def store(way: Way, login: str | None) -> ObjectStore:
    """Return the store; moto alone wants the digest of a body even of a copy, which has none."""
    made = store_of(way, login)
    if way.endpoint.startswith('http://'):
        have_digest_of_copies(made)
    return made


@pytest.fixture
def drilled(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[StolenEnded, FilePlace, Stores]:
    """A repository with two snapshots in the store, drilled once."""
    for name in ('SCRATCH', 'MANIFESTS'):
        monkeypatch.setattr(file_trials, name, tmp_path / name.lower())
    monkeypatch.setattr(places, 'CACHE', tmp_path / 'cache')
    monkeypatch.setattr(places, 'UNREACHABLE_SECONDS', 2.0)
    monkeypatch.setattr(
        places, 'ResticSettings',
        lambda **given: restic_settings.ResticSettings(**{**given, 'program': program('restic')}),
    )  # fmt: skip
    password = tmp_path / 'password'
    password.write_text('only-for-tests\n', encoding='utf-8')
    password.chmod(0o600)
    source = tmp_path / 'source'
    source.mkdir()
    for number in range(4):
        file = source / f'{number}.ts'
        file.write_bytes(bytes([number]) * 300_000)
        # What has just changed is not chosen for the manifest.
        os.utime(file, (time.time() - 9999, time.time() - 9999))
    place, authority = stores.writer.place, stores.writer.place.authority_file
    there = FilePlace(
        'platform', 'ops-1', 'offsite', f's3:{place.endpoint}/{stores.bucket}/{stores.prefix}platform', str(password),
        login_of(stores.writer, tmp_path, 'writer'), str(authority) if authority else None, ('s3.bucket-lookup=path',),
    )  # fmt: skip
    engine = there.engine()
    engine.prepare(SECONDS)
    for _ in range(2):
        manifest = manifest_of('platform', 'ops-1', [source], [], datetime.now(UTC))
        note = manifest_file('platform')
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(manifest.text(), encoding='utf-8')
        engine.run(
            Job('platform', 'ops-1', (source, note), tags={MANIFEST_TAG: digest(manifest.text())}), SECONDS
        )  # fmt: skip
    records: list[Record] = []
    restorer = login_of(stores.restorer, tmp_path, 'restorer')
    drill = StolenDrill(Places('ops-1', (there,), None, restorer), records.append, silent, store)
    end = drill.do('platform', 'platform', SECONDS)
    assert isinstance(end, StolenEnded)
    return end, there, stores


def test_a_drill_shows_what_the_store_refuses_or_lets_through(
    drilled: tuple[StolenEnded, FilePlace, Stores],
) -> None:
    end, there, stores = drilled
    assert end.overwritten == end.deleted == end.objects > 4
    # Whatever became of the drill, what is live is whole.
    assert there.engine().verify('data', SECONDS).sound
    if stores.real:
        assert (end.failure, end.succeeded, end.unproven, end.problems) == (None, (), (), ()), end
        assert (end.verdict, end.refused) == ('pass', end.tried)
        assert end.checks > 1
        assert end.kept_until is not None
        assert (end.kept_until - end.ended).days >= stores.lock_days - 1
    else:
        # There everybody has every right, and only a lock holds: the drill says so by name.
        assert end.verdict == 'fail'
        named = ' '.join(end.succeeded)
        for name in ('shorten a lock', 'suspend the versioning', 'put a bucket policy', 'delete the bucket'):
            assert name in named, end
