"""The port: what an engine can do, whichever program is behind it. Plain data in, plain data out.

An engine stands for one repository in one place. Every method has a deadline, raises BackupFailed and nothing else for
what goes wrong outside, and leaves a repository that can be used, wherever it is cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from backup.failure import ExitClass


@dataclass(frozen=True)
class Progress:
    """How far a run is. Totals are 0 as long as they are not known."""

    files: int
    total_files: int
    done_bytes: int
    total_bytes: int
    elapsed_seconds: float

    @property
    def bytes_per_second(self) -> float:
        """Return the rate since the beginning, 0 before there is one."""
        return self.done_bytes / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """Return the time left at that rate, or None while it is not known."""
        if not self.total_bytes or not self.bytes_per_second:
            return None
        return max(0, self.total_bytes - self.done_bytes) / self.bytes_per_second


Report = Callable[[Progress], None]
Depth = Literal['structure', 'data']
"""How deep a verification looks: that all that is named is there, or that every byte is what it was."""


def silent(_: Progress) -> None:
    """Take a progress and show nothing."""


@dataclass(frozen=True)
class Job:
    """What one run keeps: a policy's name, the paths (a database has none), what is left out, and tags."""

    policy: str
    host: str
    paths: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    kind: Literal['full', 'incremental'] = 'incremental'


@dataclass(frozen=True)
class Snapshot:
    """What one run kept. `parent` is the snapshot that it builds on, where the engine has such a thing."""

    identity: str
    policy: str
    host: str
    started: datetime
    ended: datetime
    paths: tuple[str, ...] = ()
    source_bytes: int = 0
    files: int = 0
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def nothing_below(self, paths: Sequence[str]) -> str:
        """Given paths below which nothing was kept, return the sentence that says so, and where all of it lies."""
        sources = f'; what it holds lies below {", ".join(self.paths)}' if self.paths else ''
        return f'snapshot {self.identity[:8]} holds nothing below {", ".join(paths)}{sources}'


@dataclass(frozen=True)
class Plan:
    """What a run would do: `blocked` is the reason why it would not be begun."""

    job: Job
    new_files: int
    changed_files: int
    unchanged_files: int
    added_bytes: int
    blocked: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run did: its snapshot, what was read, what was stored anew; `unread` is what could not be read."""

    snapshot: Snapshot
    source_bytes: int
    added_bytes: int
    seconds: float
    unread: tuple[str, ...] = ()

    @property
    def exit_class(self) -> ExitClass | None:
        """Return the class of a run that kept something but not all, else None."""
        return ExitClass.INCOMPLETE if self.unread else None


@dataclass(frozen=True)
class Verification:
    """What a verification found; sound only if it found nothing wrong."""

    depth: Depth
    problems: tuple[str, ...]
    read_bytes: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Restored:
    """What a restore brought back, and where to. `recovery_point` is the moment that the data is of."""

    snapshot: str
    target: Path
    files: int
    restored_bytes: int
    seconds: float
    recovery_point: datetime


@dataclass(frozen=True)
class Retention:
    """How many snapshots of a policy are kept; those of the last days always. All 0: refused."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within_days: int = 0


@dataclass(frozen=True)
class Forgotten:
    """What a forgetting kept and removed, by identity; `freed_bytes` is 0 where nothing was pruned."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    freed_bytes: int


@dataclass(frozen=True)
class Stats:
    """Size of a repository: what the snapshots would take together restored, and what they take stored."""

    snapshots: int
    source_bytes: int
    stored_bytes: int

    @property
    def deduplication(self) -> float:
        """Return how many bytes of source stand for one stored byte, 0 if nothing is stored."""
        return self.source_bytes / self.stored_bytes if self.stored_bytes else 0.0


class Engine(Protocol):
    """A repository in one place. `list` is from old to new."""

    def prepare(self, deadline_seconds: float) -> bool:
        """Make the repository if there is none yet; return whether it was made."""

    def plan(self, job: Job, deadline_seconds: float) -> Plan:
        """Return what `run` would do; nothing is stored."""

    def run(self, job: Job, deadline_seconds: float, report: Report = silent) -> Outcome:
        """Keep what the job names; raise BackupFailed if nothing was kept."""

    def list(self, deadline_seconds: float, policy: str | None = None) -> tuple[Snapshot, ...]:
        """Return the snapshots that can be restored, of one policy or of all."""

    def verify(self, depth: Depth, deadline_seconds: float, report: Report = silent) -> Verification:
        """Look whether what is kept is whole; damage is a result, never an exception."""

    def restore(
        self, snapshot: str, target: Path, deadline_seconds: float, *, paths: tuple[str, ...] = (),
        to_time: datetime | None = None, report: Report = silent,
    ) -> Restored:  # fmt: skip
        """Bring a snapshot back into an empty folder that is not live; of files, only those below `paths`.

        `to_time`: of a database, the moment up to which changes are played back; BackupFailed where there is none.
        """

    def forget(self, policy: str, retention: Retention, deadline_seconds: float, *, dry_run: bool = False) -> Forgotten:
        """Forget what the retention does not keep of a policy, and free its space. The newest is always kept."""

    def stats(self, deadline_seconds: float) -> Stats:
        """Return the size of the repository."""
