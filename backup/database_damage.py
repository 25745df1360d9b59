"""Planted damage in a throw-away copy of the database's repository, to see that a look at the bytes catches it."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from anlan.deadline import Deadline
from anlan.errors import AnlanError, BadInput
from anlan.files import write_atomically
from backup.engines.pgbackrest import PgBackRestEngine
from backup.failure import BackupFailed, ExitClass
from backup.record import new_identity

Damage = Literal['flipped-byte', 'truncated-file', 'missing-file', 'missing-log']
DAMAGES: tuple[Damage, ...] = get_args(Damage)
FOLDER = Path('/var/lib/anlan/database-backup/damage')
PATH_LINE = re.compile(r'^repo1-path=(?P<path>/\S+)$', re.MULTILINE)
SEEN = {ExitClass.CORRUPT, ExitClass.NO_REPOSITORY, ExitClass.FAILED, ExitClass.WRONG_PASSWORD}
CHANCE = random.SystemRandom()


def damage_is_caught(kind: Damage, engine: PgBackRestEngine, deadline: Deadline) -> bool:
    """Given a kind and the engine of a local repository, damage a copy of it so, and return whether that is seen.

    Raise BadInput if the repository holds nothing that this kind could be done to.
    """
    with copied(engine) as (copy, folder):
        if not copy.verify('data', deadline.remaining_seconds()).sound:
            raise BadInput('the copy was damaged before anything was planted; look at the repository itself')
        plant(kind, folder, engine.place.stanza, CHANCE)
        try:
            return not copy.verify('data', deadline.remaining_seconds()).sound
        except BackupFailed as failure:
            return failure.exit_class in SEEN


@contextmanager
def copied(engine: PgBackRestEngine) -> Iterator[tuple[PgBackRestEngine, Path]]:
    """Given the engine of a local repository, yield that of a copy of it and the copy's folder; removed afterwards."""
    settings = engine.place.read.read_text(encoding='utf-8')
    found = PATH_LINE.search(settings)
    if found is None or not Path(found['path']).is_dir():
        raise BadInput(f'{engine.place.read} names no local repository')
    account = engine.place.account
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o711)
    folder = FOLDER / new_identity()[:12]
    try:
        shutil.copytree(found['path'], folder, symlinks=True)
        for each in (folder, *folder.rglob('*')):
            if not each.is_symlink():
                shutil.chown(each, account, account)
        file = folder.with_suffix('.conf')
        write_atomically(file, PATH_LINE.sub(f'repo1-path={folder}', settings))
        shutil.chown(file, 'root', account)
        file.chmod(0o640)
        yield PgBackRestEngine(replace(engine.place, read=file, write=file)), folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix('.conf').unlink(missing_ok=True)
        if folder.exists():
            raise AnlanError(f'{folder} could not be removed; remove it by hand')


def plant(kind: Damage, folder: Path, stanza: str, chance: random.Random) -> Path:
    """Given a kind and the folder of a copy, damage it so and return the file. Raise BadInput if there is none."""
    part = folder / ('archive' if kind == 'missing-log' else 'backup') / stanza
    files = sorted(each for each in part.rglob('*') if each.is_file() and not each.is_symlink() and _holds_data(each))
    if not files:
        raise BadInput(f'the repository holds nothing that {kind} could be done to')
    if kind == 'missing-log':
        # Not one of the last two: whether those are needed is not certain yet.
        files = files[:-2] or files
        file = files[0]
    else:
        file = chance.choice(files)
    size = file.stat().st_size
    if kind in {'missing-file', 'missing-log'}:
        file.unlink()
    elif kind == 'truncated-file':
        os.truncate(file, chance.randrange(size))
    else:
        with file.open('r+b') as stream:
            position = chance.randrange(size)
            stream.seek(position)
            byte = stream.read(1)[0]
            stream.seek(position)
            stream.write(bytes([byte ^ 1 << chance.randrange(8)]))
    return file


def _holds_data(file: Path) -> bool:
    """Return whether a file is of a backup's data or a piece of the log, and not a list that has a second copy."""
    return (
        file.stat().st_size > 0
        and not file.name.startswith(('backup.', 'archive.'))
        and 'backup.history' not in file.parts
    )
