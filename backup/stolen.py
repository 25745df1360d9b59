"""The drill of stolen credentials: a copy of an off-site repository is attacked as a thief would, and had back whole.

The live repository is read alone. The attack has the writer's credentials, the way back the restorer's.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import AnlanError, BadInput
from backup.engines.restic import ResticEngine
from backup.failure import BackupFailed, ExitClass
from backup.file_trials import held_against, scratch, wipe_left_over
from backup.journal import Keep, Told, recorded
from backup.object_history import read_as_of
from backup.object_store import Kept, ObjectStore, Place
from backup.places import FilePlace, Places
from backup.port import Engine, Report, Snapshot
from backup.record import Ended, StolenEnded
from backup.theft import Theft, kept_below

S3_ADDRESS = re.compile(r'^s3:(https?://[^/]+)/([^/]+)/(.+?)/*$')
NOT_SEEN = frozenset({
    ExitClass.UNREACHABLE, ExitClass.DEADLINE, ExitClass.LOCKED, ExitClass.NO_SPACE, ExitClass.CLOCK,
    ExitClass.TARGET_REFUSED,
})  # fmt: skip
"""What keeps a drill from seeing anything, and says nothing of what is kept."""

ANSWERS_SECONDS = 60.0
Open = Callable[[FilePlace, Path], Engine]


@dataclass(frozen=True)
class Way:
    """Where a repository lies in the store."""

    there: FilePlace
    endpoint: str
    bucket: str
    prefix: str


def way_of(there: FilePlace) -> Way:
    """Given an off-site place, return where it lies in the store. Raise BadInput if it is in no S3."""
    found = S3_ADDRESS.match(there.address)
    if found is None:
        raise BadInput(f'{there.address} is in no object store; the drill attacks one')
    return Way(there, found[1], found[2], f'{found[3]}/')


def store_of(way: Way, credentials: str | None) -> ObjectStore:
    """Given where a repository lies and a login, return the store. Raise BadInput if the login cannot be used."""
    if credentials is None:
        raise BadInput('this host has no login for the off-site store; `anlan up` sets it up')
    authority = Path(way.there.ca_file) if way.there.ca_file else None
    return ObjectStore(Place(way.endpoint, Path(credentials), authority, call_seconds=ANSWERS_SECONDS))


def opened(there: FilePlace, cache: Path) -> Engine:
    """Given a place and a folder, return its engine with its cache there: a copy has the identity of its origin."""
    engine = there.engine()
    return ResticEngine(replace(engine.settings, cache_directory=cache))


class StolenDrill:
    """Does the drill. `keep` writes a record; `report` is told of progress; `store` and `engine` open what is there."""

    def __init__(
        self, places: Places, keep: Keep, report: Report, store: Callable[[Way, str | None], ObjectStore] = store_of,
        engine: Open = opened,
    ) -> None:  # fmt: skip
        self.places, self.keep, self.report, self.store, self.engine = places, keep, report, store, engine

    def do(self, policy: str, repository: str, seconds: float) -> Ended:
        """Given a policy and its repository, drill the smallest of its off-site copies, and return the end, recorded.

        Nobody else may work on the repository, and no other drill of this kind may run.
        """
        deadline = Deadline(seconds)
        try:
            chosen: tuple[Way, Snapshot] | AnlanError = self._smallest(policy, repository, deadline)
        except AnlanError as failure:
            chosen = failure
        host = self.places.host if isinstance(chosen, AnlanError) else chosen[0].there.host

        def work() -> Told:
            if isinstance(chosen, AnlanError):
                raise chosen
            return self._drill(policy, *chosen, deadline)

        return recorded(self.keep, 'stolen', StolenEnded, (policy, host, 'offsite'), work)

    def _smallest(self, policy: str, repository: str, deadline: Deadline) -> tuple[Way, Snapshot]:
        """Return the smallest off-site copy that has something of the policy, and its newest snapshot."""
        ways = [way_of(each) for each in self.places.of(repository, 'offsite')]
        if not ways:
            raise BadInput(f'{self.places.host} has no off-site repository {repository}; `anlan up` sets it up')
        sizes = {way: sum(each.size_bytes for each in self._live(way, deadline)) for way in ways}
        with scratch(f'stolen+{repository}+cache') as cache:
            for way in sorted((way for way in ways if sizes[way]), key=lambda way: sizes[way]):
                found = self.engine(way.there, cache).list(deadline.remaining_seconds(), policy)
                if found:
                    return way, found[-1]
        raise BackupFailed(ExitClass.NO_SNAPSHOT, f'the off-site place has nothing of {policy} yet')

    def _live(self, way: Way, deadline: Deadline) -> list[Kept]:
        store = self.store(way, way.there.login_file)
        return kept_below(store, way.bucket, way.prefix, deadline.remaining_seconds())

    def _drill(self, policy: str, way: Way, expected: Snapshot, deadline: Deadline) -> Told:
        wipe_left_over(f'stolen+{way.there.repository}+')
        theft = Theft(self.store(way, way.there.login_file), way.bucket, deadline)
        run = _Run(policy, way, expected, theft, self.engine, self.report, deadline)
        failure: AnlanError | None = None
        try:
            restorer = self.store(way, self.places.restorer_file)
            with scratch(f'stolen+{way.there.repository}+{way.there.host}') as folder:
                folder.mkdir(mode=0o700)
                try:
                    run.do(restorer, folder)
                finally:
                    wiped = sum(each.lstat().st_size for each in folder.rglob('*') if not each.is_dir())
            # scratch() raises where anything of it is left.
            run.values['wiped_bytes'] = wiped
        except AnlanError as error:
            failure = error
            # What stays visible would never run out.
            with contextlib.suppress(AnlanError):
                theft.clean_up(theft.prefix)
        if failure is None:
            return run.told()
        return run.told(
            (failure.exit_class if isinstance(failure, BackupFailed) else ExitClass.FAILED).word, str(failure)
        )


@dataclass
class _Run:
    """One drill. What it has seen stands in the record even where it did not come to its end."""

    policy: str
    way: Way
    expected: Snapshot
    theft: Theft
    engine: Open
    report: Report
    deadline: Deadline
    values: dict[str, Any] = field(default_factory=dict)
    unproven: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def do(self, restorer: ObjectStore, folder: Path) -> None:
        """Given the restorer's store and a scratch folder, copy, attack, and have it back. Raise BackupFailed."""
        way, theft = self.way, self.theft
        theft.clean_up()
        live = self.live()
        copy = replace(way.there, address=f's3:{way.endpoint}/{way.bucket}/{theft.prefix.rstrip("/")}')
        try:
            theft.copy(way.prefix)
            if self.expected.identity not in {each.identity for each in self.listed(copy, folder / 'cache')}:
                sentence = f'the copy for the drill lacks the newest snapshot of {self.policy}'
                raise BackupFailed(ExitClass.INCOMPLETE, sentence)
            self.values['kept_until'] = theft.locked_until()
            if self.values['kept_until'] is None:
                self.unproven.append('what was written got no lock of its own in mode COMPLIANCE')
            before = theft.moment_after()
            self.values |= {'snapshot': self.expected.identity, 'before': before}
            theft.attack()
        finally:
            if self.live() != live:
                self.problems.append(f'the live repository {way.bucket}/{way.prefix} changed during the drill')
        if self.opens(copy, folder / 'cache-after'):
            self.unproven.append('the attack had no effect: the repository still opens, so nothing was had back')
            return
        try:
            self.have_back(restorer, before, folder)
        except BackupFailed as failure:
            if failure.exit_class in NOT_SEEN:
                raise
            self.problems.append(f'it did not come back: {failure}')

    def live(self) -> list[Kept]:
        """Return what the live repository holds."""
        return kept_below(self.theft.writer, self.way.bucket, self.way.prefix, self.deadline.remaining_seconds())

    def listed(self, there: FilePlace, cache: Path) -> Sequence[Snapshot]:
        """Given a place and a folder for its cache, return its snapshots of the policy."""
        return self.engine(there, cache).list(self.deadline.remaining_seconds(), self.policy)

    def opens(self, copy: FilePlace, cache: Path) -> bool:
        """Return whether the copy still opens. Raise BackupFailed if that is not known."""
        try:
            self.listed(copy, cache)
        except BackupFailed as failure:
            if failure.exit_class in NOT_SEEN:
                raise
            return False
        return True

    def have_back(self, restorer: ObjectStore, before: datetime, folder: Path) -> None:
        """Read the copy as of before the attack, look at every byte, restore and compare. What differs is a problem."""
        brought = read_as_of(
            restorer, self.way.bucket, before, folder / 'repository', prefix=self.theft.prefix,
            seconds=self.deadline.remaining_seconds(), report=self.report,
        )  # fmt: skip
        self.values |= {'brought_bytes': brought.brought_bytes, 'reading_seconds': round(brought.seconds, 3)}
        wanted = (len(self.theft.loot.copied), self.theft.loot.copied_bytes)
        if (brought.files, brought.brought_bytes) != wanted:
            self.problems.append(
                f'{brought.files} files of {brought.brought_bytes} bytes came back, not {wanted[0]} of {wanted[1]}'
            )
        there = replace(
            self.way.there, address=str(folder / 'repository'), login_file=None, ca_file=None, options=(),
            upload_kib_per_second=0,
        )  # fmt: skip
        engine = self.engine(there, folder / 'cache-back')
        self.problems += engine.verify('data', self.deadline.remaining_seconds()).problems
        found = self.listed(there, folder / 'cache-back')
        if not found or found[-1].identity != self.expected.identity:
            self.problems.append(f'the newest snapshot that came back is not {self.expected.identity[:8]}')
            return
        target = folder / 'restored'
        done = engine.restore(
            self.expected.identity, target, self.deadline.remaining_seconds(), report=self.report
        )  # fmt: skip
        self.values |= {
            'restoring_seconds': round(done.seconds, 3), 'restored_bytes': done.restored_bytes, 'files': done.files,
        }  # fmt: skip
        checks, problems = held_against(self.expected, target)
        self.values['checks'] = checks
        self.problems += problems

    def told(self, failure: str | None = None, sentence: str = '') -> Told:
        """Given why it did not come to its end, if it did not, return all that was seen."""
        loot = self.theft.loot
        untried = [f'{name} could not be tried: {reason}' for name, reason in loot.untried.items()]
        return Told(
            {
                **self.values, 'objects': len(loot.copied), 'copied_bytes': loot.copied_bytes,
                'overwritten': len(loot.junk), 'deleted': loot.deleted, 'tried': sum(loot.tried.values()),
                'refused': sum(loot.refused.values()), 'attacks': loot.attacks(), 'succeeded': loot.succeeded(),
                'unproven': (*self.unproven, *untried, *loot.left), 'problems': tuple(self.problems),
                'kept_bytes': loot.kept_bytes(),
            },
            failure, sentence,
        )  # fmt: skip
