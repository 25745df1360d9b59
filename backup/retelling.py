"""Telling again: once a day a host tells the journal what still matters of its records.

So a monitoring host that was made anew knows within a day how backups stand, and an entry that was lost on its way is
not missed for ever. What is told twice is the same record, and counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from backup.announcement import announce
from backup.mattering import mattering
from backup.record import Record

TOLD = Path('/var/lib/anlan/backup/told-again')
EVERY_SECONDS = 20 * 3600
"""A bit less than a day: it is done by the first task that ends after it."""

ANNOUNCE_AGAIN = partial(announce, again=True)


def is_due(now: datetime, marker: Path = TOLD) -> bool:
    """Given the time, return whether it is time to tell all again. A mark of the future says nothing."""
    try:
        age_seconds = now.timestamp() - marker.stat().st_mtime
    except OSError:
        return True
    return not 0 <= age_seconds < EVERY_SECONDS


def tell_again(
    records: Sequence[Record], now: datetime, marker: Path = TOLD,
    tell: Callable[[Record], str | None] = ANNOUNCE_AGAIN,
) -> str | None:  # fmt: skip
    """Given the records of this host, tell those that matter. Return None, or why not all were told: then it stays due.

    Raise OSError if that it was done cannot be noted.
    """
    for record in mattering(records, now):
        reason = tell(record)
        if reason is not None:
            return reason
    marker.touch(mode=0o600)
    return None
