"""The work on the database: what the keeper does for a task of a policy that pgBackRest keeps, each with a record.

Beside each backup stands what the database had at one place of its log (the witness): a restore is played back to that
place, in a sealed scratch database, and has to have the same. The newest is played back to what it has now.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from anlan.deadline import Deadline
from anlan.errors import BadInput
from anlan.files import write_atomically
from backup.accident import happen, undone
from backup.archive_chain import Chain
from backup.database_damage import DAMAGES, damage_is_caught
from backup.database_witness import Witness, connect, plant, witness
from backup.engines.pgbackrest import Cluster, PgBackRestEngine
from backup.engines.pgbackrest import Place as Repository
from backup.engines.pgbackrest_members import Limits, source_of
from backup.failure import BackupFailed, ExitClass
from backup.journal import Keep, Told, recorded
from backup.looking import look_at_all
from backup.port import Depth, Job, Report, Restored, Snapshot
from backup.record import (
    Ended,
    ForgettingEnded,
    Looked,
    PlantingEnded,
    Record,
    RestoreEnded,
    RunEnded,
    VerificationEnded,
    new_identity,
)  # fmt: skip
from backup.scratch_database import ROOT, ScratchDatabase, started, wipe
from backup.table_checksum import Table, differences
from backup.task import Place, Task

WITNESSES = Path('/var/lib/anlan/backup/witnesses')
WITNESS_SECONDS = 120.0
START_SECONDS = 600.0
PLANTED_KINDS = 2
LOCAL: Place = 'local'
OFFSITE: Place = 'offsite'
LATER = timedelta(hours=8)
"""By so much the newest backup off-site may be older than the newest one here: the time between two, and some."""

CLOSE_SHARE = 0.1
"""By how much two backups of one database, hours apart, may differ in size."""

CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Database:
    """The database that is backed up, and where its repositories lie; read from a file of the role database_backup."""

    name: str
    engines: dict[Place, PgBackRestEngine]
    cluster: Cluster

    @classmethod
    def of(cls, file: Path) -> Database:
        """Given the file, return it. Raise BadInput if the file is not what the role writes."""
        try:
            document = json.loads(file.read_text(encoding='utf-8'))
            limits = Limits(int(document['lag_bytes']), float(document['lag_seconds']))
            cluster = Cluster(tuple(document['hosts']), document['path'], limits)
            engines = {
                place: PgBackRestEngine(
                    Repository(Path(each['write']), Path(each['read']), document['stanza'], cluster)
                )
                for place, each in document['places'].items()
            }
            return cls(document['database'], engines, cluster)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f'{file} cannot be used ({error}); `anlan up` writes it anew') from None


class DatabaseWork:
    """Does the tasks of the database on the keeper.

    `keep` writes a record; `report` is told of progress; `known` are earlier records.
    """

    def __init__(
        self, host: str, database: Database, keep: Keep, report: Report, known: Callable[[], Iterable[Record]] = tuple
    ) -> None:
        self.host, self.database, self.keep, self.report, self.known = host, database, keep, report, known

    def do(self, task: Task) -> list[Ended]:
        """Given a task, do it in each of its places, and return the ends, good and bad."""
        deadline = Deadline(task.deadline_seconds)
        ends: list[Ended] = []
        looks: list[Callable[[], object]] = []
        if task.kind not in {'incremental', 'full'} and not self._begun(task.policy, deadline):
            return []
        if task.kind == 'equality':
            return [self.equality(task, deadline)]
        if task.kind == 'planting':
            return [self.planting(task, deadline)]
        for place in task.places:
            engine = self.database.engines.get(place)
            if engine is None:
                raise BadInput(f'{self.host} has no {place} repository of the database; `anlan up` sets it up')
            if task.kind in {'incremental', 'full'}:
                ends.append(self.run(task, place, engine, deadline))
            elif task.kind == 'structure':
                ends.append(self.verify(task, place, engine, 'structure', deadline))
            elif task.kind == 'data':
                ends.append(self.verify(task, place, engine, 'data', deadline))
            elif task.kind == 'restore':
                ends.append(self.restore(task, place, engine, deadline))
            elif task.kind == 'forget':
                ends.append(self.forget(task, place, engine, deadline))
            elif task.kind == 'look':
                looks.append(partial(self.look, task.policy, place, engine, deadline))
            else:
                raise BadInput(f'{task.name}: pgBackRest writes to both places itself, nothing is copied')
        look_at_all(looks)
        return ends

    def _begun(self, policy: str, deadline: Deadline) -> bool:
        """Return whether a backup was ever made. Before the first there is nothing to look at: the status says `never`.

        What was there once and is gone is a failure, and so is a place that does not say what it has.
        """
        if any(isinstance(each, RunEnded) and each.policy == policy for each in self.known()):
            return True
        try:
            return any(engine.list(deadline.remaining_seconds()) for engine in self.database.engines.values())
        except BackupFailed:
            return True

    def run(self, task: Task, place: Place, engine: PgBackRestEngine, deadline: Deadline) -> Ended:
        """Back the database up into one place, and note what it had."""

        def work() -> Told:
            engine.prepare(deadline.remaining_seconds())
            choice = source_of(self.database.cluster.hosts, self.database.cluster.limits)
            canary = plant(choice.leader, self.connect)
            job = Job(task.policy, self.host, kind='full' if task.kind == 'full' else 'incremental')
            done = engine.run(job, deadline.remaining_seconds(), self.report)
            seen = witness(
                choice.source, canary, self.connect, min(WITNESS_SECONDS, max(1.0, deadline.remaining_seconds()))
            )
            # What is only in the piece of the log that is being written is not kept yet.
            engine.check(deadline.remaining_seconds())
            _note(done.snapshot.identity, place, seen)
            self.look(task.policy, place, engine, deadline)
            return Told(
                {
                    'snapshot': done.snapshot.identity, 'recovery_point': seen.taken,
                    'source_bytes': done.source_bytes, 'added_bytes': done.added_bytes,
                    'files': done.snapshot.files, 'unread': len(done.unread),
                },
                done.exit_class.word if done.exit_class else None,
                '; '.join(done.unread),
            )  # fmt: skip

        return recorded(self.keep, 'run', RunEnded, (task.policy, self.host, place), work)

    def look(self, policy: str, place: Place, engine: PgBackRestEngine, deadline: Deadline) -> None:
        """Record what a place holds."""
        found = engine.list(deadline.remaining_seconds())
        stats = engine.stats(deadline.remaining_seconds())
        newest = found[-1] if found else None
        self.keep(
            Looked(
                policy, self.host, place, datetime.now(UTC), len(found), newest.ended if newest else None,
                newest.source_bytes if newest else 0, stats.stored_bytes,
            )
        )  # fmt: skip

    def verify(self, task: Task, place: Place, engine: PgBackRestEngine, depth: Depth, deadline: Deadline) -> Ended:
        """Look whether one place has each backup whole, and the log without a gap."""

        def work() -> Told:
            found = engine.verify(depth, deadline.remaining_seconds(), self.report)
            self.look(task.policy, place, engine, deadline)
            return Told({'depth': depth, 'problems': found.problems, 'read_bytes': found.read_bytes})

        subject = (task.policy, self.host, place)
        return recorded(self.keep, 'verification', VerificationEnded, subject, work, fixed={'depth': depth})

    def equality(self, task: Task, deadline: Deadline) -> Ended:
        """Hold both places against each other. Each has backups of its own, so ages and sizes are compared."""

        def work() -> Told:
            held = {}
            for place in ('local', 'offsite'):
                engine = self.database.engines.get(place)
                held[place] = engine.list(deadline.remaining_seconds()) if engine is not None else ()
            return Told({'depth': 'equality', 'problems': unequal(held['local'], held['offsite'])})

        subject = (task.policy, self.host, OFFSITE)
        return recorded(self.keep, 'verification', VerificationEnded, subject, work, fixed={'depth': 'equality'})

    def planting(self, task: Task, deadline: Deadline) -> Ended:
        """Plant damage into throw-away copies of the local repository: each must be caught."""

        def work() -> Told:
            engine = self.database.engines.get(LOCAL)
            if engine is None:
                raise BadInput(f'{self.host} has no local repository of the database; `anlan up` sets it up')
            kinds = CHANCE.sample(DAMAGES, PLANTED_KINDS)
            caught = [kind for kind in kinds if damage_is_caught(kind, engine, deadline)]
            return Told({'planted': tuple(kinds), 'caught': tuple(caught)})

        return recorded(self.keep, 'planting', PlantingEnded, (task.policy, self.host, LOCAL), work)

    def restore(self, task: Task, place: Place, engine: PgBackRestEngine, deadline: Deadline) -> Ended:
        """Restore a backup into a sealed scratch database, hold it against its witness, and wipe it."""

        def work() -> Told:
            found = engine.list(deadline.remaining_seconds())
            noted = [(each, seen) for each in found if (seen := read_witness(each.identity, place)) is not None]
            if not noted:
                raise BackupFailed(
                    ExitClass.NO_SNAPSHOT,
                    f'the {place} place has no backup beside which was noted what the database had',
                )
            choice = CHANCE.choice(['newest', 'newest', 'random', 'oldest'])
            chosen, seen = {'newest': noted[-1], 'oldest': noted[0], 'random': CHANCE.choice(noted)}[choice]
            if chosen is noted[-1][0]:
                # All of the log after it has to come back too, else the loss would be as old as the backup.
                now = self.present(engine, deadline)
                choice, seen = ('backup', seen) if now is None else ('newest', now)
            told = self.tried(chosen, seen, engine, deadline)
            return replace(told, values={**told.values, 'choice': choice})

        return recorded(self.keep, 'restore', RestoreEnded, (task.policy, self.host, place), work)

    def present(self, engine: PgBackRestEngine, deadline: Deadline) -> Witness | None:
        """Return what the database has now, once its log up to there is kept; None if it does not say so."""
        try:
            choice = source_of(self.database.cluster.hosts, self.database.cluster.limits)
            canary = plant(choice.leader, self.connect)
            limit = min(WITNESS_SECONDS, max(1.0, deadline.remaining_seconds()))
            seen = witness(choice.source, canary, self.connect, limit)
        except BackupFailed:
            return None
        # A log that does not come to this place is what a drill is for.
        engine.check(deadline.remaining_seconds())
        return seen

    def tried(self, chosen: Snapshot, seen: Witness, engine: PgBackRestEngine, deadline: Deadline) -> Told:
        """Given a backup and what the database had beside it, restore it on trial and return what came of it."""

        def restore(folder: Path) -> Restored:
            return engine.restore(
                chosen.identity, folder, deadline.remaining_seconds(), to_location=seen.location, report=self.report
            )

        chain = Chain(0, 0, ())

        def compare(scratch: ScratchDatabase) -> list[str]:
            nonlocal chain
            problems = list(differences(seen.tables, scratch.tables()))
            if not scratch.has_canary(seen.canary):
                problems.append('the row that was written before the backup is not there')
            chain = scratch.archive_chain()
            return [*problems, *chain.problems]

        done, problems = self.trial(restore, compare, deadline)
        return Told(
            {
                'snapshot': chosen.identity, 'recovery_point': seen.taken, 'restored_bytes': done.restored_bytes,
                'files': done.files, 'checks': len(seen.tables) + 1 + chain.checks, 'problems': tuple(problems),
            },
            sentence=chain.reason,
        )  # fmt: skip

    def trial(
        self, restore: Callable[[Path], Restored], compare: Callable[[ScratchDatabase], list[str]], deadline: Deadline
    ) -> tuple[Restored, list[str]]:
        """Restore into a folder of its own, ask what comes up there, sealed, and wipe it, whatever happened."""
        ROOT.mkdir(parents=True, exist_ok=True, mode=0o711)
        folder = ROOT / f'trial-{new_identity()[:12]}'
        try:
            done = restore(folder)
            with started(folder, self.database.name, min(START_SECONDS, deadline.remaining_seconds())) as scratch:
                return done, [*scratch.sealed(), *compare(scratch)]
        finally:
            if folder.exists():
                wipe(folder)

    def accident(self, policy: str, place: Place, seconds: float) -> Ended:
        """Delete rows of the drill's own by accident, and have them back as of the second before."""
        deadline = Deadline(seconds)

        def work() -> Told:
            engine = self.database.engines.get(place)
            if engine is None:
                raise BadInput(f'{self.host} has no {place} repository of the database; `anlan up` sets it up')
            choice = source_of(self.database.cluster.hosts, self.database.cluster.limits)
            happened = happen(choice.leader, self.connect)
            backups = engine.list(deadline.remaining_seconds())
            return undone(
                happened, backups, engine, lambda restore, compare: self.trial(restore, compare, deadline),
                deadline=deadline, report=self.report,
            )  # fmt: skip

        return recorded(self.keep, 'restore', RestoreEnded, (policy, self.host, place), work, fixed={'choice': 'time'})

    def forget(self, task: Task, place: Place, engine: PgBackRestEngine, deadline: Deadline) -> Ended:
        """Forget what has run out in one place."""

        def work() -> Told:
            if task.retention is None:
                raise BadInput(f'task {task.name} says not what is kept')
            done = engine.forget(task.policy, task.retention, deadline.remaining_seconds())
            for label in done.removed:
                (WITNESSES / place / f'{label}.json').unlink(missing_ok=True)
            return Told({'removed': len(done.removed), 'freed_bytes': done.freed_bytes})

        return recorded(self.keep, 'forget', ForgettingEnded, (task.policy, self.host, place), work)

    def connect(self, host: str) -> object:
        """Given a data host, return a session there."""
        return connect(host, self.database.name)


