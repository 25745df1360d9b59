"""What a bucket held at a moment, brought into a folder: the way back from what stolen credentials did to it."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_failure import said
from backup.object_lock import PROBE
from backup.object_store import ObjectStore, Version, within
from backup.port import Progress, Report, silent

CHUNK_BYTES = 1024 * 1024
PARTIAL = '.anlan-partial'
FUTURE_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Brought:
    """What was brought: `unproven` are keys whose bytes have no checksum that could be counted (uploads in parts)."""

    moment: datetime
    target: Path
    files: int
    brought_bytes: int
    resumed_files: int
    gone: int
    seconds: float
    unproven: tuple[str, ...] = ()


@dataclass
class _Work:
    """What the readers share."""

    todo: queue.SimpleQueue[Version]
    total_files: int
    total_bytes: int
    started: Deadline
    lock: threading.Lock = field(default_factory=threading.Lock)
    files: int = 0
    done_bytes: int = 0
    resumed: int = 0
    unproven: list[str] = field(default_factory=list)
    failed: BaseException | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def progress(self) -> Progress:
        elapsed = self.started.seconds - self.started.remaining_seconds()
        return Progress(self.files, self.total_files, self.done_bytes, self.total_bytes, elapsed)


def as_of(versions: Iterable[Version], moment: datetime) -> tuple[list[Version], int]:
    """Given versions and an aware moment, return each key's newest version not after it, and how many keys were gone.

    A key whose newest is a marker was deleted then. Of two of one moment (some stores
    have whole seconds alone) the latest of all is newer, else what has bytes, else the first that is listed.
    """
    newest: dict[str, Version] = {}
    for version in versions:
        if version.modified > moment:
            continue
        known = newest.get(version.key)
        if known is None or _rank(version) > _rank(known):
            newest[version.key] = version
    there = [version for version in newest.values() if not version.marker and version.key != PROBE]
    return sorted(there, key=lambda version: version.key), sum(version.marker for version in newest.values())


def _rank(version: Version) -> tuple[datetime, bool, bool]:
    return version.modified, version.latest, not version.marker


def read_as_of(
    store: ObjectStore,
    bucket: str,
    moment: datetime,
    target: Path,
    *,
    prefix: str = '',
    seconds: float = 3600.0,
    readers: int = 4,
    report: Report = silent,
) -> Brought:
    """Given a store with the restorer's credentials and a moment, bring what a bucket held then into a folder.

    The folder is a new one, an empty one, or one that an earlier call for the same bucket left half full: what is whole
    there is kept, what is cut off goes on. Keys lose the prefix. Sizes and checksums are compared as they arrive. Raise
    BadInput if the moment or a key cannot be, BackupFailed for all else; what was brought stays for the next call.
    """
    if moment.tzinfo is None:
        raise BadInput('a moment without a time zone says nothing; give it in UTC')
    if moment > datetime.now(UTC) + FUTURE_TOLERANCE:
        raise BadInput(f'{moment:%Y-%m-%d %H:%M:%S} UTC has not come yet')
    deadline = Deadline(seconds)
    there, gone = as_of(store.versions(bucket, prefix, seconds), moment)
    if not there:
        raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{bucket} held nothing at {moment:%Y-%m-%d %H:%M:%S} UTC')
    paths = _paths(there, target, prefix)
    _prepare(target, set(paths.values()))
    todo: queue.SimpleQueue[Version] = queue.SimpleQueue()
    for version in there:
        todo.put(version)
    work = _Work(todo, len(there), sum(version.size_bytes for version in there), deadline)
    threads = [
        threading.Thread(target=_reader, args=(store, bucket, paths, work), daemon=True) for _ in range(max(1, readers))
    ]
    for thread in threads:
        thread.start()
    _await(threads, work, f'reading {bucket} as of {moment:%Y-%m-%d %H:%M:%S} UTC', report)
    return Brought(
        moment, target, work.files, work.done_bytes, work.resumed, gone,
        work.progress().elapsed_seconds, tuple(sorted(work.unproven)),
    )  # fmt: skip


def _await(threads: list[threading.Thread], work: _Work, what: str, report: Report) -> None:
    """Wait for the readers. Raise what one of them raised, or BackupFailed at the deadline; they end by themselves."""
    while any(thread.is_alive() for thread in threads):
        if work.failed is not None:
            break
        if work.started.passed():
            work.finished.set()
            raise BackupFailed(
                ExitClass.DEADLINE,
                f'{what}: {work.files} of {work.total_files} files were there after {work.started.seconds:.0f} s; '
                'call it again, it goes on from here',
            )
        report(work.progress())
        threads[0].join(0.2) if threads[0].is_alive() else work.finished.wait(0.2)
    work.finished.set()
    if work.failed is not None:
        raise work.failed
    report(work.progress())


def _reader(store: ObjectStore, bucket: str, paths: dict[str, Path], work: _Work) -> None:
    while not work.finished.is_set() and work.failed is None:
        try:
            version = work.todo.get_nowait()
        except queue.Empty:
            return
        try:
            _bring(store, bucket, version, paths[version.key], work)
        except BaseException as error:
            with work.lock:
                work.failed = work.failed or error
            return


def _bring(store: ObjectStore, bucket: str, version: Version, path: Path, work: _Work) -> None:
    """Bring one version into its file, from where an earlier call left off. Raise BackupFailed."""
    what = f'reading {bucket}/{version.key}'
    if path.is_file() and _is_whole(path, version):
        with work.lock:
            work.files, work.resumed = work.files + 1, work.resumed + 1
            work.done_bytes += version.size_bytes
            if '-' in version.etag:
                work.unproven.append(version.key)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The version is part of the name: bytes of another version are never gone on from.
    partial = path.with_name(f'.{path.name}.{hashlib.sha256(version.identity.encode()).hexdigest()[:16]}{PARTIAL}')
    for attempt in range(1, max(1, store.place.attempts) + 1):
        try:
            _stream(store, bucket, version, partial, work)
            break
        except BackupFailed as error:
            if (
                error.exit_class is not ExitClass.UNREACHABLE
                or attempt == store.place.attempts
                or work.finished.is_set()
            ):
                raise
    if not _is_whole(partial, version):
        partial.unlink()
        raise BackupFailed(ExitClass.CORRUPT, f'{what}: what arrived is not what was kept (size or checksum differ)')
    partial.replace(path)
    with work.lock:
        work.files += 1
        if '-' in version.etag:
            work.unproven.append(version.key)


def _stream(store: ObjectStore, bucket: str, version: Version, partial: Path, work: _Work) -> None:
    """Append to a file what it lacks of a version. Raise BackupFailed; what arrived stays."""
    what = f'reading {bucket}/{version.key}'
    have = partial.stat().st_size if partial.exists() else 0
    if have > version.size_bytes:
        partial.unlink()
        have = 0
    if have == version.size_bytes and have:
        return
    arguments: dict[str, Any] = {'Bucket': bucket, 'Key': version.key, 'VersionId': version.identity}
    if have:
        arguments['Range'] = f'bytes={have}-'
    counted = have
    with work.lock:
        work.done_bytes += have

    def copy() -> None:
        nonlocal counted
        answer = store.client.get_object(**arguments)
        with answer['Body'] as body, partial.open('ab' if have else 'wb') as stream:
            while chunk := body.read(CHUNK_BYTES):
                if work.finished.is_set():
                    return
                stream.write(chunk)
                counted += len(chunk)
                with work.lock:
                    work.done_bytes += len(chunk)

    try:
        within(work.started.remaining_seconds(), what, copy)
    except BackupFailed:
        with work.lock:
            work.done_bytes -= counted
        raise
    if counted != version.size_bytes and not work.finished.is_set():
        with work.lock:
            work.done_bytes -= counted
        raise BackupFailed(
            ExitClass.UNREACHABLE,
            f'{what}: the connection was cut in the middle ({counted} of {version.size_bytes} bytes)',
        )


def _is_whole(path: Path, version: Version) -> bool:
    """Return whether a file has the size and, where the store has one, the checksum of a version."""
    if path.stat().st_size != version.size_bytes:
        return False
    if len(version.etag) != 32 or '-' in version.etag:
        return True
    digest = hashlib.md5(usedforsecurity=False)
    with path.open('rb') as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == version.etag


def _paths(versions: list[Version], target: Path, prefix: str) -> dict[str, Path]:
    """Return the file of each key. Raise BadInput if one would lie outside the folder, or be a file and a folder."""
    paths: dict[str, Path] = {}
    for version in versions:
        name = version.key.removeprefix(prefix).lstrip('/')
        parts = PurePosixPath(name).parts
        if not name or name.endswith('/') or '..' in parts or '\0' in name or '//' in name or '.' in name.split('/'):
            raise BadInput(f'the key {version.key!r} cannot be a file below {target}')
        paths[version.key] = target.joinpath(*parts)
    files = set(paths.values())
    for path in files:
        if inside := next((parent for parent in path.parents if parent in files), None):
            raise BadInput(f'the keys have {inside} both as a file and as a folder')
    return paths


def _prepare(target: Path, wanted: set[Path]) -> None:
    """Have the folder. Raise BackupFailed of class TARGET_REFUSED if something is in it that does not belong there."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BackupFailed(ExitClass.TARGET_REFUSED, f'{target} is no folder; give a new or an empty one')
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in target.rglob('*'):
            if path.is_dir() and not path.is_symlink():
                continue
            if path.is_symlink() or (path not in wanted and not path.name.endswith(PARTIAL)):
                raise BackupFailed(
                    ExitClass.TARGET_REFUSED,
                    f'{target} has {path.name}, which is not of this restore; give a new folder',
                )
    except OSError as error:
        raise said(f'preparing {target}', error) from error
