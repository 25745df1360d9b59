"""The point-in-time drill: rows are deleted by accident at a known second, and had back as of the second before.

The rows are the drill's own (canaries): nothing of a learner is touched. What was learned after the accident is in the
live database, and stays there; what came back is compared in a sealed scratch database.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anlan.deadline import Deadline
from backup.database_witness import Connect
from backup.engines.pgbackrest import PgBackRestEngine
from backup.failure import BackupFailed, ExitClass
from backup.journal import Told
from backup.port import Report, Snapshot
from backup.scratch_database import ScratchDatabase

ROWS = 20
APART_SECONDS = 1.5
"""Between the rows, the moment that is gone back to, and the accident: clocks and commits do not share a second."""


@dataclass(frozen=True)
class Accident:
    """What happened: the rows that were there at `before`, and are gone since `at`."""

    tokens: tuple[str, ...]
    before: datetime
    at: datetime


def happen(leader: str, connected: Connect) -> Accident:
    """Given the leader, write rows of the drill's own there and delete them by accident. Raise BackupFailed."""
    tokens = tuple(f'accident-{secrets.token_hex(12)}' for _ in range(ROWS))
    session = connected(leader)
    try:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.executemany('INSERT INTO anlan_backup.canary (token) VALUES (%s)', [(each,) for each in tokens])
            time.sleep(APART_SECONDS)
            before = _now(cursor)
            time.sleep(APART_SECONDS)
            cursor.execute('DELETE FROM anlan_backup.canary WHERE token = ANY(%s)', (list(tokens),))
            if cursor.rowcount != ROWS:
                raise BackupFailed(ExitClass.FAILED, f'{cursor.rowcount} of {ROWS} rows were deleted')
            return Accident(tokens, before, _now(cursor))
    except BackupFailed:
        raise
    except Exception as error:
        raise BackupFailed(ExitClass.FAILED, f'the accident could not be staged on {leader}: {error}') from None
    finally:
        session.close()


def undone(
    accident: Accident, backups: tuple[Snapshot, ...], engine: PgBackRestEngine,
    trial: Callable[[Callable[..., Any], Callable[[ScratchDatabase], list[str]]], Any],
    *, deadline: Deadline, report: Report,
) -> Told:  # fmt: skip
    """Given an accident and the backups of a place, restore as of before it on trial and return what came of it.

    `trial` restores by a function that it gives a folder, and asks what comes up.
    """
    fit = [each for each in backups if each.ended < accident.before]
    if not fit:
        raise BackupFailed(ExitClass.NO_SNAPSHOT, 'there is no backup from before the accident')
    # The log up to the accident has to be there: it is in the piece that is being written.
    engine.check(deadline.remaining_seconds())

    def restore(folder: Any) -> Any:
        return engine.restore(
            fit[-1].identity, folder, deadline.remaining_seconds(), to_time=accident.before, report=report
        )

    def differences(scratch: ScratchDatabase) -> list[str]:
        lost = [each for each in accident.tokens if not scratch.has_canary(each)]
        return [f'{len(lost)} of {ROWS} deleted rows did not come back'] if lost else []

    done, problems = trial(restore, differences)
    return Told(
        {
            'snapshot': fit[-1].identity, 'recovery_point': accident.before, 'restored_bytes': done.restored_bytes,
            'files': done.files, 'checks': ROWS, 'problems': tuple(problems), 'choice': 'time',
        }
    )  # fmt: skip


def _now(cursor: Any) -> datetime:
    cursor.execute('SELECT clock_timestamp()')
    found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)
