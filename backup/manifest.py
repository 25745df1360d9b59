"""A manifest: what some files were when they were kept, so that a restore can be held against it. Pure but for reading.

It is kept in the snapshot itself beside a random word, and its digest stands in the record of the run: the restore
shows both, so a snapshot that is passed off as another one is seen. Hashes are our own, not the engine's.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from anlan.errors import BadInput

MOST_SAMPLES = 64
MOST_BYTES = 256 * 1024 * 1024
"""Of the files that are hashed, together: a manifest must cost little beside the run."""

SETTLED_SECONDS = 120.0
"""A file that changed within this time may change again before it is read, and is not chosen."""

VERSION = 1


@dataclass(frozen=True)
class Sample:
    """A file as it was: size, time of its last change, sha256."""

    size_bytes: int
    changed_nanoseconds: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What stands in a snapshot of a policy. `word` is the canary: nobody can know it who has not this snapshot."""

    policy: str
    host: str
    taken: datetime
    word: str
    samples: dict[str, Sample]
    files: int

    def text(self) -> str:
        """Return it as the file that is kept."""
        return json.dumps(
            {
                'version': VERSION, 'policy': self.policy, 'host': self.host, 'taken': self.taken.isoformat(),
                'word': self.word, 'files': self.files,
                'samples': {
                    path: [each.size_bytes, each.changed_nanoseconds, each.sha256]
                    for path, each in sorted(self.samples.items())
                },
            },
            sort_keys=True,
        )  # fmt: skip


def digest(text: str) -> str:
    """Given the text of a manifest, return what a record says of it."""
    return hashlib.sha256(text.encode()).hexdigest()


def manifest_of(
    policy: str, host: str, paths: Sequence[Path], exclude: Sequence[str], now: datetime, *, made: Sequence[Path] = ()
) -> Manifest:
    """Given what is about to be kept, return its manifest: a random choice of its settled files, hashed.

    `made`: what the run itself has just made, which nobody else writes to: settled, however young.
    """
    settled, count = [], 0
    for file in files_below(paths, exclude):
        count += 1
        try:
            about = file.lstat()
        except OSError:
            continue
        own = any(each == file or each in file.parents for each in made)
        if own or now.timestamp() - about.st_mtime > SETTLED_SECONDS:
            settled.append((file, about))
    random.SystemRandom().shuffle(settled)
    samples: dict[str, Sample] = {}
    left = MOST_BYTES
    for file, about in settled:
        if len(samples) >= MOST_SAMPLES:
            break
        if about.st_size > left:
            continue
        try:
            samples[str(file)] = Sample(about.st_size, about.st_mtime_ns, sha256_of(file))
        except OSError:
            continue
        left -= about.st_size
    return Manifest(policy, host, now, secrets.token_hex(16), samples, count)


def files_below(paths: Iterable[Path], exclude: Sequence[str]) -> Iterable[Path]:
    """Given paths and the patterns that are left out, return every plain file of them."""
    for path in paths:
        if path.is_file() and not path.is_symlink():
            yield path
        elif path.is_dir():
            for folder, names, files in os.walk(path):
                names[:] = sorted(name for name in names if not _left_out(Path(folder) / name, exclude))
                for name in sorted(files):
                    file = Path(folder) / name
                    if not file.is_symlink() and file.is_file() and not _left_out(file, exclude):
                        yield file


def read_manifest(text: str) -> Manifest:
    """Given the text of a manifest, return it. Raise BadInput if it is none."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document['version'] != VERSION:
            raise ValueError(f'its version is {document["version"]!r}')
        samples = {path: Sample(int(size), int(changed), str(sha))
                   for path, (size, changed, sha) in document['samples'].items()}  # fmt: skip
        taken = datetime.fromisoformat(document['taken']).astimezone(UTC)
        return Manifest(document['policy'], document['host'], taken, document['word'], samples, int(document['files']))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f'the manifest of the snapshot is none: {error}') from None


def compare(manifest: Manifest, root: Path) -> tuple[int, tuple[str, ...]]:
    """Given a manifest and the folder that its snapshot was restored below, return how many things were compared, and
    what differs.

    A file that differs and was changed after the manifest was made is left out: it was kept as it was then.
    """
    checks, problems = 0, []
    for path, sample in sorted(manifest.samples.items()):
        restored = root / path.lstrip('/')
        try:
            about, found = restored.lstat(), sha256_of(restored)
        except OSError as error:
            checks += 1
            problems.append(f'{path} did not come back: {error.strerror}')
            continue
        same = (about.st_size, found) == (sample.size_bytes, sample.sha256)
        changed = about.st_mtime_ns != sample.changed_nanoseconds
        if not same and changed and about.st_mtime > manifest.taken.timestamp() - SETTLED_SECONDS:
            continue
        checks += 1
        if not same:
            problems.append(f'{path} is not what it was: {about.st_size} bytes, then {sample.size_bytes}')
    if manifest.samples and not checks:
        problems.append(f'not one of {len(manifest.samples)} files could be compared: all were changed')
    return checks, tuple(problems)


def _left_out(file: Path, exclude: Sequence[str]) -> bool:
    return any(fnmatch(file.name, pattern) or fnmatch(str(file), pattern) for pattern in exclude)


def sha256_of(file: Path) -> str:
    """Given a file, return the sha256 of its content. Raise OSError if it cannot be read."""
    with file.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()
