"""What is recorded of the database when it is backed up, so that a restore can be held against it later.

A canary, a row that nobody could know before, is written on the leader before the backup. Counts and checksums of all
tables are taken in one transaction together with the place in the log that they are of: a restore to that place has the
same. The role that asks sees counts and checksums, never a row (role database_backup).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline
from backup.failure import BackupFailed, ExitClass
from backup.table_checksum import Table

PASSWORD_FILE = Path('/etc/anlan/backup/database-password')
STILL_SECONDS = 0.02
"""So long the log must have stood still around a snapshot for its place to be the snapshot's."""

PAUSE_SECONDS = 0.05
LOCATION = (
    'SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text'
)
Connect = Callable[[str], Any]


@dataclass(frozen=True)
class Witness:
    """What the database had at a place of its log. `host` is where it was asked."""

    host: str
    location: str
    taken: datetime
    canary: str
    tables: tuple[Table, ...]


def connect(host: str, database: str, password_file: Path = PASSWORD_FILE) -> Any:
    """Given a data host, return a session there as anlan_backup. Raise BackupFailed if it cannot be had."""
    # Here: an engine of files has no database, and the hosts have Debian's package.
    import psycopg2  # type: ignore[import-untyped]

    try:
        return psycopg2.connect(
            host=host, dbname=database, user='anlan_backup', password=password_file.read_text(encoding='utf-8').strip(),
            connect_timeout=10, sslmode='verify-full', sslrootcert='/etc/anlan/tls/ca.crt',
            sslcert='/etc/anlan/tls/host.crt', sslkey='/etc/anlan/tls/host.key', application_name='anlan-backup',
        )  # fmt: skip
    except (psycopg2.Error, OSError) as error:
        raise BackupFailed(ExitClass.UNREACHABLE, f'{host} lets nobody in as anlan_backup: {_line(error)}') from None


def plant(leader: str, connected: Connect) -> str:
    """Given the leader, write a canary there and return it. Raise BackupFailed."""
    canary = f'canary-{secrets.token_hex(16)}'
    session = connected(leader)
    try:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute('INSERT INTO anlan_backup.canary (token) VALUES (%s)', (canary,))
            # They are of no use once every restore is from after them.
            cursor.execute("DELETE FROM anlan_backup.canary WHERE written < now() - interval '400 days'")
    except Exception as error:
        raise BackupFailed(ExitClass.FAILED, f'no canary could be written on {leader}: {_line(error)}') from None
    finally:
        session.close()
    return canary


def witness(host: str, canary: str, connected: Connect, deadline_seconds: float) -> Witness:
    """Given the member that a backup is taken from and the canary, return what the database has at one place.

    Raise BackupFailed if the canary does not come there, or the log does not stand still for a moment, in time.
    """
    deadline = Deadline(deadline_seconds)
    session = connected(host)
    try:
        _await_canary(session, host, canary, deadline)
        while True:
            found = _once(session, host, canary)
            if found is not None:
                return found
            if deadline.passed():
                sentence = (
                    f'{host}: the log did not stand still for {STILL_SECONDS * 1000:.0f} ms in {deadline_seconds:.0f} s'
                )
                raise BackupFailed(ExitClass.DEADLINE, sentence)
            time.sleep(PAUSE_SECONDS)
    except BackupFailed:
        raise
    except Exception as error:
        raise BackupFailed(ExitClass.FAILED, f'{host} does not tell what it has: {_line(error)}') from None
    finally:
        session.close()


def _await_canary(session: Any, host: str, canary: str, deadline: Deadline) -> None:
    session.autocommit = True
    with session.cursor() as cursor:
        while True:
            cursor.execute('SELECT count(*) FROM anlan_backup.canary WHERE token = %s', (canary,))
            if cursor.fetchone()[0]:
                break
            if deadline.passed():
                raise BackupFailed(ExitClass.DEADLINE, f'the canary did not come to {host}')
            time.sleep(PAUSE_SECONDS)
    session.autocommit = False


def _once(session: Any, host: str, canary: str) -> Witness | None:
    """Take a snapshot; return what is in it if the log stood still around it, so that its place is known, else None."""
    session.rollback()
    with session.cursor() as cursor:
        cursor.execute(LOCATION)
        before = cursor.fetchone()[0]
        session.rollback()
        cursor.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
        cursor.execute('SELECT clock_timestamp()')
        taken = cursor.fetchone()[0].astimezone(UTC)
        time.sleep(STILL_SECONDS)
        cursor.execute(LOCATION)
        if cursor.fetchone()[0] != before:
            session.rollback()
            return None
        cursor.execute('SELECT name, row_count, checksum FROM anlan_backup.fingerprint()')
        tables = tuple(Table(*row) for row in cursor.fetchall())
    session.rollback()
    return Witness(host, before, taken, canary, tables)


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
