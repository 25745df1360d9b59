"""Decisions of a host: what its sensors see and what operators say, held against the table. Pure but for chance."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from block_list.entries import OPERATOR, Entry, Merged, Table, clean
from block_list.metrics import Counts
from block_list.prefixes import Never, Refused
from block_list.scores import Scores
from block_list.sensors import Sighting
from block_list.settings import Settings

LONGEST_SECONDS = 30 * 86400.0
ONCE_AGAIN_SECONDS = 10.0
"""A host that blocks nothing itself cannot know whether a source still comes through: it says so again after this."""

SAID_AGAIN_SECONDS = 60.0
REMEMBERED_REFUSALS = 1024
FULL = ('full', 'the list is full')
CROWDED_SECONDS = 60.0
"""Since there was no room: a place that one ended entry left is filled before a whole list has come."""

SPARED = ('spared', 'an operator tries the boundary from there')
LONGEST_SPARE_SECONDS = 300.0
"""Long enough for any test of ours, and short enough that a forgotten one is no hole."""


@dataclass(frozen=True)
class Clocks:
    """What time it is: `wall` for messages to others, `boot` (seconds since boot, never set) for all that lasts."""

    wall: float
    boot: float


@dataclass(frozen=True)
class Change:
    """A decision that became part of the table, what it was there, and what is in force for its prefix since."""

    merged: Merged
    entry: Entry
    held: Entry


@dataclass(frozen=True)
class Refusal:
    """A source that was not shut out; `word` is the reason in short."""

    source: str
    sensor: str
    word: str
    text: str
    origin: str


class Decisions:
    """Decides, and gathers what has to be told: to the peers, to the kernel, to the disk and to the journal."""

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self._settings = settings
        self._counts = counts
        self._scores = Scores(settings.window_seconds)
        self._said: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._spared: dict[str, float] = {}
        self._full_at = float('-inf')
        self.never = Never(settings.never)
        self.table = Table(settings.maximum_entries)
        self.changes: list[Change] = []
        self.refusals: list[Refusal] = []

    def sighted(self, sighting: Sighting, clocks: Clocks) -> None:
        """Given a sighting, count its points and shut the source out at the threshold."""
        self._counts.add('sightings_total', sighting.sensor)
        try:
            prefix = self.never.prefix_of(sighting.source)
        except Refused as refused:
            self._refuse(sighting.source, sighting.sensor, refused.reason, clocks)
            return
        if self.is_spared(prefix, clocks):
            self._refuse(sighting.source, sighting.sensor, SPARED, clocks)
            return
        known = self.table.get(prefix)
        if known is not None and not known.removed and not self._says_again(known, clocks):
            return
        if self._scores.add(prefix, sighting.points, clocks.boot):
            self.block(prefix, sighting.sensor, sighting.reason, clocks)

    def block(
        self, source: str, sensor: str, reason: str, clocks: Clocks, seconds: float | None = None
    ) -> Entry | Refusal:
        """Given a source, shut it out: for `seconds`, or for the usual time unless it is shut out for longer already.

        Return the entry, or why not.
        """
        try:
            prefix = self.never.prefix_of(source)
        except Refused as refused:
            return self._refuse(source, sensor, refused.reason, clocks)
        if sensor != OPERATOR and self.is_spared(prefix, clocks):
            return self._refuse(source, sensor, SPARED, clocks)
        known = self.table.get(prefix)
        ends = clocks.boot + min(self._settings.seconds if seconds is None else seconds, LONGEST_SECONDS)
        shut_out = known is not None and not known.removed
        if known is not None and shut_out and seconds is None:
            ends = max(ends, known.ends)
        since = known.since if known is not None and shut_out else clocks.wall
        entry = self._entry(prefix, clocks, ends=ends, since=since, sensor=sensor, reason=reason)
        merged = self.table.merge(entry)
        if merged == 'full':
            self._full_at = clocks.boot
            return self._refuse(prefix, sensor, FULL, clocks)
        self._counts.add('blocks_total', sensor)
        self._changed(merged, entry)
        return entry

    def remove(self, source: str, reason: str, clocks: Clocks) -> Entry | None:
        """Given a source, let it in again everywhere; return the removal, or None if it was not shut out."""
        prefix = self.listed(source)
        if prefix is None:
            return None
        entry = self._entry(
            prefix, clocks, ends=clocks.boot, since=clocks.wall, sensor=OPERATOR, reason=reason, removed=True
        )
        self._changed(self.table.merge(entry), entry)
        return self.table.kept(entry)

    def spare(self, source: str, seconds: float, clocks: Clocks) -> str:
        """Given a source, shut it out for nothing that a sensor says for so long, on this host. Return its prefix.

        Raise Refused if it is no address. Only for tests of our own, which attack on purpose; an operator still may.
        """
        prefix = self.never.prefix_of(source)
        self._spared = {each: ends for each, ends in self._spared.items() if ends > clocks.boot}
        self._spared[prefix] = clocks.boot + min(seconds, LONGEST_SPARE_SECONDS)
        return prefix

    def is_spared(self, prefix: str, clocks: Clocks) -> bool:
        """Given a prefix, return whether it is spared now."""
        return self._spared.get(prefix, 0.0) > clocks.boot

    def listed(self, source: str) -> str | None:
        """Given a source, return the prefix under which it is shut out, or None. Raise Refused if it is no address."""
        try:
            prefix = self.never.prefix_of(source)
        except Refused:
            # What became ours after it was listed must still be found.
            prefix = source
        return next((each for each in (prefix, source) if self.table.blocks(each)), None)

    def told(self, entry: Entry, clocks: Clocks) -> None:
        """Given an entry of a peer, take it over if it holds and is not against what this host allows."""
        try:
            if self.never.prefix_of(entry.prefix) != entry.prefix:
                raise Refused('nonsense', f'{entry.prefix} is not as it is written here')
        except Refused as refused:
            self._refuse(entry.prefix, entry.sensor, refused.reason, clocks, entry.origin)
            return
        if entry.ends <= clocks.boot:
            return
        if not entry.by_operator and self.is_spared(entry.prefix, clocks):
            self._refuse(entry.prefix, entry.sensor, SPARED, clocks, entry.origin)
            return
        merged = self.table.merge(entry)
        if merged == 'full':
            self._full_at = clocks.boot
            self._refuse(entry.prefix, entry.sensor, FULL, clocks, entry.origin)
        elif merged != 'known':
            self._changed(merged, entry)

    def crowded(self, clocks: Clocks) -> bool:
        """Return whether the list has no room for what others have, or had none just now."""
        return self.table.full or clocks.boot - self._full_at < CROWDED_SECONDS

    def taken(self) -> tuple[list[Change], list[Refusal]]:
        """Return what has been gathered, and begin anew."""
        changes, refusals = self.changes, self.refusals
        self.changes, self.refusals = [], []
        return changes, refusals

    def _changed(self, merged: Merged, entry: Entry) -> None:
        self.changes.append(Change(merged, self.table.kept(entry) or entry, self.table.get(entry.prefix) or entry))

    def _says_again(self, known: Entry, clocks: Clocks) -> bool:
        if self._settings.enforces:
            # What was under way when it was shut out is no news; a source that comes through late is.
            return known.ends - clocks.boot < self._settings.seconds / 2
        stamp = (self.table.latest(known.prefix) or known).stamp
        return not -ONCE_AGAIN_SECONDS <= clocks.wall - stamp < ONCE_AGAIN_SECONDS

    def _entry(
        self, prefix: str, clocks: Clocks, *, ends: float, since: float, sensor: str, reason: str, removed: bool = False
    ) -> Entry:
        return Entry(
            prefix=prefix,
            stamp=self.table.next_stamp(prefix, clocks.wall),
            id=f'{self._settings.name}:{secrets.token_hex(8)}',
            removed=removed,
            ends=ends,
            since=since,
            sensor=sensor,
            reason=clean(reason),
            origin=self._settings.name,
        )

    def _refuse(
        self, source: str, sensor: str, reason: tuple[str, str], clocks: Clocks, origin: str | None = None
    ) -> Refusal:
        """Count a refusal, and say it once in a while for each source."""
        word, text = reason
        self._counts.add('refused_total', word)
        refusal = Refusal(clean(source), sensor, word, clean(text), origin or self._settings.name)
        key = (refusal.source, word) if word != 'full' else ('', word)
        before = self._said.get(key)
        if before is None or clocks.boot - before >= SAID_AGAIN_SECONDS:
            self._said[key] = clocks.boot
            self._said.move_to_end(key)
            if len(self._said) > REMEMBERED_REFUSALS:
                self._said.popitem(last=False)
            self.refusals.append(refusal)
        return refusal
