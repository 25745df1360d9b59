"""Planted corruption: damage done to a throw-away copy of a repository, to see that a verification catches it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from anlan.errors import BadInput
from backup.port import Snapshot

Kind = Literal['flipped-byte', 'truncated-pack', 'missing-pack', 'missing-index', 'wrong-key', 'stale-latest']
KINDS: tuple[Kind, ...] = get_args(Kind)
MARK = 'ANLAN-THROW-AWAY-COPY'
"""The file that says that a folder may be damaged. A repository that is in use never has it."""

PARTS = ('data', 'index', 'snapshots', 'keys')


@dataclass(frozen=True)
class Planted:
    """Damage that was done: its kind, the file by its path in the repository, and what was done to it."""

    kind: Kind
    file: str
    what: str


def copy_of(repository: Path, folder: Path) -> Path:
    """Given a local restic repository and a folder that is not there, make a copy that may be damaged.

    Locks are left behind: nobody works on the copy. Raise BadInput if the one is no repository or the other is there.
    """
    if not (repository / 'config').is_file():
        raise BadInput(f'{repository} is no restic repository')
    if folder.exists():
        raise BadInput(f'{folder} is there already')
    shutil.copytree(repository, folder, ignore=lambda at, names: names if Path(at).name == 'locks' else [])
    (folder / MARK).write_text('A copy for planted corruption; it may be damaged and removed.\n', encoding='utf-8')
    return folder


def plant(kind: Kind, copy: Path, chance: random.Random) -> Planted:
    """Given a kind and a marked copy, damage it so; what exactly, `chance` decides. Return what was done.

    Raise BadInput if the folder is not marked as a copy, or holds nothing that this kind could be done to.
    """
    if not (copy / MARK).is_file() or copy.is_symlink():
        raise BadInput(f'{copy} is not marked as a throw-away copy, and is not touched')
    match kind:
        case 'flipped-byte':
            return _flip(copy, chance)
        case 'truncated-pack':
            file = _choose(copy, 'data', chance)
            size = file.stat().st_size
            _writable(file)
            os.truncate(file, chance.randrange(size))
            return _planted(kind, copy, file, f'cut from {size} to {file.stat().st_size} bytes')
        case 'missing-pack' | 'missing-index':
            file = _choose(copy, 'data' if kind == 'missing-pack' else 'index', chance)
            file.unlink()
            return _planted(kind, copy, file, 'removed')
        case 'wrong-key':
            return _other_key(copy, chance)
        case 'stale-latest':
            files = _files(copy, 'snapshots')
            if len(files) < 2:
                raise BadInput(f'{copy} holds no older snapshot that could pass for the newest')
            file = max(files, key=lambda each: each.stat().st_mtime_ns)
            file.unlink()
            return _planted(kind, copy, file, 'the newest snapshot was removed, as in an older copy')


def staleness(recorded: Iterable[str], found: Iterable[Snapshot]) -> str | None:
    """Given the identities recorded when backups were made (those not forgotten) and what a place lists now,
    return why the place is not up to date, or None if all is there.
    """  # fmt: skip
    listed = {each.identity for each in found}
    gone = [identity for identity in recorded if identity not in listed]
    if not gone:
        return None
    newest = gone[-1]
    return f'{len(gone)} recorded snapshots are not there any more, the last of them {newest[:8]}: an older copy'


def _flip(copy: Path, chance: random.Random) -> Planted:
    files = [file for part in PARTS for file in _files(copy, part)] + [copy / 'config']
    file = chance.choice([each for each in files if each.stat().st_size])
    content = bytearray(file.read_bytes())
    position, bit = chance.randrange(len(content)), chance.randrange(8)
    content[position] ^= 1 << bit
    _writable(file)
    file.write_bytes(content)
    return _planted('flipped-byte', copy, file, f'bit {bit} of byte {position} of {len(content)}')


def _other_key(copy: Path, chance: random.Random) -> Planted:
    """Put a well-formed key, of nobody's password, in the place of those that are there."""
    files = _files(copy, 'keys')
    if not files:
        raise BadInput(f'{copy} holds no key')
    document = json.loads(files[0].read_text(encoding='utf-8'))
    document['salt'] = base64.b64encode(chance.randbytes(64)).decode()
    document['data'] = base64.b64encode(chance.randbytes(len(base64.b64decode(document['data'])))).decode()
    content = json.dumps(document).encode()
    for file in files:
        file.unlink()
    made = copy / 'keys' / hashlib.sha256(content).hexdigest()
    made.write_bytes(content)
    return _planted('wrong-key', copy, made, f'stands for {len(files)} keys')


def _choose(copy: Path, part: str, chance: random.Random) -> Path:
    files = _files(copy, part)
    if not files:
        raise BadInput(f'{copy} holds nothing under {part}')
    return chance.choice(files)


def _files(copy: Path, part: str) -> list[Path]:
    return sorted(file for file in (copy / part).rglob('*') if file.is_file())


def _writable(file: Path) -> None:
    """restic makes its files read-only."""
    file.chmod(0o600)


def _planted(kind: Kind, copy: Path, file: Path, what: str) -> Planted:
    return Planted(kind, str(file.relative_to(copy)), what)
