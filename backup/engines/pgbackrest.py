"""The database's backups: pgBackRest behind the port. One engine is one repository in one place."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from anlan.deadline import Deadline
from backup.engines.pgbackrest_command import ACCOUNT, Command
from backup.engines.pgbackrest_info import (
    Backup,
    Piece,
    archived,
    backups_of,
    chain,
    gaps,
    missing,
    number_of,
    pieces_of,
    segment_of,
)  # fmt: skip
from backup.engines.pgbackrest_members import Choice, Limits, source_of
from backup.engines.pgbackrest_retention import kept, order_of_removal
from backup.failure import BackupFailed, ExitClass
from backup.port import (
    Depth,
    Forgotten,
    Job,
    Outcome,
    Plan,
    Progress,
    Report,
    Restored,
    Retention,
    Snapshot,
    Stats,
    Verification,
    silent,
)  # fmt: skip
from backup.scratch import held

LIVE_ROOTS = tuple(
    map(Path, ('/var/lib/postgresql', '/var/lib/pgbackrest', '/var/lib/patroni', '/home', '/root', '/run'))
)
"""Never restored into: where a database, a repository or people's files live."""

LOG_FOLDER = 'anlan_wal'
"""Below a restored database: the pieces of the log that it plays back, so that it needs no way to any repository."""

FILE_LINE = re.compile(r'(?:backup|restore) file .* \((?:bundle [^,]+, )?([\d.]+)(B|KB|MB|GB|TB), ([\d.]+)%\)')
UNITS = {'B': 1, 'KB': 1024, 'MB': 1024**2, 'GB': 1024**3, 'TB': 1024**4}
CONNECTION = {
    'host-type': 'tls', 'host-port': '8432', 'host-ca-file': '/etc/anlan/tls/ca.crt',
    'host-cert-file': '/etc/anlan/tls/host.crt', 'host-key-file': '/etc/anlan/tls/host.key',
    'host-config': '/etc/anlan/backup/pgbackrest-local.conf',
}  # fmt: skip
VERIFY_PROBLEM = re.compile(r'(?:missing|checksum invalid|size invalid|other): [1-9]|status: error')


Lines = list[str]


@dataclass(frozen=True)
class Cluster:
    """The database that is backed up: its data hosts, where its files lie there, and when a replica is fit."""

    hosts: tuple[str, ...]
    path: str
    limits: Limits


@dataclass(frozen=True)
class Place:
    """A repository: the settings that write to it, those that read it, and as of when (before an attack) it is read."""

    write: Path
    read: Path
    stanza: str
    cluster: Cluster
    account: str = ACCOUNT
    program: str = 'pgbackrest'
    as_of: datetime | None = None


