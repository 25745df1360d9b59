"""Peers: who is told, until it says that it knows; and who was heard when."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from block_list.entries import Entry

RETRY_SECONDS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MAXIMUM_WAITING = 512
CHALLENGE_SECONDS = 10.0
WANT_PAUSE_SECONDS = 2.0


@dataclass
class Waiting:
    """An entry that the peer has not acknowledged; when to tell it again."""

    entry: Entry
    due: float
    tries: int = 0


@dataclass
class Peer:
    """Another host of the block list. `address` is where we reach it, `addresses` are all that it may write from."""

    name: str
    address: str
    addresses: frozenset[str]
    enforces: bool
    heard: float
    waiting: OrderedDict[str, Waiting] = field(default_factory=OrderedDict)
    challenges: dict[str, float] = field(default_factory=dict)
    asked: float = float('-inf')
    answered: float = float('-inf')
    clock_offset_seconds: float = 0.0
    given_up: int = 0

    def tell(self, entry: Entry, now: float) -> None:
        """Given an entry, see that the peer gets it; of too many that wait, the oldest is left to the comparison."""
        self.waiting[entry.id] = Waiting(entry, now)
        if len(self.waiting) > MAXIMUM_WAITING:
            self.waiting.popitem(last=False)
            self.given_up += 1

    def due(self, now: float) -> list[Entry]:
        """Return the entries to tell the peer now, and plan the next time; what has ended is no news any more."""
        entries = []
        for identity, item in list(self.waiting.items()):
            if item.entry.ends <= now:
                del self.waiting[identity]
            elif item.due <= now:
                entries.append(item.entry)
                item.due = now + RETRY_SECONDS[min(item.tries, len(RETRY_SECONDS) - 1)]
                item.tries += 1
        return entries

    def acknowledged(self, identities: list[str]) -> None:
        """Given the identities that the peer knows, stop telling it those."""
        for identity in identities:
            self.waiting.pop(identity, None)

    def challenge(self, now: float) -> str | None:
        """Return a new challenge to ask the peer for all that it knows with, or None if it was asked just now."""
        if now - self.asked < WANT_PAUSE_SECONDS:
            return None
        self.asked = now
        self.challenges = {text: until for text, until in self.challenges.items() if until > now}
        text = secrets.token_hex(12)
        self.challenges[text] = now + CHALLENGE_SECONDS
        return text

    def awaited(self, now: float) -> frozenset[str]:
        """Return the challenges whose answer is still believed."""
        return frozenset(text for text, until in self.challenges.items() if until > now)
