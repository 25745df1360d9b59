"""restic over S3 in path style, against a server of moto: the whole way once, with keys in the environment alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from backup.engines.restic import ResticEngine
from backup.port import Job, Retention
from tests.contract.backup.engine_contract import SECONDS, contents, source_of
from tests.contract.backup.places import local


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ResticEngine]:
    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {'AWS_ACCESS_KEY_ID': 'key-for-tests', 'AWS_SECRET_ACCESS_KEY': 'secret-for-tests'}
    try:
        yield local(
            tmp_path, repository=f's3:http://127.0.0.1:{port}/restic', environment=keys,
            options=('s3.bucket-lookup=path', 's3.region=default'),
        )  # fmt: skip
    finally:
        server.stop()


def test_what_is_kept_over_s3_comes_back_whole(engine: ResticEngine, tmp_path: Path) -> None:
    source = source_of(tmp_path)
    assert engine.prepare(SECONDS) is True
    for _ in range(2):
        outcome = engine.run(Job('media', 'app-1', (source,)), SECONDS)
    assert len(engine.forget('media', Retention(last=1), SECONDS).removed) == 1
    assert engine.verify('data', SECONDS).sound
    engine.restore(outcome.snapshot.identity, tmp_path / 'back', SECONDS)
    assert contents(tmp_path / 'back' / str(source).lstrip('/')) == contents(source)
