"""A repository in memory: the same contract as the real ones, and it can be told what goes wrong.

For tests of what stands above the port. Files are read and written really; what is kept is gone with the process.
"""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anlan.errors import BadInput
from backup.failure import MEANING, BackupFailed, ExitClass
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


@dataclass(frozen=True)
class _Kept:
    snapshot: Snapshot
    files: Mapping[str, str]
    """The hash of what each file held, by its path."""


@dataclass
class MemoryEngine:
    """A repository in memory. `fails`: by method, the class that its next call raises, once."""

    live_roots: tuple[Path, ...] = ()
    fails: dict[str, ExitClass] = field(default_factory=dict)
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _made: bool = False

    def damage(self) -> None:
        """Flip a bit of one kept blob, or raise BadInput where nothing is kept."""
        if not self._blobs:
            raise BadInput('nothing is kept that could be damaged')
        name = min(self._blobs)
        content = self._blobs[name] or b'\0'
        self._blobs[name] = bytes([content[0] ^ 1]) + content[1:]

    def prepare(self, deadline_seconds: float) -> bool:
        """Make the repository if there is none yet; return whether it was made."""
        self._begin('prepare', deadline_seconds, repository=False)
        made, self._made = not self._made, True
        return made

    def plan(self, job: Job, deadline_seconds: float) -> Plan:
        """Return what `run` would do; nothing is stored."""
        self._begin('plan', deadline_seconds)
        missing = [path for path in job.paths if not path.exists()]
        if len(missing) == len(job.paths):
            return Plan(job, 0, 0, 0, 0, blocked=_no_source(job))
        contents, before = _read(job), self._parent(job)
        known = before.files if before else {}
        hashes = {path: _hash(content) for path, content in contents.items()}
        added = {name: contents[path] for path, name in hashes.items() if name not in self._blobs}
        return Plan(
            job, sum(path not in known for path in hashes),
            sum(path in known and known[path] != name for path, name in hashes.items()),
            sum(known.get(path) == name for path, name in hashes.items()), sum(map(len, added.values())),
        )  # fmt: skip

    def run(self, job: Job, deadline_seconds: float, report: Report = silent) -> Outcome:
        """Keep what the job names; raise BackupFailed if nothing was kept."""
        started = self._begin('run', deadline_seconds)
        missing = [path for path in job.paths if not path.exists()]
        if len(missing) == len(job.paths):
            raise BackupFailed(ExitClass.NO_SOURCE, _no_source(job))
        contents, before = _read(job), self._parent(job)
        hashes = {path: _hash(content) for path, content in contents.items()}
        added = {name: contents[path] for path, name in hashes.items() if name not in self._blobs}
        self._blobs |= added
        source_bytes, now = sum(map(len, contents.values())), self._now()
        snapshot = Snapshot(
            _hash(f'{now.isoformat()} {len(self._kept)} {job.policy}'.encode()), job.policy, job.host, now, now,
            tuple(str(path) for path in job.paths if path not in missing), source_bytes, len(contents),
            before.snapshot.identity if before else None, dict(job.tags),
        )  # fmt: skip
        self._kept[snapshot.identity] = _Kept(snapshot, hashes)
        seconds = time.monotonic() - started
        report(Progress(len(contents), len(contents), source_bytes, source_bytes, seconds))
        unread = tuple(f'{path}: does not exist' for path in missing)
        return Outcome(snapshot, source_bytes, sum(map(len, added.values())), seconds, unread)

    def list(self, deadline_seconds: float, policy: str | None = None) -> tuple[Snapshot, ...]:
        """Return the snapshots that can be restored, of one policy or of all."""
        self._begin('list', deadline_seconds)
        found = [each.snapshot for each in self._kept.values() if policy in (None, each.snapshot.policy)]
        return tuple(sorted(found, key=lambda each: (each.started, each.identity)))

    def verify(self, depth: Depth, deadline_seconds: float, report: Report = silent) -> Verification:
        """Look whether what is kept is whole; damage is a result, never an exception."""
        started = self._begin('verify', deadline_seconds)
        needed = {name for each in self._kept.values() for name in each.files.values()}
        problems = [f'{name[:8]} is gone' for name in sorted(needed - self._blobs.keys())]
        read_bytes = 0
        if depth == 'data':
            for name in sorted(needed & self._blobs.keys()):
                read_bytes += len(self._blobs[name])
                problems += [f'{name[:8]} is not what it was'] if _hash(self._blobs[name]) != name else []
        return Verification(depth, tuple(problems), read_bytes, time.monotonic() - started)

    def restore(
        self, snapshot: str, target: Path, deadline_seconds: float, *, paths: tuple[str, ...] = (),
        to_time: datetime | None = None, report: Report = silent,
    ) -> Restored:  # fmt: skip
        """Bring a snapshot back into an empty folder that is not live; of files, only those below `paths`."""
        started = self._begin('restore', deadline_seconds)
        if to_time is not None:
            raise BackupFailed(ExitClass.NO_SNAPSHOT, 'files are kept as snapshots: choose one, not a time')
        with held(target, self.live_roots):
            found = [each for name, each in self._kept.items() if name.startswith(snapshot)]
            if len(snapshot) < 8 or len(found) != 1:
                raise BackupFailed(ExitClass.NO_SNAPSHOT, f'there is no snapshot {snapshot!r}')
            wanted = {
                path: name for path, name in found[0].files.items()
                if not paths or any(path == each or path.startswith(f'{each.rstrip("/")}/') for each in paths)
            }  # fmt: skip
            if paths and not wanted:
                raise BackupFailed(ExitClass.NO_SNAPSHOT, found[0].snapshot.nothing_below(paths))
            restored = 0
            for path, name in wanted.items():
                content = self._blobs.get(name)
                if content is None or _hash(content) != name:
                    raise BackupFailed(ExitClass.CORRUPT, f'{path} is not what it was')
                file = target / path.lstrip('/')
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                restored += len(content)
        seconds = time.monotonic() - started
        report(Progress(len(wanted), len(wanted), restored, restored, seconds))
        kept = found[0].snapshot
        return Restored(kept.identity, target, len(wanted), restored, seconds, kept.started)

    def forget(self, policy: str, retention: Retention, deadline_seconds: float, *, dry_run: bool = False) -> Forgotten:
        """Forget what the retention does not keep of a policy, and free its space. The newest is always kept."""
        if retention == Retention():
            raise BadInput(f'policy {policy}: a retention that keeps nothing is refused')
        self._begin('forget', deadline_seconds)
        own = [each.snapshot for each in self._kept.values() if each.snapshot.policy == policy]
        kept: set[str] = set()
        for host in {each.host for each in own}:
            kept |= _kept_by(retention, sorted((s for s in own if s.host == host), key=lambda s: s.started))
        removed = tuple(each.identity for each in own if each.identity not in kept)
        if dry_run:
            return Forgotten(tuple(sorted(kept)), removed, 0)
        self._kept = {name: each for name, each in self._kept.items() if name not in removed}
        needed = {name for each in self._kept.values() for name in each.files.values()}
        freed = sum(len(content) for name, content in self._blobs.items() if name not in needed)
        self._blobs = {name: content for name, content in self._blobs.items() if name in needed}
        return Forgotten(tuple(sorted(kept)), removed, freed)

    def stats(self, deadline_seconds: float) -> Stats:
        """Return the size of the repository."""
        self._begin('stats', deadline_seconds)
        source = sum(each.snapshot.source_bytes for each in self._kept.values())
        return Stats(len(self._kept), source, sum(map(len, self._blobs.values())))

    def _begin(self, method: str, deadline_seconds: float, repository: bool = True) -> float:
        if method in self.fails:
            told = self.fails.pop(method)
            raise BackupFailed(told, f'{method}: {MEANING[told]}')
        if deadline_seconds <= 0:
            raise BackupFailed(ExitClass.DEADLINE, f'{method} was not begun: no time was left')
        if repository and not self._made:
            raise BackupFailed(ExitClass.NO_REPOSITORY, MEANING[ExitClass.NO_REPOSITORY])
        return time.monotonic()

    def _parent(self, job: Job) -> _Kept | None:
        wanted = tuple(map(str, job.paths))
        own = [each for each in self._kept.values() if (each.snapshot.host, each.snapshot.paths) == (job.host, wanted)]
        return max(own, key=lambda each: each.snapshot.started, default=None)

    def _now(self) -> datetime:
        """Two runs within one tick of the clock are still one after the other."""
        newest = max((each.snapshot.started for each in self._kept.values()), default=datetime.min.replace(tzinfo=UTC))
        return max(datetime.now(UTC), newest + timedelta(microseconds=1)) if self._kept else datetime.now(UTC)


