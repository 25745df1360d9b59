"""The database as of a moment: restored into a folder of its own on the keeper, and started there, sealed, to be read.

Times tell what of the log is probably needed; that all of it is there is shown by a later transaction in it, by a later
backup, or by the leader. Without any of them nothing is called the database as of that moment.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup import places
from backup.database_work import Database
from backup.engines.pgbackrest import LIVE_ROOTS, PgBackRestEngine
from backup.engines.pgbackrest_commits import last_commit
from backup.failure import BackupFailed, ExitClass
from backup.moment import CLOCKS, PIECE_BYTES, Moment, chosen, plain, reached
from backup.moment_standing import Standing, forget, journal, marked, note, wipe
from backup.port import Progress, Report, Restored
from backup.record import new_identity
from backup.scratch import refusal
from backup.scratch_database import ScratchDatabase, begun
from backup.task import Place

OWN_ROOTS = tuple(map(Path, ('/var/lib/anlan', '/etc/anlan')))
HIDDEN = tuple(map(Path, ('/tmp', '/var/tmp', '/dev', '/home', '/root', '/run')))  # noqa: S108 - refused
"""A restored database has a /tmp of its own and sees nobody's home: it could not be started there."""

LONGEST_TARGET_BYTES = 90
"""The name of a socket below it must fit into 107 bytes."""

SPARE_SHARE = 1.1
OWN_LOG_BYTES = 512 * 1024**2
TARGET_LINE = 'recovery_target'


@dataclass(frozen=True)
class Wish:
    """What is asked for: which moment (None: the latest) of which place, where to, and how long it may stand there."""

    place: Place
    to_time: datetime | None
    target: Path
    standing_hours: float


