"""Entries: decisions about sources, in a table that comes out the same on every host, in whatever order they arrive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

TOMBSTONE_SECONDS = 60.0
REASON_CHARACTERS = 160
STAMP_STEP = 0.001
Merged = Literal['new', 'renewed', 'removed', 'known', 'full']


@dataclass(frozen=True)
class Entry:
    """A decision: `prefix` is shut out until `ends` (seconds since this host's boot), or, `removed`, is not any more.

    Of two about one prefix the one with the greater (`stamp`, `id`) holds. A stamp is its maker's time, but above
    every stamp that the maker knew for the prefix, so that a wrong clock cannot have the last word.
    """

    prefix: str
    stamp: float
    id: str
    removed: bool
    ends: float
    since: float
    sensor: str
    reason: str
    origin: str

    @property
    def rank(self) -> tuple[float, str]:
        """Return what decides between two entries of one prefix."""
        return self.stamp, self.id

    def packed(self, now: float) -> list[Any]:
        """Given the seconds since boot, return the entry as JSON data; its end is told as seconds that are left."""
        left = round(self.ends - now, 3)
        return [
            self.prefix, self.stamp, self.id, self.removed, left, self.since, self.sensor, self.reason, self.origin,
        ]  # fmt: skip


def unpacked(data: Any, now: float, longest_seconds: float) -> Entry:
    """Given JSON data from `packed`, return the entry on this host's clock. Raise ValueError if it is none."""
    try:
        prefix, stamp, identity, removed, left, since, sensor, reason, origin = data
        texts = (prefix, identity, sensor, reason, origin)
        if not all(isinstance(text, str) for text in texts) or not isinstance(removed, bool):
            raise ValueError
        numbers = [float(stamp), float(left), float(since)]
    except (TypeError, ValueError):
        raise ValueError('no entry') from None
    if not all(abs(number) < 1e12 for number in numbers) or len(identity) > 80 or len(sensor) > 40 or len(origin) > 80:
        raise ValueError('no entry')
    return Entry(
        prefix, numbers[0], identity, removed, now + min(numbers[1], longest_seconds), numbers[2], sensor,
        clean(reason), origin,
    )  # fmt: skip


def clean(text: str) -> str:
    """Given text from outside, return it as one short printable line."""
    return ''.join(character if character.isprintable() else '?' for character in text[:REASON_CHARACTERS])


class Table:
    """All entries of a host, by prefix; bounded."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._entries: dict[str, Entry] = {}
        self._digest: str | None = None

    def __len__(self) -> int:
        return sum(1 for _ in self.active())

    def all(self) -> list[Entry]:
        """Return every entry, removals too."""
        return list(self._entries.values())

    def active(self) -> Iterator[Entry]:
        """Yield every entry that shuts its prefix out."""
        return (entry for entry in self._entries.values() if not entry.removed)

    def get(self, prefix: str) -> Entry | None:
        """Given a prefix, return the entry that holds for it, a removal too."""
        return self._entries.get(prefix)

    def blocks(self, prefix: str) -> bool:
        """Given a prefix, return whether it is shut out."""
        known = self._entries.get(prefix)
        return known is not None and not known.removed

    def next_stamp(self, prefix: str, wall: float) -> float:
        """Given a prefix and the time, return the stamp of a decision that overrides all that is known of it."""
        known = self._entries.get(prefix)
        return wall if known is None else max(wall, known.stamp + STAMP_STEP)

    def merge(self, entry: Entry) -> Merged:
        """Given an entry, keep it if it holds, and return what it was."""
        known = self._entries.get(entry.prefix)
        if known is not None and known.rank >= entry.rank:
            return 'known'
        if known is None and len(self._entries) >= self._maximum * (2 if entry.removed else 1):
            return 'full'
        if entry.removed and known is not None and not known.removed:
            # It has to outlive what it overrides, wherever that still is.
            entry = _ending(entry, max(entry.ends, known.ends + TOMBSTONE_SECONDS))
        self._entries[entry.prefix] = entry
        self._digest = None
        if entry.removed:
            return 'removed' if known is not None and not known.removed else 'known'
        return 'renewed' if known is not None and not known.removed else 'new'

    def expire(self, now: float) -> list[Entry]:
        """Given the seconds since boot, drop what has ended and return the blocks among it."""
        ended = [entry for entry in self._entries.values() if entry.ends <= now]
        for entry in ended:
            del self._entries[entry.prefix]
            self._digest = None
        return [entry for entry in ended if not entry.removed]

    def digest(self) -> str:
        """Return a text that is the same on two hosts with the same decisions."""
        if self._digest is None:
            ranks = sorted((entry.prefix, entry.stamp, entry.id) for entry in self._entries.values())
            self._digest = hashlib.sha256(json.dumps(ranks).encode()).hexdigest()[:32]
        return self._digest


def _ending(entry: Entry, ends: float) -> Entry:
    return Entry(
        entry.prefix, entry.stamp, entry.id, entry.removed, ends, entry.since, entry.sensor, entry.reason, entry.origin
    )
