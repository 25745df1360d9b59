"""The trials of what restic keeps: restores that are compared, both places held against each other, planted damage."""

from __future__ import annotations

import random
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anlan.deadline import Deadline
from anlan.errors import AnlanError, BadInput
from backup.archive_chain import FILE_NAME, Chain, verified
from backup.corruption import KINDS, Kind, copy_of, plant, staleness
from backup.engines.restic import ResticEngine
from backup.equality import Held, Side, compare, sample
from backup.failure import BackupFailed, ExitClass
from backup.journal import Keep, Told, recorded
from backup.manifest import compare as compare_with_manifest
from backup.manifest import digest, read_manifest, sha256_of
from backup.places import SCRATCH, FilePlace
from backup.port import Report, Snapshot
from backup.record import Ended, PlantingEnded, RestoreEnded, VerificationEnded, new_identity
from backup.task import Task

MANIFESTS = Path('/var/lib/anlan/backup/manifests')
MANIFEST_TAG = 'manifest'
"""The digest of a run's manifest: no two runs have the same, so both places know a snapshot by it."""

COPY_LAG = timedelta(hours=3)
"""So young a snapshot may lack in the other place: it is copied hourly."""

SAMPLES = 4
PLANTED_KINDS = 2
"""Kinds of damage that each cycle plants, chosen anew: a copy of the repository each."""

CHANCE = random.SystemRandom()


class FileTrials:
    """Tries what is kept of one host's data. `keep` writes a record; `report` is told of progress."""

    def __init__(self, keep: Keep, report: Report) -> None:
        self.keep, self.report = keep, report

    def restores(self, task: Task, there: FilePlace, deadline: Deadline) -> list[Ended]:
        """Restore the newest, a random and the oldest snapshot of a place, those of them that differ."""
        try:
            found = there.engine().list(deadline.remaining_seconds(), task.policy)
        except AnlanError:
            found = ()  # the trial itself says why
        if not found:
            return [self._restore(task, there, None, 'newest', deadline)]
        chosen = {found[-1].identity: ('newest', found[-1])}
        for choice, snapshot in (('random', CHANCE.choice(found)), ('oldest', found[0])):
            chosen.setdefault(snapshot.identity, (choice, snapshot))
        return [self._restore(task, there, snapshot, choice, deadline) for choice, snapshot in chosen.values()]

    def _restore(
        self, task: Task, there: FilePlace, snapshot: Snapshot | None, choice: str, deadline: Deadline
    ) -> Ended:
        def work() -> Told:
            engine = there.engine()
            listed = engine.list(deadline.remaining_seconds(), task.policy)
            if snapshot is None and not listed:
                raise BackupFailed(ExitClass.NO_SNAPSHOT, f'the {there.place} place has nothing of {there.host} yet')
            chosen = snapshot or listed[-1]
            with scratch(f'{task.policy}-{there.host}-{there.place}') as folder:
                done = engine.restore(chosen.identity, folder, deadline.remaining_seconds(), report=self.report)
                checks, problems = held_against(chosen, folder)
                chain = chain_of(chosen, folder)
            return Told(
                {
                    'snapshot': chosen.identity, 'recovery_point': chosen.started, 'choice': choice,
                    'restored_bytes': done.restored_bytes, 'files': done.files, 'checks': checks + chain.checks,
                    'problems': problems + chain.problems,
                },
                sentence=chain.reason,
            )  # fmt: skip

        subject = (task.policy, there.host, there.place)
        return recorded(self.keep, 'restore', RestoreEnded, subject, work, fixed={'choice': choice})

    def equality(self, task: Task, places: Sequence[FilePlace], deadline: Deadline) -> Ended:
        """Hold both places of one host's data against each other: counts, bytes, and the content of some files."""
        local = places[0]

        def work() -> Told:
            if len(places) != 2:
                raise BadInput(f'{local.repository} of {local.host} has {len(places)} places; two can be compared')
            seed = secrets.token_hex(16)
            here, there = (self._side(task, each, seed, deadline) for each in places)
            found = compare(here, there, datetime.now(UTC), COPY_LAG)
            return Told({'depth': 'equality', 'problems': found.reasons, 'read_bytes': 0})

        return recorded(
            self.keep, 'verification', VerificationEnded, (task.policy, local.host, 'offsite'), work,
            fixed={'depth': 'equality'},
        )  # fmt: skip

    def _side(self, task: Task, there: FilePlace, seed: str, deadline: Deadline) -> Side:
        engine = there.engine()
        found = engine.list(deadline.remaining_seconds(), task.policy)
        old = [each for each in found if each.started <= datetime.now(UTC) - COPY_LAG]
        samples = self._samples(engine, old[-1], there, seed, deadline) if old else {}
        held = tuple(Held(each.tags.get(MANIFEST_TAG, each.identity), each.started, each.files, each.source_bytes)
                     for each in found)  # fmt: skip
        return Side(there.place, held, engine.stats(deadline.remaining_seconds()).stored_bytes, samples)

    def _samples(
        self, engine: ResticEngine, snapshot: Snapshot, there: FilePlace, seed: str, deadline: Deadline
    ) -> dict[str, str]:
        """Restore some files that the manifest names, chosen by the seed, and return their hashes as they came back."""
        note = str(manifest_file(snapshot.policy))
        with scratch(f'equality-{snapshot.policy}-{there.host}-{there.place}') as folder:
            engine.restore(snapshot.identity, folder, deadline.remaining_seconds(), paths=(note,))
            manifest = read_manifest((folder / note.lstrip('/')).read_text(encoding='utf-8'))
        chosen = sample(manifest.samples, SAMPLES, seed)
        if not chosen:
            return {}
        origin = snapshot.tags.get(MANIFEST_TAG, snapshot.identity)
        with scratch(f'equality-{snapshot.policy}-{there.host}-{there.place}') as folder:
            engine.restore(snapshot.identity, folder, deadline.remaining_seconds(), paths=chosen)
            return {f'{origin}:{path}': _hash_or_reason(folder / path.lstrip('/')) for path in chosen}

    def planting(self, task: Task, local: FilePlace, deadline: Deadline) -> Ended:
        """Plant damage of some kinds into throw-away copies of a repository: each must be caught."""

        def work() -> Told:
            several = len(local.engine().list(deadline.remaining_seconds())) > 1
            possible = [kind for kind in KINDS if several or kind != 'stale-latest']
            kinds = CHANCE.sample(possible, PLANTED_KINDS)
            caught = [kind for kind in kinds if self._caught(kind, local, deadline)]
            return Told({'planted': tuple(kinds), 'caught': tuple(caught)})

        return recorded(self.keep, 'planting', PlantingEnded, (task.policy, local.host, 'local'), work)

    def _caught(self, kind: Kind, local: FilePlace, deadline: Deadline) -> bool:
        noted = [each.identity for each in local.engine().list(deadline.remaining_seconds())]
        with scratch(f'planting-{local.repository}-{local.host}') as folder:
            copy_of(Path(local.address), folder)
            plant(kind, folder, CHANCE)
            engine = replace(local, address=str(folder)).engine()
            try:
                if not engine.verify('data', deadline.remaining_seconds()).sound:
                    return True
                return staleness(noted, engine.list(deadline.remaining_seconds())) is not None
            except BackupFailed as failure:
                return failure.exit_class in {
                    ExitClass.CORRUPT, ExitClass.WRONG_PASSWORD, ExitClass.NO_REPOSITORY, ExitClass.FAILED,
                }  # fmt: skip


