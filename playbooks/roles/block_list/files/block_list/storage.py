"""Storage: decisions on disk, a line each, so that a restart or a reboot forgets none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from block_list.entries import Entry, unpacked

SPARE_LINES = 1000


def boot_identity() -> str:
    """Return what names this boot of the kernel: seconds since boot mean something within it alone."""
    return Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii').strip()


class Storage:
    """A file that is appended to, and written anew when most of it is of the past."""

    def __init__(self, file: Path, boot: str, wall: Callable[[], float]) -> None:
        self._file = file
        self._boot = boot
        self._wall = wall
        self._lines = 0
        self.failures = 0
        self.failing = False

    def load(self, now: float, longest_seconds: float) -> list[Entry]:
        """Given the seconds since boot, return what was kept and has not ended; a torn line is left out."""
        try:
            lines = self._file.read_text(encoding='utf-8', errors='replace').splitlines()
        except OSError:
            return []
        entries = []
        wall = self._wall()
        for line in lines:
            try:
                boot, written, written_wall, data = json.loads(line)
                # A clock that went back must not make a block longer than it was.
                passed = now - float(written) if boot == self._boot else max(0.0, wall - float(written_wall))
                entry = unpacked(data, now - passed, longest_seconds)
            except (ValueError, TypeError, RecursionError):
                continue
            if entry.ends > now:
                entries.append(entry)
        self._lines = len(lines)
        return entries

    def append(self, entries: Sequence[Entry], now: float) -> bool:
        """Given decisions, keep them, and return whether that worked. After a failure only `rewrite` mends the file."""
        if self.failing or not entries:
            return not self.failing
        text = ''.join(self._line(entry, now) for entry in entries)
        try:
            with self._file.open('a', encoding='utf-8') as file:
                file.write(text)
        except OSError:
            self._fail()
            return False
        self._lines += len(entries)
        return True

    def wants_rewriting(self, entries: int) -> bool:
        """Given the number of entries, return whether the file is to be written anew."""
        return self.failing or self._lines > 2 * entries + SPARE_LINES

    def rewrite(self, entries: Iterable[Entry], now: float) -> bool:
        """Given all entries, write the file anew in one step, and return whether that worked."""
        lines = [self._line(entry, now) for entry in entries]
        fresh = self._file.with_suffix('.new')
        try:
            with fresh.open('w', encoding='utf-8') as file:
                file.writelines(lines)
            fresh.replace(self._file)
        except OSError:
            self._fail()
            with contextlib.suppress(OSError):
                fresh.unlink()
            return False
        self._lines = len(lines)
        self.failing = False
        return True

    def _fail(self) -> None:
        self.failing = True
        self.failures += 1

    def _line(self, entry: Entry, now: float) -> str:
        return json.dumps([self._boot, now, self._wall(), entry.packed(now)], ensure_ascii=False) + '\n'
