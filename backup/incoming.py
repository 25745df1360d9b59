"""What is handed over to the keeper from the operator's machine: a tar file becomes a folder, all of it or nothing."""

from __future__ import annotations

import fcntl
import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from backup.failure import BackupFailed, ExitClass

INCOMING = Path('/var/lib/anlan/backup/incoming')
NAME = 'var'


def receive(stream: IO[bytes], folder: Path = INCOMING) -> int:
    """Given a stream with a tar file of one folder `var`, put it in the place of the one before; return its files.

    Raise BackupFailed if it is not whole to its last byte, leads out of the folder, or another is being taken; the one
    before stays then.
    """
    half, old, present = folder / f'.{NAME}-half', folder / f'.{NAME}-old', folder / NAME
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder):
        if old.exists() and not present.exists():
            # Cut off between two renames.
            old.rename(present)
        for leftover in (half, old):
            _remove(leftover)
        half.mkdir(mode=0o700)
        try:
            with gzip.GzipFile(fileobj=stream) as plain:
                with tarfile.open(fileobj=plain, mode='r|') as archive:
                    archive.extractall(half, filter='data')
                # What says that all came, and came right, stands at the end.
                while plain.read(1 << 20):
                    pass
            made = half / NAME
            if made.is_symlink() or not made.is_dir():
                raise BackupFailed(ExitClass.NO_SOURCE, f'what was handed over has no folder {NAME}/')
            files = sum(1 for each in made.rglob('*') if each.is_file())
            if not files:
                raise BackupFailed(ExitClass.NO_SOURCE, f'what was handed over holds no files below {NAME}/')
            if present.exists():
                present.rename(old)
            made.rename(present)
        except (tarfile.TarError, OSError, EOFError, zlib.error, RecursionError) as error:
            if old.exists() and not present.exists():
                old.rename(present)
            raise BackupFailed(ExitClass.INCOMPLETE, f'what was handed over is not whole: {error}') from None
        finally:
            _remove(half)
            if present.exists():
                _remove(old)
    return files


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BackupFailed(ExitClass.LOCKED, 'something else is being handed over') from None
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