class MomentWork:
    """Brings the database back as of a moment. `report` is told of progress."""

    def __init__(self, database: Database, report: Report) -> None:
        self.database, self.report = database, report

    def plan(self, wish: Wish, deadline: Deadline) -> Moment:
        """Return what would be restored. Raise BackupFailed if it would not; nothing is changed anywhere."""
        if (reason := unfit(wish.target)) is not None:
            raise BackupFailed(ExitClass.TARGET_REFUSED, f'nothing is restored: {reason}')
        moment = self._moment(wish, deadline)
        # What is played back stands in the log folder and, until its next checkpoint, in the database's own.
        log = moment.log_bytes + min(moment.log_bytes, OWN_LOG_BYTES)
        wanted = (moment.backup.source_bytes + log) * SPARE_SHARE
        free = free_bytes(wish.target)
        if wanted > free:
            sentence = f'{wish.target} has {free / 1e6:.0f} MB free; {wanted / 1e6:.0f} MB are needed'
            raise BackupFailed(ExitClass.NO_SPACE, f'nothing is restored: {sentence}')
        return moment

    def restore(self, wish: Wish, deadline: Deadline) -> dict[str, Any]:
        """Restore, start, and return what stands there. Raise BackupFailed; then nothing is left of it."""
        began = time.monotonic()
        notes: list[str] = []
        moment = self.plan(wish, deadline)
        if moment.young:
            moment = self._younger(wish, moment, deadline, notes)
        standing = _noted(wish, deadline)
        try:
            done, seen = self._restored(moment, wish, deadline, notes)
            if moment.to_time is not None and not seen:
                play_all(wish.target)
            replayed = time.monotonic()
            standing = marked(standing, datetime.now(UTC) + timedelta(hours=wish.standing_hours))
            scratch = begun(
                wish.target, self.database.name, standing.unit, deadline.remaining_seconds(),
                wish.standing_hours * 3600,
            )  # fmt: skip
            point = last_transaction(scratch)
            if moment.to_time is not None and point is not None and point > moment.to_time:
                sentence = f'what came up has a transaction of {plain(point)}, after {plain(moment.to_time)}'
                raise BackupFailed(ExitClass.FAILED, f'{sentence}: it is wiped')
            if problems := scratch.sealed():
                raise BackupFailed(ExitClass.FAILED, f'it is not sealed: {"; ".join(problems)}: it is wiped')
        except BaseException as failure:
            # What was refused has not been written into, and may be somebody else's.
            if isinstance(failure, BackupFailed) and failure.exit_class is ExitClass.TARGET_REFUSED:
                forget(standing)
            else:
                wipe(standing)
            raise
        told = {
            **document_of(moment, wish), 'identity': standing.identity, 'unit': standing.unit,
            'expires': standing.expires.isoformat(), 'database': self.database.name, 'notes': notes,
            'recovery_point': point.isoformat() if point else None, 'restored_bytes': done.restored_bytes,
            'files': done.files, 'seconds': time.monotonic() - began, 'replay_seconds': time.monotonic() - replayed,
        }  # fmt: skip
        journal('standing', told)
        return told

    def _moment(self, wish: Wish, deadline: Deadline) -> Moment:
        engine = self._engine(wish.place)
        backups = engine.backups(deadline.remaining_seconds())
        own = [each for each in backups if each.archive == backups[-1].archive]
        pieces = engine.pieces(own[-1].archive, deadline.remaining_seconds()) if own else ()
        return chosen(wish.to_time, own, pieces)

    def _younger(self, wish: Wish, moment: Moment, deadline: Deadline, notes: list[str]) -> Moment:
        """Have the piece of the log that is being written be kept, and plan anew. For the latest it is done without."""
        until = datetime.now(UTC)
        try:
            self._engine(wish.place).check(deadline.remaining_seconds())
        except BackupFailed as failure:
            if wish.to_time is not None:
                sentence = f'nothing shows that the log has all until {plain(wish.to_time)}'
                known = f'{moment.reach.spoken()}, and the leader gives no more ({failure})'
                raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{sentence}: {known}') from None
            notes.append(f'the leader gives no more of the log than until {plain(moment.reach.last)} ({failure})')
            return moment
        return reached(self._moment(wish, deadline), until)

    def _restored(self, moment: Moment, wish: Wish, deadline: Deadline, notes: list[str]) -> tuple[Restored, bool]:
        """Restore the backup and what of the log is needed; return it, and whether the log has a later transaction."""
        engine, seen = self._engine(wish.place), False

        def fetch(log: Path) -> None:
            nonlocal seen

            def get(name: str) -> None:
                if not (log / name).exists():
                    engine.get(name, log, deadline.remaining_seconds())

            seen = fetched(moment, log, get, self.report, last_commit)
            if not seen and not moment.whole and moment.to_time is not None:
                more = self._younger(wish, moment, deadline, notes)
                seen = fetched(more, log, get, self.report, last_commit)

        done = engine.restore(
            moment.backup.label, wish.target, deadline.remaining_seconds(), to_time=moment.to_time, fetch=fetch,
            report=of_all(moment.backup.source_bytes, self.report),
        )  # fmt: skip
        return done, seen

    def _engine(self, place: Place) -> PgBackRestEngine:
        engine = self.database.engines.get(place)
        if engine is None:
            raise BadInput(f'there is no {place} repository of the database; `anlan up` sets it up')
        return engine


def fetched(
    moment: Moment, log: Path, get: Callable[[str], None], report: Report,
    committed: Callable[[Path], datetime | None],
) -> bool:  # fmt: skip
    """Get the log for a moment, piece by piece, until one has a transaction from after it; return whether one had.

    One number more is got: of two timelines the later one may go on where the earlier one has ended.
    """
    started, last, seen = time.monotonic(), None, False
    for count, piece in enumerate(moment.pieces):
        if last is not None and piece.number is not None and piece.number > last:
            break
        get(piece.name)
        total = max(moment.needed, count + 1)
        report(Progress(count + 1, total, (count + 1) * PIECE_BYTES, total * PIECE_BYTES, time.monotonic() - started))
        if seen or moment.to_time is None or piece.number is None or piece.kept < moment.to_time - CLOCKS:
            continue
        newest = committed(log / piece.name)
        if newest is not None and newest > moment.to_time:
            seen, last = True, piece.number + 1
    return seen


