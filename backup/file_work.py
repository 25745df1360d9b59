"""The work on files: what a host does for a task of a policy that restic keeps, each thing with a record of it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from math import ceil
from pathlib import Path

from anlan.deadline import Deadline
from anlan.errors import BadInput
from anlan.files import write_atomically
from backup.engines.restic import ResticEngine
from backup.failure import BackupFailed, ExitClass
from backup.file_trials import MANIFEST_TAG, FileTrials, manifest_file
from backup.journal import Keep, Told, recorded
from backup.looking import look_at_all
from backup.manifest import digest, manifest_of
from backup.places import FilePlace, Places
from backup.port import Depth, Job, Report, Snapshot
from backup.record import (
    CopyEnded,
    Ended,
    ForgettingEnded,
    Looked,
    Record,
    RunEnded,
    VerificationEnded,
)
from backup.task import Task, TaskSource

STAGING = Path('/var/lib/anlan/backup/staging')
PREPARE_SECONDS = 600.0
CHANCE = random.SystemRandom()


class FileWork:
    """Does the tasks of one host. `keep` writes a record; `report` is told of progress; `known` are earlier records."""

    def __init__(
        self, places: Places, keep: Keep, report: Report, known: Callable[[], Iterable[Record]] = tuple
    ) -> None:
        self.places, self.keep, self.report, self.known = places, keep, report, known

    def do(self, task: Task) -> list[Ended]:
        """Given a task, do it for every host whose data it is about, and return the ends, good and bad."""
        deadline = Deadline(task.deadline_seconds)
        if task.kind in {'incremental', 'full'}:
            return [self.run(task, deadline)]
        ends: list[Ended] = []
        looks: list[Callable[[], object]] = []
        for local in self.places.of(task.repository, 'local'):
            pair = [local, *(each for each in self.places.of(task.repository, 'offsite') if each.host == local.host)]
            if not self._begun(task.policy, local):
                continue
            there = [each for each in pair if each.place in task.places]
            if task.kind == 'look':
                looks += [partial(self._look_at, task.policy, each, deadline) for each in there]
            else:
                ends += self._of_host(task, there, deadline)
        if not self.places.of(task.repository, 'local'):
            raise BadInput(f'{self.places.host} has no repository {task.repository}; `anlan up` sets it up')
        look_at_all(looks)
        return ends

    def _look_at(self, policy: str, there: FilePlace, deadline: Deadline) -> None:
        self.look(policy, there, there.engine(), deadline)

    def _begun(self, policy: str, local: FilePlace) -> bool:
        """Return whether anything of a policy has ever come from a host.

        Before its first run there is nothing to copy or to look at, and that is no failure: the status says `never`.
        What was there once and is gone is one.
        """
        if (Path(local.address) / 'config').exists() or not local.address.startswith('/'):
            return True
        looks = (each for each in self.known() if isinstance(each, Looked))
        return any((each.policy, each.host) == (policy, local.host) for each in looks)

    def _of_host(self, task: Task, places: list[FilePlace], deadline: Deadline) -> list[Ended]:
        """Do what a task is to do with one host's data, in each of its places."""
        trials = FileTrials(self.keep, self.report)
        match task.kind:
            case 'copy':
                return [self.copy(task, places[0], deadline)]
            case 'equality':
                return [trials.equality(task, places, deadline)]
            case 'planting':
                return [trials.planting(task, places[0], deadline)]
            case 'restore':
                return [end for there in places for end in trials.restores(task, there, deadline)]
            case 'forget':
                return [self.forget(task, there, deadline) for there in places]
            case depth:
                looks: tuple[Depth, ...] = ('structure',) if depth == 'structure' else ('data',)
                return [self.verify(task, there, look, deadline) for there in places for look in looks]

    def run(self, task: Task, deadline: Deadline) -> Ended:
        """Keep the sources of a task in the local place of this host."""

        def work() -> Told:
            there = self.places.one(task.repository, self.places.host, 'local')
            paths, exclude = prepared(task.sources, deadline)
            made = outputs_of(task.sources)
            manifest = manifest_of(task.policy, there.host, paths, exclude, datetime.now(UTC), made=made)
            note = manifest_file(task.policy)
            note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(note, manifest.text())
            engine = there.engine()
            engine.prepare(deadline.remaining_seconds())
            done = engine.run(
                Job(
                    task.policy, there.host, (*paths, note), tuple(exclude),
                    {MANIFEST_TAG: digest(manifest.text())}, 'full' if task.kind == 'full' else 'incremental',
                ),
                deadline.remaining_seconds(), self.report,
            )  # fmt: skip
            unread = '; '.join(done.unread[:3])
            return Told(
                {
                    'snapshot': done.snapshot.identity, 'recovery_point': done.snapshot.started,
                    'source_bytes': done.source_bytes, 'added_bytes': done.added_bytes, 'files': done.snapshot.files,
                    'unread': len(done.unread),
                },
                done.exit_class.word if done.exit_class else None,
                f'not all could be read: {unread}' if unread else '',
            )  # fmt: skip

        return recorded(self.keep, 'run', RunEnded, (task.policy, self.places.host, 'local'), work)

    def copy(self, task: Task, local: FilePlace, deadline: Deadline) -> Ended:
        """Copy what one host's local repository has of a policy to the other site, and look at both places."""

        def work() -> Told:
            there = self.places.one(task.repository, local.host, 'offsite')
            source, target = local.engine(), there.engine()
            target.prepare_like(source, deadline.remaining_seconds())
            target.copy(source, deadline.remaining_seconds(), task.policy)
            newest = self.look(task.policy, local, source, deadline)
            copied = self.look(task.policy, there, target, deadline)
            if newest is not None and (copied is None or copied.started < newest.started):
                sentence = f'the newest snapshot of {local.host} did not arrive in the other site'
                raise BackupFailed(ExitClass.INCOMPLETE, sentence)
            return Told(
                {
                    'snapshot': copied.identity if copied else None,
                    'recovery_point': copied.started if copied else None,
                    'source_bytes': copied.source_bytes if copied else 0, 'files': copied.files if copied else 0,
                }
            )  # fmt: skip

        return recorded(self.keep, 'copy', CopyEnded, (task.policy, local.host, 'offsite'), work)

    def look(self, policy: str, there: FilePlace, engine: ResticEngine, deadline: Deadline) -> Snapshot | None:
        """Record what a place holds of a policy and a host, and return its newest snapshot."""
        found = engine.list(deadline.remaining_seconds(), policy)
        stats = engine.stats(deadline.remaining_seconds())
        newest = found[-1] if found else None
        used = None
        if there.address.startswith('/'):
            disk = shutil.disk_usage(there.address)
            used = disk.used / disk.total
        self.keep(
            Looked(
                policy, there.host, there.place, datetime.now(UTC), len(found), newest.started if newest else None,
                newest.source_bytes if newest else 0, stats.stored_bytes, used_share=used,
            )
        )  # fmt: skip
        return newest

    def verify(self, task: Task, there: FilePlace, depth: Depth, deadline: Deadline) -> Ended:
        """Look whether one repository is whole: its structure, or a part of its bytes that is chosen anew each time."""

        def work() -> Told:
            engine = there.engine()
            parts = ceil(100 / task.data_share_percent)
            if depth == 'data' and parts > 1:
                found = engine.verify_part(CHANCE.randint(1, parts), parts, deadline.remaining_seconds())
            else:
                found = engine.verify(depth, deadline.remaining_seconds(), self.report)
            self.look(task.policy, there, engine, deadline)
            return Told({'depth': depth, 'problems': found.problems, 'read_bytes': found.read_bytes})

        return recorded(
            self.keep,
            'verification',
            VerificationEnded,
            (task.policy, there.host, there.place),
            work,
            fixed={'depth': depth},
        )

    def forget(self, task: Task, there: FilePlace, deadline: Deadline) -> Ended:
        """Forget what has run out of a policy in one repository."""

        def work() -> Told:
            if task.retention is None:
                raise BadInput(f'task {task.name} says not what is kept')
            done = there.engine().forget(task.policy, task.retention, deadline.remaining_seconds())
            return Told({'removed': len(done.removed), 'freed_bytes': done.freed_bytes})

        return recorded(self.keep, 'forget', ForgettingEnded, (task.policy, there.host, there.place), work)