def _kept_by(retention: Retention, snapshots: list[Snapshot]) -> set[str]:
    """Given a retention and snapshots from old to new, return the identities of those that it keeps."""
    newest_first = snapshots[::-1]
    kept = {each.identity for each in newest_first[: max(1, retention.last)]}
    periods = {
        '%Y-%m-%d': retention.daily,
        '%G-%V': retention.weekly,
        '%Y-%m': retention.monthly,
        '%Y': retention.yearly,
    }
    for period, count in periods.items():
        seen: set[str] = set()
        for each in newest_first:
            name = each.started.strftime(period)
            if name not in seen and len(seen) < count:
                seen.add(name)
                kept.add(each.identity)
        # As restic does: what is older than a count that is not full yet is not lost before its time.
        kept |= {newest_first[-1].identity} if newest_first and len(seen) < count else set()
    if retention.within_days and newest_first:
        limit = newest_first[0].started - timedelta(days=retention.within_days)
        kept |= {each.identity for each in newest_first if each.started >= limit}
    return kept


def _read(job: Job) -> dict[str, bytes]:
    found = {}
    for path in job.paths:
        for file in sorted([path] if path.is_file() else path.rglob('*')):
            if file.is_file() and not any(fnmatch.fnmatch(part, e) for part in file.parts for e in job.exclude):
                found[str(file)] = file.read_bytes()
    return found


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _no_source(job: Job) -> str:
    named = ', '.join(map(str, job.paths))
    return f'policy {job.policy} has nothing to back up: ' + (
        f'{named} does not exist' if named else 'it names no paths'
    )
