"""The engine in memory fails as it is told to, once, and keeps what it had."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.engines.memory import MemoryEngine
from backup.failure import BackupFailed, ExitClass
from backup.port import Engine, Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / 'file').write_text('kept', encoding='utf-8')
    return Job('media', 'app-1', (tmp_path,))


@pytest.fixture
def engine() -> MemoryEngine:
    engine = MemoryEngine()
    engine.prepare(1)
    return engine


@pytest.mark.parametrize('exit_class', ExitClass)
def test_it_fails_with_every_class_that_it_is_told_and_goes_on_afterwards(
    engine: MemoryEngine, job: Job, exit_class: ExitClass
) -> None:
    engine.fails['run'] = exit_class
    with pytest.raises(BackupFailed) as failure:
        engine.run(job, 1)
    assert failure.value.exit_class is exit_class
    assert failure.value.exit_code == exit_class.value
    assert engine.list(1) == ()
    assert engine.run(job, 1).snapshot.files == 1


def test_it_is_an_engine(engine: MemoryEngine) -> None:
    standing_for: Engine = engine
    assert standing_for.stats(1).snapshots == 0


def test_where_nothing_is_kept_nothing_can_be_damaged(engine: MemoryEngine) -> None:
    with pytest.raises(BadInput):
        engine.damage()