def prepared(sources: tuple[TaskSource, ...], deadline: Deadline) -> tuple[list[Path], list[str]]:
    """Given the sources of a run, make what they make and return all paths and patterns. Raise BackupFailed."""
    paths: list[Path] = []
    exclude: list[str] = []
    for source in sources:
        STAGING.mkdir(parents=True, exist_ok=True, mode=0o700)
        if source.prepare:
            _program(source.prepare, None, deadline)
        if source.command:
            output = STAGING / str(source.file_name)
            _program(source.command, output, deadline)
            paths.append(output)
        paths += [Path(path) for path in source.paths]
        exclude += source.exclude
    return paths, exclude


def outputs_of(sources: tuple[TaskSource, ...]) -> list[Path]:
    """Given the sources of a run, return where that lies which the run makes itself."""
    outputs = [STAGING / str(source.file_name) for source in sources if source.command]
    return outputs + [Path(path) for source in sources if source.prepare for path in source.paths]


def _program(argv: tuple[str, ...], output: Path | None, deadline: Deadline) -> None:
    """Run what makes something that is kept. What it prints goes to `output`, all of it or nothing."""
    half = None if output is None else output.with_name(f'.{output.name}.half')
    try:
        stream = subprocess.DEVNULL if half is None else os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE, check=False,
                timeout=max(1.0, min(PREPARE_SECONDS, deadline.remaining_seconds())),
            )  # fmt: skip
        finally:
            if half is not None:
                os.close(stream)
    except subprocess.TimeoutExpired:
        raise BackupFailed(ExitClass.DEADLINE, f'{argv[0]} did not make what is to be kept in time') from None
    except OSError as error:
        raise BackupFailed(ExitClass.NO_SOURCE, f'{argv[0]} cannot be run: {error.strerror}') from None
    if done.returncode != 0:
        said = done.stderr.decode(errors='replace').strip().splitlines()[-1:] or [f'exit code {done.returncode}']
        raise BackupFailed(ExitClass.NO_SOURCE, f'{argv[0]} did not make what is to be kept: {said[0][:300]}')
    if half is not None and output is not None:
        half.replace(output)
