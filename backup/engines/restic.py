"""Files, by restic: one repository in one place, behind the port."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.engines.restic_answer import (
    POLICY_TAG,
    document,
    forgotten_of,
    freed_bytes_of,
    keep_words,
    moment,
    progress_of,
    snapshots_of,
)
from backup.engines.restic_failure import class_of
from backup.engines.restic_program import Answer, ResticProgram
from backup.engines.restic_settings import ResticSettings
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
)
from backup.scratch import held

SHORTEST_IDENTITY = 8
INCOMPLETE_CODE = 3
NOT_REMOVED = re.compile(r'^Remove\(.*failed|unable to remove')
NOT_DAMAGE = frozenset({
    ExitClass.LOCKED, ExitClass.UNREACHABLE, ExitClass.REFUSED, ExitClass.WRONG_PASSWORD, ExitClass.NO_REPOSITORY,
    ExitClass.NO_SPACE, ExitClass.CLOCK,
})  # fmt: skip
"""What keeps a verification from looking; all else that it says is what it found."""


@dataclass(frozen=True)
class Copied:
    """What a copy brought over: the identities in the second repository that were not there before."""

    snapshots: tuple[str, ...]
    seconds: float


class ResticEngine:
    """The port over restic 0.18. An engine holds no state: whatever it is asked, it asks the repository."""

    def __init__(self, settings: ResticSettings) -> None:
        self.settings = settings
        self.program = ResticProgram(settings)

    def prepare(self, deadline_seconds: float) -> bool:
        """Make the repository if there is none yet; return whether it was made."""
        return self._prepare(deadline_seconds, ())

    def prepare_like(self, source: ResticEngine, deadline_seconds: float) -> bool:
        """Make the repository if there is none yet, cutting files as `source` does; return whether it was made.

        Without that, what is copied from there would lie beside the same data kept here, twice.
        """
        return self._prepare(deadline_seconds, ('--copy-chunker-params', *self._from(source)), self._both(source))

    def _prepare(
        self, deadline_seconds: float, words: Sequence[str], environment: dict[str, str] | None = None
    ) -> bool:
        deadline = Deadline(deadline_seconds)
        try:
            self.program.ask(('cat', 'config'), deadline.remaining_seconds(), lock=False)
        except BackupFailed as failure:
            if failure.exit_class is not ExitClass.NO_REPOSITORY:
                raise
        else:
            return False
        try:
            self.program.ask(('init', *words), deadline.remaining_seconds(), extra_environment=environment)
        except BackupFailed as failure:
            if 'already exists' in str(failure) or 'already initialized' in str(failure):
                return False
            raise
        return True

    def plan(self, job: Job, deadline_seconds: float) -> Plan:
        """Return what `run` would do; nothing is stored."""
        missing = _missing(job)
        if len(missing) == len(job.paths):
            return Plan(job, 0, 0, 0, 0, blocked=_no_source(job, missing))
        words = ('backup', '--dry-run', *_backup_words(job, missing))
        answer = self.program.ask(words, deadline_seconds, lock=False, accept=(0, INCOMPLETE_CODE))
        summary = _summary(answer)
        return Plan(
            job, int(summary['files_new']), int(summary['files_changed']), int(summary['files_unmodified']),
            int(summary['data_added']),
        )  # fmt: skip

    def run(self, job: Job, deadline_seconds: float, report: Report = silent) -> Outcome:
        """Keep what the job names; raise BackupFailed if nothing was kept.

        Paths that are not there, and what restic could not read, are in the outcome's `unread`. The snapshot's parent
        is told by `list`: asking for it here would open the repository a second time.
        """
        missing = _missing(job)
        if len(missing) == len(job.paths):
            raise BackupFailed(ExitClass.NO_SOURCE, _no_source(job, missing))
        started = time.monotonic()
        answer = self.program.ask(
            ('backup', *_backup_words(job, missing)), deadline_seconds, accept=(0, INCOMPLETE_CODE),
            state=lambda found: report(progress_of(found, time.monotonic() - started)),
        )  # fmt: skip
        summary = _summary(answer)
        report(_whole(summary['total_files_processed'], summary['total_bytes_processed'], answer.ran.seconds))
        source_bytes, files = int(summary['total_bytes_processed']), int(summary['total_files_processed'])
        snapshot = Snapshot(
            summary['snapshot_id'], job.policy, job.host, moment(summary['backup_start']),
            moment(summary['backup_end']), tuple(str(path) for path in job.paths if str(path) not in missing),
            source_bytes, files, tags=dict(job.tags),
        )  # fmt: skip
        unread = (*(f'{path}: {reason}' for path, reason in missing.items()), *_unread(answer))
        return Outcome(snapshot, source_bytes, int(summary['data_added']), answer.ran.seconds, unread)

    def list(self, deadline_seconds: float, policy: str | None = None) -> tuple[Snapshot, ...]:
        """Return the snapshots that can be restored, of one policy or of all."""
        words = ['snapshots', *(['--tag', f'{POLICY_TAG}={policy}'] if policy is not None else [])]
        answer = self.program.ask(words, deadline_seconds, lock=False)
        try:
            found = snapshots_of(answer.out)
        except ValueError as error:
            raise BackupFailed(ExitClass.FAILED, f'restic of {self.settings.repository}: {error}') from None
        if answer.messages and class_of(1, answer.messages) is ExitClass.CORRUPT:
            raise BackupFailed(ExitClass.CORRUPT, f'{self.settings.repository}: {answer.messages[-1]}')
        return found

    def verify(self, depth: Depth, deadline_seconds: float, report: Report = silent) -> Verification:
        """Look whether what is kept is whole; damage is a result, never an exception.

        restic tells no progress of this, and `read_bytes` is known only of a whole, sound repository.
        """
        deadline = Deadline(deadline_seconds)
        found = self._verify(depth, ('--read-data',) if depth == 'data' else (), deadline_seconds)
        if depth == 'structure' or not found.sound:
            return found
        return replace(found, read_bytes=self._size('raw-data', deadline.remaining_seconds())[0])

    def verify_part(self, part: int, parts: int, deadline_seconds: float) -> Verification:
        """Given which of how many parts, read all bytes of that part; the parts together are the whole repository."""
        if not 1 <= part <= parts <= 256:
            raise BadInput(f'part {part} of {parts} cannot be read: 1 ≤ part ≤ parts ≤ 256')
        return self._verify('data', ('--read-data-subset', f'{part}/{parts}'), deadline_seconds)

    def _verify(self, depth: Depth, words: Sequence[str], deadline_seconds: float) -> Verification:
        answer = self.program.ask(('check', *words), deadline_seconds, accept=range(256))
        summary = next((each for each in map(document, answer.out.splitlines()) if 'num_errors' in each), {})
        if answer.code == 0 and not summary.get('num_errors'):
            return Verification(depth, (), 0, answer.ran.seconds)
        failure = self.program.failed(('check',), answer)
        if failure.exit_class in NOT_DAMAGE:
            raise failure
        return Verification(depth, answer.messages or ('restic check says no more',), 0, answer.ran.seconds)

    def restore(
        self, snapshot: str, target: Path, deadline_seconds: float, *, paths: tuple[str, ...] = (),
        to_time: datetime | None = None, report: Report = silent,
    ) -> Restored:  # fmt: skip
        """Bring a snapshot back into an empty folder that is not live; every file is read again and compared.

        A file stands below the target by its whole old path. Raise BackupFailed with `to_time`: between two snapshots
        of files there is nothing.
        """
        if to_time is not None:
            raise BackupFailed(ExitClass.NO_SNAPSHOT, 'files are kept as snapshots: choose one, not a time')
        deadline = Deadline(deadline_seconds)
        with held(target, self.settings.live_roots):
            found = self._find(snapshot, deadline.remaining_seconds())
            words = ['restore', found.identity, '--target', str(target), '--verify']
            for path in paths:
                words += ['--include', re.sub(r'([*?\[\]\\])', r'\\\1', path)]
            started = time.monotonic()
            answer = self.program.ask(
                words, deadline.remaining_seconds(),
                state=lambda seen: report(progress_of(seen, time.monotonic() - started)),
            )  # fmt: skip
            summary = _summary(answer)
            report(_whole(summary.get('total_files', 0), summary.get('bytes_restored', 0), answer.ran.seconds))
            files = sum(1 for each in target.rglob('*') if not each.is_dir() or each.is_symlink())
            if paths and not files:
                raise BackupFailed(ExitClass.NO_SNAPSHOT, found.nothing_below(paths))
        return Restored(
            found.identity, target, files, int(summary.get('bytes_restored', 0)), answer.ran.seconds, found.started
        )

    def _find(self, snapshot: str, deadline_seconds: float) -> Snapshot:
        found = [each for each in self.list(deadline_seconds) if each.identity.startswith(snapshot)]
        if len(snapshot) < SHORTEST_IDENTITY or len(found) != 1:
            raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{self.settings.repository} has no snapshot {snapshot!r}')
        return found[0]

    def forget(self, policy: str, retention: Retention, deadline_seconds: float, *, dry_run: bool = False) -> Forgotten:
        """Forget what the retention does not keep of a policy, and free its space. The newest is always kept.

        Of each host, that is; and the oldest besides, as long as a count of days, weeks, … is not full. Raise BadInput
        if the retention keeps nothing.
        """
        if retention == Retention():
            raise BadInput(f'policy {policy}: a retention that keeps nothing is refused')
        deadline = Deadline(deadline_seconds)
        words = ['forget', '--tag', f'{POLICY_TAG}={policy}', '--group-by', 'host', *keep_words(retention)]
        answer = self._remove([*words, *(['--dry-run'] if dry_run else [])], deadline)
        # Even if nothing was forgotten: an earlier run may have been cut off between the two.
        pruned = '' if dry_run else self._remove(['prune'], deadline).out
        return forgotten_of(answer.out, freed_bytes_of(pruned))

    def _remove(self, words: Sequence[str], deadline: Deadline) -> Answer:
        """restic 0.18 ends well even where the place refused to remove what it was told to."""
        answer = self.program.ask(words, deadline.remaining_seconds())
        refused = [each for each in answer.messages if NOT_REMOVED.search(each)]
        if refused:
            first = answer.messages.index(refused[0])
            raise self.program.failed(words, replace(answer, messages=answer.messages[: first + 1]))
        return answer

    def stats(self, deadline_seconds: float) -> Stats:
        """Return the size of the repository."""
        deadline = Deadline(deadline_seconds)
        source_bytes, snapshots = self._size('restore-size', deadline.remaining_seconds())
        return Stats(snapshots, source_bytes, self._size('raw-data', deadline.remaining_seconds())[0])

    def _size(self, mode: str, deadline_seconds: float) -> tuple[int, int]:
        found = json.loads(self.program.ask(('stats', '--mode', mode), deadline_seconds).out or '{}')
        return int(found.get('total_size', 0)), int(found.get('snapshots_count', 0))

    def copy(self, source: ResticEngine, deadline_seconds: float, policy: str | None = None) -> Copied:
        """Copy what `source` has and this repository has not, of one policy or of all; what was begun is gone on with.

        Raise BadInput if the two places need different values of the same environment variable.
        """
        deadline = Deadline(deadline_seconds)
        environment = self._both(source)
        before = {each.identity for each in self.list(deadline.remaining_seconds())}
        started = time.monotonic()
        words = ['copy', *self._from(source), *(['--tag', f'{POLICY_TAG}={policy}'] if policy is not None else [])]
        self.program.ask(words, deadline.remaining_seconds(), extra_environment=environment)
        seconds = time.monotonic() - started
        after = self.list(deadline.remaining_seconds())
        return Copied(tuple(each.identity for each in after if each.identity not in before), seconds)

    @staticmethod
    def _from(source: ResticEngine) -> tuple[str, ...]:
        settings = source.settings
        return '--from-repo', settings.repository, '--from-password-file', str(settings.password_file)

    def _both(self, source: ResticEngine) -> dict[str, str]:
        own, other = self.settings.environment, source.settings.environment
        clash = sorted(name for name in own.keys() & other.keys() if own[name] != other[name])
        if clash:
            raise BadInput(f'restic cannot copy between places that differ in {", ".join(clash)}')
        return {**other, **own}


def _missing(job: Job) -> dict[str, str]:
    """Given a job, return the paths that cannot be backed up, each with its reason. Raise BadInput for a bad job."""
    problems = [f'paths: {path} is not absolute' for path in job.paths if not path.is_absolute()]
    words = {POLICY_TAG: job.policy, **job.tags}
    problems += [f'tags: {name}={value!r} holds a comma or nothing' for name, value in words.items()
                 if ',' in name + value or '=' in name or not value]  # fmt: skip
    if problems:
        raise BadInput(f'policy {job.policy} cannot be run: ' + '; '.join(problems))
    found = {}
    for path in job.paths:
        # restic keeps a link that it is given as a link, and nothing of what it leads to.
        if path.is_symlink():
            found[str(path)] = f'is a link to {path.resolve()}; name that instead'
        elif not path.exists():
            found[str(path)] = 'does not exist'
    return found


def _no_source(job: Job, missing: dict[str, str]) -> str:
    reasons = '; '.join(f'{path} {reason}' for path, reason in missing.items()) or 'it names no paths'
    return f'policy {job.policy} has nothing to back up: {reasons}'


def _backup_words(job: Job, missing: dict[str, str]) -> list[str]:
    words = ['--host', job.host, '--tag', f'{POLICY_TAG}={job.policy}']
    for name, value in job.tags.items():
        words += ['--tag', f'{name}={value}']
    for pattern in job.exclude:
        words += ['--exclude', pattern]
    words += ['--force'] if job.kind == 'full' else []
    return [*words, '--', *(str(path) for path in job.paths if str(path) not in missing)]


def _summary(answer: Answer) -> dict[str, Any]:
    found = [each for each in map(document, answer.out.splitlines()) if each.get('message_type') == 'summary']
    if not found:
        raise BackupFailed(ExitClass.FAILED, 'restic ended well and gave no summary')
    return found[-1]


def _whole(files: int, size_bytes: int, seconds: float) -> Progress:
    """A run that is over, said once more: a short one ends before restic tells of it at all."""
    return Progress(int(files), int(files), int(size_bytes), int(size_bytes), seconds)


def _unread(answer: Answer) -> tuple[str, ...]:
    if answer.code != INCOMPLETE_CODE:
        return ()
    return tuple(each for each in answer.messages if 'at least one source file could not be read' not in each)
