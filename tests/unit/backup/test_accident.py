"""Rows deleted by accident: what came back is counted, and what did not is said."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anlan.deadline import Deadline
from backup import accident
from backup.accident import ROWS, Accident, happen, undone
from backup.failure import BackupFailed, ExitClass
from backup.port import Restored, Snapshot, silent

from .moments import at


class Cursor:
    """A leader's cursor: keeps tokens, tells the time."""

    def __init__(self, deletes: int = ROWS) -> None:
        self.tokens: list[str] = []
        self.rowcount = 0
        self.deletes = deletes
        self.moment = at(0)

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def executemany(self, question: str, rows: Any) -> None:
        self.tokens += [row[0] for row in rows]

    def execute(self, question: str, values: Any = ()) -> None:
        if question.startswith('DELETE'):
            self.rowcount = self.deletes
        self.moment += timedelta(seconds=1)

    def fetchone(self) -> tuple[datetime]:
        return (self.moment,)


class Session:
    """A session there."""

    autocommit = False

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def cursor(self) -> Cursor:
        return self._cursor

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accident.time, 'sleep', lambda seconds: None)


def test_an_accident_has_a_moment_before_it_at_which_all_rows_were_there() -> None:
    cursor = Cursor()
    happened = happen('db-1', lambda host: Session(cursor))
    assert len(set(happened.tokens)) == ROWS == len(cursor.tokens)
    assert happened.before < happened.at


def test_an_accident_that_did_not_happen_is_no_drill() -> None:
    with pytest.raises(BackupFailed, match='3 of 20 rows were deleted'):
        happen('db-1', lambda host: Session(Cursor(deletes=3)))


class Engine:
    """An engine that notes what it was asked to restore."""

    def __init__(self) -> None:
        self.checked = False
        self.to_time: datetime | None = None

    def check(self, seconds: float) -> None:
        self.checked = True

    def restore(self, identity: str, folder: Path, seconds: float, *, to_time: datetime, report: Any) -> Restored:
        self.to_time = to_time
        return Restored(identity, folder, 9, 1000, 1.0, to_time)


class Scratch:
    """A restored database that has some of the rows."""

    def __init__(self, there: set[str]) -> None:
        self.there = there

    def has_canary(self, token: str) -> bool:
        return token in self.there


HAPPENED = Accident(tuple(f'row-{number}' for number in range(ROWS)), at(100), at(103))


def tried(there: set[str], backups: tuple[Snapshot, ...], engine: Engine) -> Any:
    def trial(restore: Any, compare: Any) -> tuple[Restored, list[str]]:
        return restore(Path('/trial')), compare(Scratch(there))

    return undone(HAPPENED, backups, engine, trial, deadline=Deadline(60), report=silent)  # type: ignore[arg-type]


def backup(ended: float) -> Snapshot:
    return Snapshot(f'backup-{ended:g}', 'database', 'ops-1', at(ended - 1), at(ended))


def test_the_newest_backup_from_before_the_accident_is_played_back_to_the_moment_before_it() -> None:
    engine = Engine()
    told = tried(set(HAPPENED.tokens), (backup(10), backup(90), backup(101)), engine)
    assert (told.values['snapshot'], told.values['problems'], told.values['checks']) == ('backup-90', (), ROWS)
    assert (engine.checked, engine.to_time) == (True, HAPPENED.before)
    assert told.values['choice'] == 'time'


def test_a_row_that_did_not_come_back_is_a_problem() -> None:
    told = tried(set(HAPPENED.tokens[1:]), (backup(10),), Engine())
    assert told.values['problems'] == ('1 of 20 deleted rows did not come back',)


def test_without_a_backup_from_before_the_accident_nothing_is_claimed() -> None:
    with pytest.raises(BackupFailed) as failed:
        tried(set(), (backup(101),), Engine())
    assert failed.value.exit_class is ExitClass.NO_SNAPSHOT
