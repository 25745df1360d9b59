"""Files by their hash, and tars that are the same for the same files."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path


def sha256_of(file: Path) -> str:
    """Given a file, return the sha256 of its content."""
    with file.open('rb') as opened:
        return hashlib.file_digest(opened, 'sha256').hexdigest()


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Given a folder, yield each file in it with its relative name, sorted; compiled Python is left out."""
    for path in sorted(folder.rglob('*')):
        if path.is_file() and '__pycache__' not in path.parts:
            yield path.relative_to(folder).as_posix(), path


def hashes_below(folder: Path) -> dict[str, str]:
    """Given a folder, return the sha256 of each file in it, by relative name."""
    return {name: sha256_of(path) for name, path in files_below(folder)}


def write_tar(folder: Path, archive: Path) -> None:
    """Given a folder, write its files into a tar that depends on nothing but their names and contents."""
    with tarfile.open(archive, 'w', format=tarfile.PAX_FORMAT) as tar:
        for name, path in files_below(folder):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open('rb') as opened:
                tar.addfile(entry, opened)
