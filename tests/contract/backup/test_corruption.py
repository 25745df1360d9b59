"""Planted corruption: a hundred and more damages to throw-away copies of repositories, every one of them caught."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.corruption import KINDS, MARK, Kind, Planted, copy_of, plant, staleness
from backup.engines.restic import ResticEngine
from backup.failure import BackupFailed
from backup.port import Depth, Job
from tests.contract.backup.places import PASSWORD, local
from tests.contract.backup.quick_key import hasten

SECONDS = 60.0
SEED = 20261126
EACH = 20
DEPTHS: tuple[Depth, ...] = ('structure', 'data')


@pytest.fixture(scope='module')
def engine(tmp_path_factory: pytest.TempPathFactory) -> ResticEngine:
    """A repository of three snapshots of a source that changed: several packs, indexes and trees."""
    folder = tmp_path_factory.mktemp('corruption')
    source = folder / 'source'
    source.mkdir()
    engine = local(folder)
    engine.prepare(SECONDS)
    hasten(folder / 'repository', PASSWORD)
    chance = random.Random(SEED)
    for number in range(3):
        (source / f'{number}.bin').write_bytes(chance.randbytes(40_000))
        (source / 'text').write_text(f'{number}\n' * 1000, encoding='utf-8')
        engine.run(Job('media', 'app-1', (source,)), SECONDS)
    return engine


@pytest.fixture(scope='module')
def recorded(engine: ResticEngine) -> list[str]:
    """What was written down at each backup, from old to new."""
    return [each.identity for each in engine.list(SECONDS)]


def caught(engine: ResticEngine, repository: Path, recorded: list[str]) -> str | None:
    """Return how a verification of a repository catches what is wrong with it, or None if it does not."""
    copy = ResticEngine(replace(engine.settings, repository=str(repository)))
    try:
        for depth in DEPTHS:
            found = copy.verify(depth, SECONDS)
            if not found.sound:
                return f'{depth}: {found.problems[0]}'
        return staleness(recorded, copy.list(SECONDS))
    except BackupFailed as failure:
        return f'{failure.exit_class.word}: {failure}'


def test_a_copy_that_was_not_damaged_is_sound(engine: ResticEngine, recorded: list[str], tmp_path: Path) -> None:
    copy = copy_of(Path(engine.settings.repository), tmp_path / 'copy')
    assert caught(engine, copy, recorded) is None


def test_every_one_of_a_hundred_and_more_planted_corruptions_is_caught(
    engine: ResticEngine, recorded: list[str], tmp_path: Path
) -> None:
    def one(kind: Kind, seed: int) -> tuple[Planted, str | None]:
        copy = copy_of(Path(engine.settings.repository), tmp_path / f'{kind}-{seed}')
        try:
            planted = plant(kind, copy, random.Random(seed))
            return planted, caught(engine, copy, recorded)
        finally:
            shutil.rmtree(copy)

    with ThreadPoolExecutor(2) as pool:
        # Chance decides most about a flipped byte: where in which of the files.
        runs = [(kind, SEED + seed) for kind in KINDS for seed in range(2 * EACH if kind == 'flipped-byte' else EACH)]
        done = list(pool.map(lambda run: one(*run), runs))
    missed = [str(planted) for planted, how in done if how is None]
    assert not missed, '\n'.join(missed)
    assert len(done) >= 100
    assert {planted.kind for planted, _ in done} == set(KINDS)
    assert len({planted for planted, _ in done}) >= 50


def test_each_kind_is_caught_for_its_own_reason(engine: ResticEngine, recorded: list[str], tmp_path: Path) -> None:
    found = {}
    for kind in KINDS:
        copy = copy_of(Path(engine.settings.repository), tmp_path / kind)
        plant(kind, copy, random.Random(SEED))
        found[kind] = caught(engine, copy, recorded) or ''
    assert found['wrong-key'].startswith('wrong-password')
    assert 'older copy' in found['stale-latest']
    assert found['missing-pack'].startswith('structure')
    assert found['truncated-pack'].startswith('structure')


def test_a_repository_that_is_no_copy_is_not_touched(engine: ResticEngine, tmp_path: Path) -> None:
    repository = Path(engine.settings.repository)
    link = tmp_path / 'link'
    link.symlink_to(repository)
    for kind in KINDS:
        for folder in (repository, link):
            with pytest.raises(BadInput, match='not marked'):
                plant(kind, folder, random.Random(SEED))
    assert not (repository / MARK).exists()
    assert engine.verify('data', SECONDS).sound
