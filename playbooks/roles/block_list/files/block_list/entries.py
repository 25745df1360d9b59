"""Entries: decisions about sources, in a table that comes out the same on every host, in whatever order they arrive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

OPERATOR = 'operator'
TOMBSTONE_SECONDS = 60.0
REASON_CHARACTERS = 160
STAMP_STEP = 0.001
MOST_DECISIONS = 8
"""That are kept of one prefix. More than two come about only where clocks are wrong; of more the earliest go."""

ALIKE_SECONDS = 1.0
"""Ends that differ by less are the same, told over different ways."""

Merged = Literal['new', 'renewed', 'removed', 'kept', 'known', 'full']
"""What a decision was to its prefix: shut it out, changed how, let it in; was kept and changed nothing for now; was
nothing new, or had no room."""


@dataclass(frozen=True)
class Entry:
    """A decision: `prefix` is shut out until `ends` (seconds since this host's boot), or, `removed`, is not any more.

    Of two about one prefix the one with the greater (`stamp`, `id`) is the later one. A stamp is its maker's time, but
    above every stamp that the maker knew for the prefix, so that a wrong clock cannot have the last word.
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
        """Return what decides which of two entries of one prefix is the later one."""
        return self.stamp, self.id

    @property
    def by_operator(self) -> bool:
        """Return whether people decided it: it overrides all before it, and no sensor overrides it."""
        return self.removed or self.sensor == OPERATOR

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
    if not (identity + sensor + origin).isprintable():
        raise ValueError('no entry')
    return Entry(
        prefix, numbers[0], identity, removed, now + min(numbers[1], longest_seconds), numbers[2], sensor,
        clean(reason), origin,
    )  # fmt: skip


def clean(text: str) -> str:
    """Given text from outside, return it as one short printable line."""
    return ''.join(character if character.isprintable() else '?' for character in text[:REASON_CHARACTERS])


def joined(known: Sequence[Entry], entry: Entry) -> tuple[Entry, ...]:
    """Given what is decided about a prefix and one more decision, return what is decided then: an operator's first,
    then sensors', the latest first. It comes out the same in whatever order, and however often, decisions come.

    Of operators' decisions the latest holds, and overrides every earlier one of a sensor. Of sensors' decisions after
    it, each holds than which no later one ends later: so none cuts short what another has begun.
    """
    if any(each.rank == entry.rank for each in known):
        return tuple(known)
    every = (*known, entry)
    kept: list[Entry] = []
    last = max((each for each in every if each.by_operator), key=lambda each: each.rank, default=None)
    if last is not None:
        kept.append(_outlasting(last, every) if last.removed else last)
    after = [each for each in every if not each.by_operator and (last is None or each.rank > last.rank)]
    ends = float('-inf')
    for each in sorted(after, key=lambda each: each.rank, reverse=True):
        if each.ends > ends:
            kept.append(each)
            ends = each.ends
    return tuple(kept[:MOST_DECISIONS])


def in_force(decisions: Sequence[Entry]) -> Entry:
    """Given what is decided about a prefix, return it as one entry: it is shut out until the last of them ends.

    Of those that end last, the latest says why.
    """
    blocks = [each for each in decisions if not each.removed]
    if not blocks:
        return decisions[0]
    ends = max(each.ends for each in blocks)
    latest = max((each for each in blocks if each.ends > ends - ALIKE_SECONDS), key=lambda each: each.rank)
    return latest if latest.ends == ends else replace(latest, ends=ends)


def _outlasting(removal: Entry, every: Sequence[Entry]) -> Entry:
    """Return a removal that outlives what it overrides, wherever that still is."""
    ends = [each.ends + (0.0 if each.removed else TOMBSTONE_SECONDS) for each in every if each.rank < removal.rank]
    return replace(removal, ends=max([removal.ends, *ends]))


class Table:
    """All decisions of a host, by prefix; bounded."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._decisions: dict[str, tuple[Entry, ...]] = {}
        self._digest: str | None = None
        self._next_end = float('inf')

    def __len__(self) -> int:
        return sum(1 for _ in self.active())

    @property
    def full(self) -> bool:
        """Return whether there is no room for another prefix."""
        return len(self._decisions) >= self._maximum

    def all(self) -> list[Entry]:
        """Return every decision as it was made, removals too."""
        return [entry for decisions in self._decisions.values() for entry in decisions]

    def active(self) -> Iterator[Entry]:
        """Yield, of every prefix that is shut out, what is in force."""
        held = map(in_force, self._decisions.values())
        return (entry for entry in held if not entry.removed)

    def get(self, prefix: str) -> Entry | None:
        """Given a prefix, return what is in force for it, a removal too."""
        decisions = self._decisions.get(prefix)
        return in_force(decisions) if decisions else None

    def kept(self, entry: Entry) -> Entry | None:
        """Given a decision, return it as it is kept (a removal may last longer), or None if it is not."""
        return next((each for each in self._decisions.get(entry.prefix, ()) if each.rank == entry.rank), None)

    def latest(self, prefix: str) -> Entry | None:
        """Given a prefix, return the latest decision about it, a removal too."""
        return max(self._decisions.get(prefix, ()), key=lambda each: each.rank, default=None)

    def blocks(self, prefix: str) -> bool:
        """Given a prefix, return whether it is shut out."""
        held = self.get(prefix)
        return held is not None and not held.removed

    def next_stamp(self, prefix: str, wall: float) -> float:
        """Given a prefix and the time, return the stamp of a decision that comes after all that is known of it."""
        latest = self.latest(prefix)
        return wall if latest is None else max(wall, latest.stamp + STAMP_STEP)

    def merge(self, entry: Entry) -> Merged:
        """Given a decision, keep it if it holds, and return what it was."""
        known = self._decisions.get(entry.prefix, ())
        if not known and len(self._decisions) >= self._maximum * (2 if entry.removed else 1):
            return 'full'
        decisions = joined(known, entry)
        if decisions == known:
            return 'known'
        before = in_force(known) if known else None
        self._decisions[entry.prefix] = decisions
        self._next_end = min(self._next_end, *(each.ends for each in decisions))
        if self.kept(entry) is None:
            return 'known'
        self._digest = None
        after = in_force(decisions)
        was_out = before is not None and not before.removed
        if after.removed:
            return 'removed' if was_out else 'kept'
        if not was_out:
            return 'new'
        return 'kept' if after == before else 'renewed'

    def expire(self, now: float) -> list[Entry]:
        """Given the seconds since boot, drop what has ended and return what was in force of those that are let in."""
        if now < self._next_end:
            return []
        ended = []
        for prefix, decisions in list(self._decisions.items()):
            left = tuple(entry for entry in decisions if entry.ends > now)
            if len(left) == len(decisions):
                continue
            self._digest = None
            held = in_force(decisions)
            if not held.removed and all(entry.removed for entry in left):
                ended.append(held)
            if left:
                self._decisions[prefix] = left
            else:
                del self._decisions[prefix]
        self._next_end = min((entry.ends for entry in self.all()), default=float('inf'))
        return ended

    def digest(self) -> str:
        """Return a text that is the same on two hosts with the same decisions.

        Of each prefix it has the operator's and the latest of a sensor. Which earlier ones end later is judged by each
        host's own clock, and a digest that it went into would differ for nothing but the time that a message takes.
        """
        if self._digest is None:
            ranks = sorted(
                (entry.prefix, entry.stamp, entry.id)
                for decisions in self._decisions.values()
                for entry in decisions[: 2 if decisions[0].by_operator else 1]
            )
            self._digest = hashlib.sha256(json.dumps(ranks).encode()).hexdigest()[:32]
        return self._digest