def manifest_file(policy: str) -> Path:
    """Given a policy, return where the manifest of its next run stands."""
    return MANIFESTS / f'{policy}.json'


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Given a name, yield a folder of its own below SCRATCH for the body, and wipe it afterwards, whatever happened."""
    SCRATCH.mkdir(parents=True, exist_ok=True, mode=0o700)
    SCRATCH.chmod(0o700)
    folder = SCRATCH / f'{name}-{new_identity()[:8]}'
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise AnlanError(f'{folder} could not be wiped; it holds restored data: remove it by hand')


def wipe_left_over(name: str) -> int:
    """Given the beginning of names, wipe the scratch folders that a killed run left, and return how many there were.

    The caller is the only one who uses such names now.
    """
    left = [folder for folder in SCRATCH.glob(f'{name}*') if folder.is_dir() and not folder.is_symlink()]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise AnlanError(f'{folder} could not be wiped; it holds restored data: remove it by hand')
    return len(left)


def held_against(snapshot: Snapshot, root: Path) -> tuple[int, tuple[str, ...]]:
    """Given a snapshot and where it was restored, return how many things were compared and what differs.

    The manifest in it has to be the one that its run noted, of the same policy and host: the canary.
    """
    expected = snapshot.tags.get(MANIFEST_TAG)
    file = root / str(manifest_file(snapshot.policy)).lstrip('/')
    try:
        text = file.read_text(encoding='utf-8')
        manifest = read_manifest(text)
    except (OSError, BadInput) as error:
        return 0, (f'the manifest of the run did not come back: {error}',)
    same = (manifest.policy, manifest.host) == (snapshot.policy, snapshot.host)
    if expected is None or digest(text) != expected or not same:
        return 1, ('the manifest that came back is not that of this snapshot',)
    checks, problems = compare_with_manifest(manifest, root)
    return checks + 1, problems


def chain_of(snapshot: Snapshot, root: Path) -> Chain:
    """Given a snapshot and where it was restored, return what the archive's chain in it is; no archive, no checks."""
    files = [root / path.lstrip('/') for path in snapshot.paths if Path(path).name == FILE_NAME]
    if not files:
        return Chain(0, 0, ())
    try:
        # Bytes that are no text come through as what no record was hashed of.
        with files[0].open(encoding='utf-8', errors='surrogateescape', newline='\n') as lines:
            return verified(lines)
    except OSError as error:
        return Chain(0, 0, (f'{FILE_NAME} did not come back: {error.strerror}',))


def _hash_or_reason(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        return f'did not come back: {error.strerror}'
