#!/usr/bin/python3 -B
"""What the stores hold of each sender, as JSON lines: size, oldest and newest entry, how many days it will do.

event_stores.py [--settings FILE] [--now SECONDS]

Exit 1 if of any sender there is nothing, or too little room for the days that records have to be kept. `enough` is null
where that cannot be said yet.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SETTINGS = Path('/etc/anlan/event-stores.json')
MIB = 1024 * 1024
DAY_SECONDS = 86400.0
RATE_DAYS = 7.0
RATE_SECONDS_LEAST = 3600.0
"""Of a shorter time nothing is said about days: a host that has just been made writes more than it ever will again."""

DAYS_MOST = 36500.0
# systemd's journal-def.h: signature, flags, state, four identities, then numbers of eight bytes.
HEADER = struct.Struct('<8sII8x16s16s16s16s15Q')
SIGNATURE = b'LPKSHHRH'


@dataclass(frozen=True)
class Settings:
    """What /etc/anlan/event-stores.json says. `monitors` are the hosts that keep stores, `host` is this one."""

    host: str
    stores: Path
    chain: Path
    retention_days: int
    limit_mib: int
    senders: tuple[str, ...]
    monitors: tuple[str, ...]

    @property
    def limit_bytes(self) -> int:
        """Return the disk that the events of one sender may use."""
        return self.limit_mib * MIB


@dataclass(frozen=True)
class JournalFile:
    """One file of a store. `fixed_bytes`: its tables, there before the first entry. Times are seconds since 1970."""

    disk_bytes: int
    used_bytes: int
    fixed_bytes: int
    entries: int
    oldest: float
    newest: float


@dataclass(frozen=True)
class Store:
    """All that is kept of a sender. What nothing is known of is None; `days` is how long the room will do."""

    host: str
    disk_bytes: int
    entries: int
    oldest: float | None
    newest: float | None
    days: float | None
    enough: bool | None


def load_settings(file: Path = SETTINGS) -> Settings:
    """Given the settings' file, return them. Raise OSError, ValueError, KeyError."""
    given = json.loads(file.read_text(encoding='utf-8'))
    return Settings(
        given['host'], Path(given['stores']), Path(given['chain']), given['retention_days'], given['limit_mib'],
        tuple(given['senders']), tuple(given['monitors']),
    )  # fmt: skip


def read_journal_file(file: Path) -> JournalFile | None:
    """Given a journal's file, return what its header says, or None if it has no entry or is no journal."""
    with file.open('rb') as stream:
        head = stream.read(HEADER.size)
        disk_bytes = os.fstat(stream.fileno()).st_blocks * 512
    if len(head) < HEADER.size:
        return None
    signature, _, _, _, _, _, _, header, _, _, hashes, _, fields, tail, _, entries, *rest = HEADER.unpack(head)
    if signature != SIGNATURE or not entries:
        return None
    oldest, newest = (moment / 1e6 for moment in rest[3:5])
    return JournalFile(disk_bytes, max(tail, header), header + hashes + fields, entries, oldest, newest)


def projected_days(files: Sequence[JournalFile], room_bytes: float, now: float) -> float | None:
    """Given a store's files and the room it may use, return for how many days that will do, or None if it is too early.

    The rate is that of the last week. An eighth of the room is never kept: the oldest file goes as a whole.
    """
    recent = [file for file in files if file.newest >= now - RATE_DAYS * DAY_SECONDS]
    if not recent:
        return None
    seconds = max(file.newest for file in recent) - min(file.oldest for file in recent)
    if seconds < RATE_SECONDS_LEAST:
        return None
    written = sum(max(0, file.used_bytes - file.fixed_bytes) for file in recent)
    file_bytes = room_bytes / 8
    fixed_share = min(1.0, max(file.fixed_bytes for file in recent) / file_bytes)
    kept_bytes = (room_bytes - file_bytes) * (1 - fixed_share)
    return min(DAYS_MOST, kept_bytes / written * seconds / DAY_SECONDS) if written else DAYS_MOST


def measure(settings: Settings, now: float, disk_free_bytes: float) -> list[Store]:
    """Given the settings, the time and the free disk, return what is kept of each sender. Raise OSError.

    The disk's free room is everybody's: where it is less than the stores' bounds, each has an equal part of it.
    """
    found: dict[str, list[JournalFile]] = {}
    disk: dict[str, int] = {}
    for sender in settings.senders:
        paths = sorted((settings.stores / sender).glob('*.journal*'))
        disk[sender] = sum(path.stat().st_blocks * 512 for path in paths)
        found[sender] = [file for file in map(read_journal_file, paths) if file is not None]
    fair_bytes = (disk_free_bytes + sum(disk.values())) / max(1, len(settings.senders))
    room_bytes = min(float(settings.limit_bytes), fair_bytes)
    stores = []
    for sender, files in found.items():
        oldest = min((file.oldest for file in files), default=None)
        newest = max((file.newest for file in files), default=None)
        days = projected_days(files, room_bytes, now)
        kept = oldest is not None and now - oldest >= settings.retention_days * DAY_SECONDS
        enough = True if kept else None if days is None else days >= settings.retention_days
        entries = sum(file.entries for file in files)
        stores.append(Store(sender, disk[sender], entries, oldest, newest, days, enough))
    return stores


def newest_of(store: Path) -> float | None:
    """Given a store, return when its newest entry was written, or None if it has none. Raise OSError."""
    files = (read_journal_file(path) for path in sorted(store.glob('*.journal*')))
    return max((file.newest for file in files if file is not None), default=None)


def free_bytes(folder: Path) -> float:
    """Given a folder, return the room that is left on its disk. Raise OSError."""
    status = os.statvfs(folder)
    return float(status.f_bavail * status.f_frsize)


def main() -> None:
    """Print, and exit with 1 if anything is lacking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--settings', type=Path, default=SETTINGS)
    parser.add_argument('--now', type=float, default=None, help='seconds since 1970')
    options = parser.parse_args()
    settings = load_settings(options.settings)
    now = time.time() if options.now is None else options.now
    stores = measure(settings, now, free_bytes(settings.stores))
    for store in stores:
        silent = None if store.newest is None else round(max(0.0, now - store.newest), 1)
        print(json.dumps(asdict(store) | {'retention_days': settings.retention_days, 'silent_seconds': silent}))
    sys.exit(1 if any(store.newest is None or store.enough is False for store in stores) else 0)


if __name__ == '__main__':
    main()