class PgBackRestEngine:
    """Implements `Engine`. `source` is asked, at each run, which member is fit to be read."""

    def __init__(self, place: Place, source: Callable[[], Choice] | None = None) -> None:
        self.place = place
        self._source = source or (lambda: source_of(place.cluster.hosts, place.cluster.limits))
        self._write = Command(place.write, place.stanza, place.account, place.program)
        self._read = replace(self._write, configuration=place.read)
        self._as_of = [f'--repo-target-time={moment(place.as_of)}', '--repo=1'] if place.as_of else []

    def prepare(self, deadline_seconds: float) -> bool:
        """Make the repository if there is none yet; return whether it was made."""
        deadline = Deadline(deadline_seconds)
        if self._is_there(deadline):
            return False
        choice = self._source()
        options = ['--log-level-console=error', *self._members(Choice(choice.leader, None, ''))]
        while True:
            try:
                self._write.run('stanza-create', deadline.remaining_seconds(), options)
                return True
            except BackupFailed as failure:
                # A piece of the log is being offered at this moment.
                if failure.exit_class is not ExitClass.LOCKED or deadline.remaining_seconds() < 3:
                    raise
                time.sleep(2)

    def plan(self, job: Job, deadline_seconds: float) -> Plan:
        """Return where `run` would read from (tag `source`), or why it would not; how much has changed is not known."""
        try:
            choice = self._source()
            self._backups(Deadline(deadline_seconds))
        except BackupFailed as failure:
            return Plan(job, 0, 0, 0, 0, blocked=str(failure))
        return Plan(_with_source(job, choice), 0, 0, 0, 0)

    def run(self, job: Job, deadline_seconds: float, report: Report = silent) -> Outcome:
        """Back the database up, from a fit replica or else the leader; tag `source` and `reason` say which and why."""
        deadline, started = Deadline(deadline_seconds), time.monotonic()
        before = {each.label for each in self._backups(deadline)}
        choice = self._source()
        try:
            self._back_up(job, choice, deadline, _told(report, started))
        except BackupFailed as failure:
            # Under many writes a replica may be asked for its checkpoint a moment before it has the leader's.
            if choice.replica is None or 'standby' not in str(failure):
                raise
            reason = f'from the leader: replica {choice.replica} did not come to where the backup begins'
            self._back_up(job, Choice(choice.leader, None, reason), deadline, _told(report, started))
        new = [each for each in self._backups(deadline) if each.label not in before]
        if not new:
            raise BackupFailed(ExitClass.FAILED, 'pgbackrest backup ended well but its backup is not in the repository')
        backup = new[-1]
        unread = ('pages of the database whose checksum is wrong',) if backup.damaged else ()
        snapshot = backup.snapshot(job.host)
        return Outcome(snapshot, backup.source_bytes, backup.added_bytes, time.monotonic() - started, unread)

    def list(self, deadline_seconds: float, policy: str | None = None) -> tuple[Snapshot, ...]:
        """Return the backups that can be restored, of one policy or of all, from old to new."""
        found = (each.snapshot(self.place.stanza) for each in self._backups(Deadline(deadline_seconds)))
        return tuple(each for each in found if policy in (None, each.policy))

    def verify(self, depth: Depth, deadline_seconds: float, report: Report = silent) -> Verification:
        """Look whether each backup has what it builds on and the log that it needs; by `data` read every byte."""
        deadline, started = Deadline(deadline_seconds), time.monotonic()
        try:
            backups = self._backups(deadline)
            problems = self._problems(backups, deadline)
            if depth == 'data':
                options = ['--log-level-console=detail', '--output=text', '--verbose']
                said = self._read.run('verify', deadline.remaining_seconds(), options, each=_told(report, started))
                lines = [line.strip() for line in said.splitlines()]
                problems += [line for line in lines if VERIFY_PROBLEM.search(line) or ' ERROR: ' in line]
        except BackupFailed as failure:
            if failure.exit_class not in (ExitClass.CORRUPT, ExitClass.FAILED):
                raise
            return Verification(depth, (str(failure),), 0, time.monotonic() - started)
        read = sum(each.added_bytes for each in backups) if depth == 'data' else 0
        return Verification(depth, tuple(dict.fromkeys(problems)), read, time.monotonic() - started)

    def check(self, deadline_seconds: float) -> None:
        """Have the leader begin a new piece of the log and wait until this repository has the old one, else raise."""
        choice = self._source()
        self._write.run('check', deadline_seconds, self._members(replace(choice, replica=None)))

    def restore(
        self, snapshot: str, target: Path, deadline_seconds: float, *, paths: tuple[str, ...] = (),
        to_time: datetime | None = None, to_location: str | None = None, report: Report = silent,
        fetch: Callable[[Path], None] | None = None,
    ) -> Restored:  # fmt: skip
        """Bring a backup and the log that it plays back into an empty folder that is not live.

        It plays back up to `to_time`, or to a place in the log (`0/3000028`), or else to the backup's own end. What is
        there archives nothing and asks no repository. Nothing is started (backup/scratch_database.py does that).
        `fetch` gets the log into a folder in place of all that there is; without a goal, all it got is played back.
        """
        deadline, started = Deadline(deadline_seconds), time.monotonic()
        if paths:
            raise BackupFailed(ExitClass.TARGET_REFUSED, 'a database is restored whole, not by paths')
        backup = next((each for each in self._backups(deadline) if each.label == snapshot), None)
        if backup is None:
            raise BackupFailed(ExitClass.NO_SNAPSHOT, f'there is no backup {snapshot}')
        if to_time is not None and to_time < backup.ended:
            sentence = f'{snapshot} ended at {moment(backup.ended)}, after {moment(to_time)}; take an older one'
            raise BackupFailed(ExitClass.NO_SNAPSHOT, sentence)
        with held(target, LIVE_ROOTS):
            shutil.chown(target, self.place.account, self.place.account)
            log = target / LOG_FOLDER
            options = [
                '--log-level-console=detail', f'--pg1-path={target}', f'--set={snapshot}', *self._as_of,
                '--archive-mode=off', f'--recovery-option=restore_command=cp "{LOG_FOLDER}/%f" "%p"',
                *(_goal(to_time, to_location) if to_time or to_location or fetch is None else ['--type=default']),
            ]  # fmt: skip
            files = [0]
            self._read.run('restore', deadline.remaining_seconds(), options, each=_told(report, started, files))
            if fetch is None:
                self._fetch(backup, log, None if to_time else to_location or backup.stop, deadline)
            else:
                self._make(log)
                fetch(log)
        size = sum(each.stat().st_size for each in target.rglob('*') if each.is_file() and not each.is_symlink())
        point = to_time or backup.ended
        return Restored(snapshot, target, files[0], size, time.monotonic() - started, point)

    def backups(self, deadline_seconds: float) -> tuple[Backup, ...]:
        """Return the backups with all that the repository says of them, from old to new."""
        return self._backups(Deadline(deadline_seconds))

    def pieces(self, archive: str, deadline_seconds: float) -> tuple[Piece, ...]:
        """Given an archive (`17-1`), return what there is of the log, from old to new."""
        return pieces_of(self._listed(archive, deadline_seconds))

    def get(self, name: str, log: Path, deadline_seconds: float) -> None:
        """Given a piece of the log and a folder below a restored database, get it there."""
        options = [f'--pg1-path={log.parent}', '--log-level-console=error', '--no-archive-async', *self._as_of]
        self._read.run('archive-get', deadline_seconds, options, [name, str(log / name)])

    def forget(self, policy: str, retention: Retention, deadline_seconds: float, *, dry_run: bool = False) -> Forgotten:
        """Remove the backups that the retention does not keep, and the log from before the oldest that is left."""
        deadline = Deadline(deadline_seconds)
        backups = self._backups(deadline)
        stay = kept(backups, policy, retention, datetime.now(UTC))
        going = order_of_removal(backups, stay)
        freed = sum(each.added_bytes for each in backups if each.label in going)
        if not dry_run and going:
            there = set(going)
            for label in going:
                # Removing one takes those along that build on it.
                if label in there:
                    self._write.run('expire', deadline.remaining_seconds(), [f'--set={label}', '--repo=1'])
                    there &= {each.label for each in self._backups(deadline)}
            fulls = sum(each.kind == 'full' and each.label in stay for each in backups)
            options = [
                f'--repo1-retention-full={fulls}', '--repo1-retention-full-type=count',
                f'--repo1-retention-archive={fulls}',
                '--repo1-retention-archive-type=full', '--reset-repo1-retention-diff',
            ]  # fmt: skip
            self._write.run('expire', deadline.remaining_seconds(), options)
        order = [each.label for each in backups]
        return Forgotten(
            tuple(each for each in order if each in stay), tuple(each for each in order if each in going), freed
        )

    def stats(self, deadline_seconds: float) -> Stats:
        """Return the size of the backups; the log between them is not counted."""
        backups = self._backups(Deadline(deadline_seconds))
        return Stats(
            len(backups), sum(each.source_bytes for each in backups), sum(each.added_bytes for each in backups)
        )

    def _is_there(self, deadline: Deadline) -> bool:
        try:
            self._backups(deadline)
        except BackupFailed as failure:
            if failure.exit_class is not ExitClass.NO_REPOSITORY:
                raise
            return False
        return True

    def _back_up(self, job: Job, choice: Choice, deadline: Deadline, each: Callable[[str], None]) -> None:
        notes = {'policy': job.policy, 'host': job.host, **_with_source(job, choice).tags}
        options = [
            '--log-level-console=detail', f'--type={"full" if job.kind == "full" else "incr"}',
            f'--backup-standby={"y" if choice.replica else "n"}', *self._members(choice),
            *(f'--annotation={name}={text}' for name, text in notes.items() if text),
        ]  # fmt: skip
        self._write.run('backup', deadline.remaining_seconds(), options, each=each)

    def _backups(self, deadline: Deadline) -> tuple[Backup, ...]:
        said = self._read.run(
            'info', deadline.remaining_seconds(), ['--output=json', '--log-level-console=off', *self._as_of]
        )
        return backups_of(said)

    def _archived(self, archive: str, deadline: Deadline) -> tuple[str, ...]:
        return archived(self._listed(archive, deadline.remaining_seconds()))

    def _listed(self, archive: str, deadline_seconds: float) -> str:
        options = ['--output=json', '--recurse', '--log-level-console=off', *self._as_of]
        folder = f'archive/{self.place.stanza}/{archive}'
        return self._read.run('repo-ls', deadline_seconds, options, [folder])

    def _problems(self, backups: tuple[Backup, ...], deadline: Deadline) -> Lines:
        problems = [
            f'{each.label} builds on {label}, which is missing' for each in backups for label in chain(each, backups)
        ]
        for archive in sorted({each.archive for each in backups}):
            names = self._archived(archive, deadline)
            own = [each for each in backups if each.archive == archive and each.first_segment]
            problems += [f'{each.label} lacks {name} of the log' for each in own for name in missing(each, names)]
            if own:
                problems += gaps(names, min(number_of(each.first_segment) for each in own))
        return problems

    def _fetch(self, backup: Backup, log: Path, stop: str | None, deadline: Deadline) -> None:
        """Get the pieces of the log from a backup's beginning to a place, or all there are, into a folder."""
        self._make(log)
        last = segment_of(stop) if stop else None
        first = number_of(backup.first_segment)
        for name in self._archived(backup.archive, deadline):
            number = None if name.endswith('.history') else number_of(name)
            if number is not None and (number < first or (last is not None and number > last)):
                continue
            self.get(name, log, deadline.remaining_seconds())

    def _make(self, log: Path) -> None:
        log.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(log, self.place.account, self.place.account)

    def _members(self, choice: Choice) -> Lines:
        """Return the options by which pgBackRest knows the leader and the replica that were chosen, and no other."""
        options = []
        for number, host in enumerate((choice.leader, *([choice.replica] if choice.replica else [])), start=1):
            about = {'host': host, 'path': self.place.cluster.path, **CONNECTION}
            options += [f'--pg{number}-{name}={value}' for name, value in about.items()]
        return options


def moment(when: datetime) -> str:
    """Given a moment, return it as pgBackRest and PostgreSQL take it, in UTC."""
    return when.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f+00')


def _goal(to_time: datetime | None, to_location: str | None) -> Lines:
    if to_time is not None:
        return ['--type=time', f'--target={moment(to_time)}', '--target-action=promote']
    if to_location is not None:
        return ['--type=lsn', f'--target={to_location}', '--target-action=promote']
    return ['--type=immediate', '--target-action=promote']


def _with_source(job: Job, choice: Choice) -> Job:
    return replace(job, tags={**job.tags, 'source': choice.source, 'reason': choice.reason})


def _told(report: Report, started: float, files: list[int] | None = None) -> Callable[[str], None]:
    """Return what reads lines such as `backup file … (16MB, 45.3%)` and reports how far that is."""
    seen = files if files is not None else [0]
    done = [0.0]

    def take(line: str) -> None:
        matched = FILE_LINE.search(line)
        if matched is None:
            return
        seen[0] += 1
        done[0] += float(matched[1]) * UNITS[matched[2]]
        share = float(matched[3]) / 100
        total = done[0] / share if share > 0.01 else 0
        report(Progress(seen[0], 0, int(done[0]), int(total), time.monotonic() - started))

    return take
