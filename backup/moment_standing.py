"""What stands restored as of a moment: noted before it is restored, so that whatever became of it can be wiped.

Only a folder that was noted here, and still is the same one, is ever wiped. Each wiping leaves a line in the journal.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.deadline import wait_until
from anlan.errors import AnlanError, DeadlineExceeded
from anlan.files import write_atomically
from backup.failure import BackupFailed, ExitClass
from backup.scratch_database import runs, stop

STANDING = Path('/var/lib/anlan/backup/moments')
GONE_SECONDS = 60.0
MARK = 'anlan_moment'
"""In a restored folder: the identity of what was noted of it."""


@dataclass(frozen=True)
class Standing:
    """One restored database: where it is, which folder that is on the disk, its unit, and when it is wiped."""

    identity: str
    target: str
    device: int
    inode: int
    unit: str
    place: str
    begun: datetime
    expires: datetime
    process: int = 0
    restored: bool = False


def note(standing: Standing, folder: Path | None = None) -> None:
    """Given what stands, or is about to, write it down."""
    document = {**asdict(standing), 'begun': standing.begun.isoformat(), 'expires': standing.expires.isoformat()}
    where = folder or STANDING
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(where / f'{standing.identity}.json', json.dumps(document, sort_keys=True), 0o600)


def marked(standing: Standing, expires: datetime) -> Standing:
    """Given what has been restored, mark its folder, note it so, and return it."""
    write_atomically(Path(standing.target) / MARK, standing.identity + '\n', 0o600)
    done = replace(standing, restored=True, expires=expires)
    note(done)
    return done


def noted(folder: Path | None = None) -> tuple[Standing, ...]:
    """Return all that is noted, from old to new. Raise AnlanError if a note cannot be read."""
    found = []
    for file in sorted((folder or STANDING).glob('*.json')):
        try:
            document = json.loads(file.read_text(encoding='utf-8'))
            times = {name: datetime.fromisoformat(document[name]) for name in ('begun', 'expires')}
            found.append(Standing(**document | times))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnlanError(
                f'{file} cannot be read ({error}); look what stands there, and remove it by hand'
            ) from None
    return tuple(sorted(found, key=lambda each: each.begun))


def at(target: str) -> dict[str, Any]:
    """Given a target, return what stands there. Raise BackupFailed if it is nothing of ours."""
    found = _at(target)
    files, size = _size(Path(found.target))
    return {'identity': found.identity, 'target': found.target, 'unit': found.unit, 'files': files, 'bytes': size,
            'expires': found.expires.isoformat()}  # fmt: skip


def discard(target: str) -> dict[str, Any]:
    """Given a target, stop the database that stands there, wipe it and return the evidence. Raise BackupFailed."""
    return wipe(_at(target))


def _at(target: str) -> Standing:
    found = next((each for each in reversed(noted()) if each.target == str(Path(target))), None)
    if found is None:
        sentence = f'nothing is wiped: no database was restored into {target} as of a moment'
        raise BackupFailed(ExitClass.TARGET_REFUSED, sentence)
    return found


def _size(folder: Path) -> tuple[int, int]:
    files, size = 0, 0
    for each in folder.rglob('*'):
        # A database that runs removes files of its own meanwhile.
        with contextlib.suppress(FileNotFoundError):
            about = each.lstat()
            if stat.S_ISREG(about.st_mode):
                files, size = files + 1, size + about.st_size
    return files, size


def sweep(now: datetime | None = None) -> list[dict[str, Any]]:
    """Wipe all whose time is over, and return the evidence of each. What cannot be wiped is tried again next time."""
    done = []
    # The task whose agent does this first must go on; a note stays until its folder is gone.
    with contextlib.suppress(AnlanError, OSError):
        for each in noted():
            if each.expires <= (now or datetime.now(UTC)):
                with contextlib.suppress(AnlanError, OSError):
                    done.append(wipe(each))
    return done


def wipe(standing: Standing) -> dict[str, Any]:
    """Given what stands, stop it, remove its folder whole, and return the evidence. Raise BackupFailed."""
    if _is_written(standing):
        raise BackupFailed(ExitClass.LOCKED, f'{standing.target} is being restored by process {standing.process}')
    stop(standing.unit)
    if runs(standing.unit):
        raise BackupFailed(ExitClass.FAILED, f'{standing.unit} does not stop; nothing is wiped')
    folder = Path(standing.target)
    files, size = 0, 0
    there = os.path.lexists(folder)
    if there:
        if (reason := _another(standing, folder)) is not None:
            raise BackupFailed(ExitClass.TARGET_REFUSED, f'nothing is wiped: {reason}; remove it by hand')
        files, size = _size(folder)
        try:
            wait_until(lambda: _left(folder), f'{folder} to be wiped, which holds restored data', GONE_SECONDS, 0.5)
        except DeadlineExceeded as late:
            raise BackupFailed(ExitClass.FAILED, str(late)) from None
    evidence = {
        'identity': standing.identity, 'target': standing.target, 'was_there': there, 'files': files, 'bytes': size,
        'unit': standing.unit, 'runs': False, 'wiped': datetime.now(UTC).isoformat(),
    }  # fmt: skip
    journal('wiped', evidence)
    (STANDING / f'{standing.identity}.json').unlink(missing_ok=True)
    return evidence


def forget(standing: Standing) -> None:
    """Given what was noted but never written into, note it no more; its folder goes only if it is empty."""
    with contextlib.suppress(OSError):
        Path(standing.target).rmdir()
    (STANDING / f'{standing.identity}.json').unlink(missing_ok=True)


def journal(what: str, document: dict[str, Any]) -> None:
    """Given what happened, append it to the journal of what stood here."""
    STANDING.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = json.dumps({'what': what, 'at': datetime.now(UTC).isoformat(), **document}, sort_keys=True)
    with os.fdopen(os.open(STANDING / 'journal.jsonl', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 'w') as stream:
        stream.write(line + '\n')
        stream.flush()
        os.fsync(stream.fileno())


def _is_written(standing: Standing) -> bool:
    """Return whether another process, the one that noted it, still restores."""
    if standing.restored or standing.process in (0, os.getpid()):
        return False
    try:
        return b'moment' in Path(f'/proc/{standing.process}/cmdline').read_bytes().split(b'\0')
    except OSError:
        return False


def _left(folder: Path) -> str | None:
    """Remove a folder; return what is left if a restore whose agent was killed goes on writing, for a while, else None.

    A tablespace's link is removed, never what it leads to.
    """
    shutil.rmtree(folder, ignore_errors=True)
    return 'something is left, or comes anew' if folder.exists() else None


def _another(standing: Standing, folder: Path) -> str | None:
    """Return why a folder is not the one that was noted, or None if it is."""
    about = folder.lstat()
    if folder.is_symlink() or (about.st_dev, about.st_ino) != (standing.device, standing.inode):
        return f'{folder} is another folder than the one that was restored into'
    try:
        mark = (folder / MARK).read_text(encoding='utf-8').strip()
    except OSError:
        mark = ''
    if mark != standing.identity and (standing.restored or mark):
        return f'{folder} does not bear the mark of what was restored into it'
    return None