def of_all(total_bytes: int, report: Report) -> Report:
    """Given how many bytes there are and what is told of progress, return what is told with that total."""

    def told(progress: Progress) -> None:
        report(replace(progress, total_bytes=total_bytes, done_bytes=min(progress.done_bytes, total_bytes)))

    return told


def unfit(target: Path) -> str | None:
    """Given a target, return why no database is restored there, or None: as for files, and it has to come up there."""
    # Before a link is followed: what the name leads to is looked at as well.
    if (reason := refusal(target, (*LIVE_ROOTS, *places.LIVE_ROOTS, *OWN_ROOTS))) is not None:
        return reason
    real = target.resolve()
    if str(real) != str(target):
        return f'{target} is another name of {real}'
    hidden = next((each for each in HIDDEN if each == real or each in real.parents), None)
    if hidden is not None:
        return f'a restored database sees nothing of {hidden}; /srv is a good place'
    if len(str(target).encode()) > LONGEST_TARGET_BYTES:
        return f'{target} is longer than {LONGEST_TARGET_BYTES} bytes, too long for a socket below it'
    if target.is_dir() and any(target.iterdir()):
        return f'{target} is not empty'
    closed = next((each for each in real.parents if each.exists() and not each.stat().st_mode & 0o001), None)
    return None if closed is None else f'the database may not pass through {closed}'


def free_bytes(target: Path) -> int:
    """Given a target, return what is free where it is, or will be."""
    return shutil.disk_usage(next(each for each in (target, *target.parents) if each.exists())).free


def last_transaction(scratch: ScratchDatabase) -> datetime | None:
    """Given what came up, return when the last transaction was committed that was played back, None if none was."""
    rows = scratch.ask('SELECT extract(epoch FROM pg_last_xact_replay_timestamp());', 'postgres')
    return datetime.fromtimestamp(float(rows[0][0]), UTC) if rows and rows[0][0] else None


def play_all(target: Path) -> None:
    """Given a restored database whose log has nothing from after its moment, have it play back all that there is.

    PostgreSQL refuses to end before it has seen a later transaction; that none is there is known.
    """
    file = target / 'postgresql.auto.conf'
    lines = file.read_text(encoding='utf-8').splitlines(keepends=True)
    file.write_text(''.join(line for line in lines if not _is_goal(line)), encoding='utf-8')


def document_of(moment: Moment, wish: Wish) -> dict[str, Any]:
    """Given what is restored for a wish, return it as plain data."""
    return {
        'place': wish.place, 'target': str(wish.target),
        'to_time': moment.to_time.isoformat() if moment.to_time else None,
        'backup': moment.backup.label, 'backup_kind': moment.backup.kind,
        'backup_ended': moment.backup.ended.isoformat(),
        'backup_bytes': moment.backup.source_bytes, 'backup_stored_bytes': moment.backup.stored_bytes,
        'log_pieces': moment.log_pieces,
        'log_bytes': moment.log_bytes, 'log_stored_bytes': moment.stored_bytes,
        'reach': {'first': moment.reach.first.isoformat(), 'last': moment.reach.last.isoformat()},
        'young': moment.young, 'standing_hours': wish.standing_hours,
    }  # fmt: skip


def _is_goal(line: str) -> bool:
    name = line.split('=', maxsplit=1)[0].strip()
    return name.startswith(TARGET_LINE) and name != 'recovery_target_timeline'


def _noted(wish: Wish, deadline: Deadline) -> Standing:
    """Make the empty folder and note it, before anything is written into it."""
    for each in reversed(wish.target.parents):
        if not each.exists():
            each.mkdir(mode=0o755)
            each.chmod(0o755)
    wish.target.mkdir(mode=0o700, exist_ok=True)
    about, identity, now = wish.target.lstat(), new_identity(), datetime.now(UTC)
    expires = now + timedelta(seconds=deadline.remaining_seconds(), hours=wish.standing_hours)
    standing = Standing(
        identity, str(wish.target), about.st_dev, about.st_ino, f'anlan-moment-{identity[:8]}.service', wish.place,
        now, expires, os.getpid(),
    )  # fmt: skip
    note(standing)
    return standing
