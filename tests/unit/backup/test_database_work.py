"""The database's backups held against each other, and damage planted where it has to be seen."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anlan.errors import BadInput
from backup import database_work
from backup.database_damage import DAMAGES, Damage, plant
from backup.database_witness import Witness
from backup.database_work import Database, DatabaseWork, read_witness, unequal
from backup.engines.pgbackrest import Cluster
from backup.engines.pgbackrest_members import Limits
from backup.failure import BackupFailed, ExitClass
from backup.journal import Told
from backup.port import Snapshot, silent
from backup.record import Ended, Record, RestoreEnded, VerificationEnded
from tests.unit.backup.policy_samples import HOUR, run
from tests.unit.backup.test_agent import task

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def backup(hours_ago: float, source_bytes: int = 1000, parent: str | None = None) -> Snapshot:
    at = NOW - timedelta(hours=hours_ago)
    return Snapshot(f'{hours_ago}', 'database', 'ops-1', at, at, source_bytes=source_bytes, parent=parent)


def test_two_places_with_backups_of_the_same_hours_and_size_are_equal() -> None:
    local = (backup(30), backup(6, parent='30'), backup(1, parent='30'))
    offsite = (backup(29), backup(5, 1010, parent='29'))
    assert unequal(local, offsite) == ()


@pytest.mark.parametrize(
    ('offsite', 'reason'),
    [
        ((), 'the other site holds no backup'),
        ((backup(29), backup(28, parent='29')), 'the newest backup off-site is of 2026-10-31'),
        ((backup(29), backup(1, 30, parent='29')), 'is of 30 bytes, here of 1000'),
    ],
)
def test_a_lesser_copy_is_refused_with_the_reason(offsite: tuple[Snapshot, ...], reason: str) -> None:
    assert any(reason in each for each in unequal((backup(30), backup(1, parent='30')), offsite))


def test_without_a_local_backup_nothing_is_called_equal() -> None:
    assert unequal((), (backup(1),))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ('backup/lab/20261101-010101F/pg_data/base/1.zst', 'backup/lab/20261101-010101F/backup.manifest',
                 'archive/lab/17-1/0000000100000000/000000010000000000000001-ab.zst',
                 'archive/lab/17-1/0000000100000000/000000010000000000000002-cd.zst',
                 'archive/lab/17-1/0000000100000000/000000010000000000000003-ef.zst',
                 'archive/lab/archive.info'):  # fmt: skip
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b'x' * 500)
    return tmp_path


@pytest.mark.parametrize('kind', DAMAGES)
def test_each_damage_changes_one_file_that_holds_data(repository: Path, kind: Damage) -> None:
    before = {each: each.read_bytes() for each in repository.rglob('*') if each.is_file()}
    hurt = plant(kind, repository, 'lab', random.Random(7))
    changed = [each for each, content in before.items() if not each.exists() or each.read_bytes() != content]
    assert changed == [hurt]
    assert not hurt.name.startswith(('backup.', 'archive.'))


def test_where_nothing_is_nothing_is_planted(tmp_path: Path) -> None:
    for kind in DAMAGES:
        with pytest.raises(BadInput, match='nothing that'):
            plant(kind, tmp_path, 'lab', random.Random(7))


@pytest.mark.parametrize('content', ['', '{', '[]', '{"hosts": []}'])
def test_settings_of_the_database_that_are_broken_are_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / 'database.json').write_text(content)
    with pytest.raises(BadInput, match='`anlan up` writes it anew'):
        Database.of(tmp_path / 'database.json')


@pytest.mark.parametrize('content', ['', '{}', '{"tables": [[1]]}'])
def test_a_witness_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / 'local').mkdir()
    (tmp_path / 'local' / 'x.json').write_text(content)
    assert read_witness('x', 'local', tmp_path) is None


class Place:
    def __init__(self, *held: Snapshot, failure: BackupFailed | None = None) -> None:
        self.held, self.failure = held, failure

    def list(self, _: float) -> tuple[Snapshot, ...]:
        if self.failure is not None:
            raise self.failure
        return self.held


def looked_at(local: Place, offsite: Place, known: tuple[Record, ...] = ()) -> list[Ended]:
    engines: Any = {'local': local, 'offsite': offsite}
    database = Database('learning', engines, Cluster((), '', Limits(1, 1)))
    kept: list[Record] = []
    return DatabaseWork('ops-1', database, kept.append, silent, lambda: known).do(
        task('database-equality', policy='database', kind='equality', engine='pgbackrest', repository='database')
    )


def test_before_the_first_backup_there_is_nothing_to_look_at() -> None:
    assert looked_at(Place(), Place()) == []


def test_what_was_there_once_and_is_gone_is_a_failure() -> None:
    (end,) = looked_at(Place(), Place(), (run(HOUR, policy='database', host='ops-1'),))
    assert isinstance(end, VerificationEnded)
    assert 'there is no local backup' in end.problems[0]


def test_a_place_that_has_backups_or_does_not_answer_is_looked_at_whatever_is_noted() -> None:
    (end,) = looked_at(Place(), Place(backup(1)))
    assert isinstance(end, VerificationEnded)
    assert end.problems
    (end,) = looked_at(Place(failure=BackupFailed(ExitClass.UNREACHABLE, 'it does not answer')), Place())
    assert end.failure == ExitClass.UNREACHABLE.word


@pytest.mark.parametrize(
    ('answers', 'choice', 'point'), [(True, 'newest', NOW), (False, 'backup', NOW - timedelta(hours=1))]
)
def test_the_newest_backup_is_played_back_to_the_present_so_that_it_says_what_would_be_lost(
    monkeypatch: pytest.MonkeyPatch, answers: bool, choice: str, point: datetime
) -> None:
    noted = Witness('db-1', '0/1', NOW - timedelta(hours=1), 'old', ())
    present = Witness('db-1', '0/9', NOW, 'new', ())
    tried: list[Witness] = []

    class Engine(Place):
        def check(self, _: float) -> None:
            return

    def answer(*_: Any) -> Witness:
        if not answers:
            raise BackupFailed(ExitClass.UNREACHABLE, 'no leader')
        return present

    def trial(_: Any, chosen: Snapshot, seen: Witness, *__: Any) -> Told:
        tried.append(seen)
        return Told({'snapshot': chosen.identity, 'recovery_point': seen.taken, 'checks': 1})

    monkeypatch.setattr(database_work, 'read_witness', lambda *_: noted)
    monkeypatch.setattr(database_work, 'source_of', lambda *_: SimpleNamespace(leader='db-1', source='db-2'))
    monkeypatch.setattr(database_work, 'plant', lambda *_: 'new')
    monkeypatch.setattr(database_work, 'witness', answer)
    monkeypatch.setattr(DatabaseWork, 'tried', trial)
    engines: Any = {'local': Engine(backup(1))}
    work = DatabaseWork('ops-1', Database('learning', engines, Cluster((), '', Limits(1, 1))), lambda _: None, silent)
    told = task('database-restore', policy='database', kind='restore', engine='pgbackrest', repository='database')
    (end,) = work.do(told)
    assert isinstance(end, RestoreEnded)
    assert (end.failure, end.choice, end.recovery_point) == (None, choice, point)
    assert tried == [present if answers else noted]
