"""What is handed over to the keeper from the operator's machine: a tar file becomes a folder, all of it or nothing."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import IO

from backup.failure import BackupFailed, ExitClass

INCOMING = Path('/var/lib/anlan/backup/incoming')
NAME = 'var'


def receive(stream: IO[bytes], folder: Path = INCOMING) -> int:
    """Given a stream with a tar file of one folder `var`, put it in the place of the one before; return its files.

    Raise BackupFailed if it is not whole, or leads out of the folder; the one before stays then.
    """
    half, old = folder / f'.{NAME}-half', folder / f'.{NAME}-old'
    for leftover in (half, old):
        shutil.rmtree(leftover, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    try:
        with tarfile.open(fileobj=stream, mode='r|gz') as archive:
            archive.extractall(half, filter='data')
        made = half / NAME
        files = sum(1 for each in made.rglob('*') if each.is_file())
        if not files:
            raise BackupFailed(ExitClass.NO_SOURCE, f'what was handed over holds no files below {NAME}/')
        if (folder / NAME).exists():
            (folder / NAME).rename(old)
        made.rename(folder / NAME)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BackupFailed(ExitClass.INCOMPLETE, f'what was handed over is not whole: {error}') from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return files
