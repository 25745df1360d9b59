"""Where a restore may go: an empty folder that is not live, held by one restore at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backup.failure import BackupFailed, ExitClass

ALWAYS_LIVE = tuple(map(Path, ('/', '/bin', '/boot', '/etc', '/lib', '/proc', '/sbin', '/sys', '/usr')))
"""Never restored into, whatever the settings say: the system's own folders (`/` itself, not all that is below it)."""


def refusal(target: Path, live_roots: Sequence[Path]) -> str | None:
    """Given where a restore is to go and the roots of what is live, return why it must not go there, else None.

    Links are followed first: a name that only leads to a live path is as live. A folder above a live root is refused
    too, for a restore into it would write below that root.
    """
    if not target.is_absolute():
        return f'{target} is not an absolute path'
    if target.is_symlink():
        return f'{target} is a symbolic link'
    real = target.resolve()
    for root in (*ALWAYS_LIVE, *live_roots):
        live = root.resolve()
        if real == live or (live != Path('/') and live in real.parents):
            return f'{target} is the live path {root} or below it'
        if real in live.parents:
            return f'{target} holds the live path {root}'
    if target.exists() and not target.is_dir():
        return f'{target} is not a folder'
    return None


def require_empty(target: Path, live_roots: Sequence[Path]) -> None:
    """Given a target and the roots of what is live, raise BackupFailed where `held` would. Nothing is made."""
    reason = refusal(target, live_roots)
    if reason is None:
        above = next(each for each in (target, *target.parents) if each.exists())
        if not above.is_dir():
            reason = f'{above} is not a folder'
        elif target.exists() and any(target.iterdir()):
            reason = f'{target} is not empty'
    if reason is not None:
        raise BackupFailed(ExitClass.TARGET_REFUSED, f'nothing is restored: {reason}')


@contextmanager
def held(target: Path, live_roots: Sequence[Path]) -> Iterator[None]:
    """Given a target and the roots of what is live, make the folder if need be and hold it while the body runs.

    Raise BackupFailed if it is live, not empty, or held by another restore.
    """
    reason = refusal(target, live_roots)
    if reason is not None:
        raise BackupFailed(ExitClass.TARGET_REFUSED, f'nothing is restored: {reason}')
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        sentence = f'nothing is restored: {target} cannot be made or opened: {error.strerror}'
        raise BackupFailed(ExitClass.TARGET_REFUSED, sentence) from None
    try:
        try:
            # On the folder itself: the lock ends with its holder, and no file is left in what is compared afterwards.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sentence = f'nothing is restored: another restore into {target} runs'
            raise BackupFailed(ExitClass.TARGET_REFUSED, sentence) from None
        if any(target.iterdir()):
            raise BackupFailed(ExitClass.TARGET_REFUSED, f'nothing is restored: {target} is not empty')
        yield
    finally:
        os.close(descriptor)
