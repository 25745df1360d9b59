"""The contract of engines, held by the one in memory and by restic: in a folder, and behind its REST server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backup.engines.memory import MemoryEngine
from backup.engines.restic import ResticEngine
from tests.contract.backup.engine_contract import SECONDS, EngineContract
from tests.contract.backup.places import PASSWORD, RestServer, local, rest_server
from tests.contract.backup.quick_key import hasten


def flip_the_largest(repository: Path) -> None:
    """Flip one bit in the middle of the largest file that holds data."""
    file = max((each for each in (repository / 'data').rglob('*') if each.is_file()), key=lambda f: f.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


@pytest.fixture(scope='module')
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that is made, with a key that opens at once: making one takes restic a second or more."""
    folder = tmp_path_factory.mktemp('template')
    local(folder).prepare(SECONDS)
    hasten(folder / 'repository', PASSWORD)
    return folder / 'repository'


class TestMemory(EngineContract):
    """The one in memory."""

    @pytest.fixture
    def engine(self, live: Path) -> MemoryEngine:
        return MemoryEngine((live,))

    @pytest.fixture
    def damage(self, engine: MemoryEngine) -> Callable[[], None]:
        return engine.damage


class TestResticInAFolder(EngineContract):
    """restic in a folder."""

    @pytest.fixture
    def engine(self, live: Path, tmp_path: Path) -> ResticEngine:
        return local(tmp_path, live_roots=(live,))

    @pytest.fixture
    def made(self, engine: ResticEngine, template: Path, tmp_path: Path) -> ResticEngine:
        shutil.copytree(template, tmp_path / 'repository')
        return engine

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[], None]:
        return lambda: flip_the_largest(tmp_path / 'repository')


class TestResticOverRest(EngineContract):
    """restic over its REST server."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RestServer]:
        with rest_server(tmp_path) as server:
            yield server

    @pytest.fixture
    def engine(self, live: Path, tmp_path: Path, server: RestServer) -> ResticEngine:
        return server.engine(tmp_path, live_roots=(live,))

    @pytest.fixture
    def made(self, engine: ResticEngine, template: Path, server: RestServer) -> ResticEngine:
        shutil.copytree(template, server.data / 'writer' / 'one')
        return engine

    @pytest.fixture
    def damage(self, server: RestServer) -> Callable[[], None]:
        return lambda: flip_the_largest(server.data / 'writer' / 'one')