def unequal(local: Sequence[Snapshot], offsite: Sequence[Snapshot]) -> tuple[str, ...]:
    """Given the backups of both places, from old to new, return why the other site is no second copy, or nothing."""
    if not local:
        return ('there is no local backup, so nothing shows that the other site has one of the same',)
    if not offsite:
        return ('the other site holds no backup',)
    here, there = local[-1], offsite[-1]
    problems = []
    if here.ended - there.ended > LATER:
        problems.append(
            f'the newest backup off-site is of {there.ended:%Y-%m-%d %H:%M}, here of {here.ended:%Y-%m-%d %H:%M}'
        )
    if abs(here.source_bytes - there.source_bytes) > CLOSE_SHARE * here.source_bytes:
        problems.append(f'the newest backup off-site is of {there.source_bytes} bytes, here of {here.source_bytes}')
    fulls = [[each for each in side if each.parent is None] for side in (local, offsite)]
    if len(fulls[1]) < len(fulls[0]) - 1:
        problems.append(f'the other site holds {len(fulls[1])} full backups, here are {len(fulls[0])}')
    return tuple(problems)


def read_witness(label: str, place: Place, folder: Path = WITNESSES) -> Witness | None:
    """Given a backup and its place, return what was noted beside it, None if nothing was that can be read."""
    try:
        document = json.loads((folder / place / f'{label}.json').read_text(encoding='utf-8'))
        tables = tuple(Table(*each) for each in document['tables'])
        taken = datetime.fromisoformat(document['taken'])
        return Witness(document['host'], document['location'], taken, document['canary'], tables)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(label: str, place: Place, seen: Witness, folder: Path = WITNESSES) -> None:
    where = folder / place
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {**asdict(seen), 'taken': seen.taken.isoformat(), 'tables': _rows(seen.tables)}
    write_atomically(where / f'{label}.json', json.dumps(document, sort_keys=True))


def _rows(tables: Sequence[Table]) -> list[list[object]]:
    return [[each.name, each.row_count, each.checksum] for each in tables]
