"""Exchange with the peers: decisions out until they are acknowledged, theirs in, and whole tables where two differ."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from block_list.decisions import LONGEST_SECONDS, Clocks, Decisions
from block_list.entries import Entry, unpacked
from block_list.metrics import Counts
from block_list.peers import Peer
from block_list.settings import Settings
from block_list.wire import MAXIMUM_BYTES, PROBE_ANSWER, Rejected, Wire

HELLO_SECONDS = 10.0
PROBE_BYTES = 48
PROBES_A_SECOND = 20
ANSWER_PAUSE_SECONDS = 1.0
ROOM_BYTES = MAXIMUM_BYTES - 300
"""For entries in a message; the rest is for the envelope."""

PACED = 16


class Send(Protocol):
    """Sends a datagram to an address, to the port of the block list if it is given none, and does not wait."""

    def __call__(self, address: str, data: bytes, port: int = ...) -> None: ...


class Exchange:
    """Speaks with the peers. `send` takes an address and a datagram, and does not wait."""

    def __init__(
        self, settings: Settings, wire: Wire, decisions: Decisions, counts: Counts, *, send: Send, now: float
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._decisions = decisions
        self._counts = counts
        self._send = send
        self._next_hello = now
        self._probes = (0.0, 0)
        self._queue: deque[tuple[Peer, list[Entry], str]] = deque()
        self.peers = {
            peer.name: Peer(peer.name, peer.address, frozenset({peer.address, *peer.addresses}), peer.enforces, now)
            for peer in settings.peers
        }
        self._by_address = {address: peer for peer in self.peers.values() for address in peer.addresses}

    def tell(self, entries: Iterable[Entry], clocks: Clocks) -> None:
        """Given own decisions, tell every enforcer now, and again until it acknowledges."""
        for entry in entries:
            for peer in self.peers.values():
                if peer.enforces:
                    peer.tell(entry, clocks.boot)
        self.repeat(clocks)

    def repeat(self, clocks: Clocks) -> None:
        """Tell what is due, once more where it was not acknowledged."""
        for peer in self.peers.values():
            if peer.waiting:
                self._send_entries(peer, peer.due(clocks.boot), clocks)

    def tick(self, clocks: Clocks) -> None:
        """Do what is due: greetings, repeats, and a few messages of a whole table that was asked for."""
        self.repeat(clocks)
        for _ in range(min(PACED, len(self._queue))):
            peer, entries, challenge = self._queue.popleft()
            self._send_message(peer, 'entries', clocks, entries=packed(entries, clocks), answer=challenge)
        if clocks.boot >= self._next_hello:
            self._next_hello = clocks.boot + HELLO_SECONDS
            digest = self._decisions.table.digest() if self._settings.enforces else None
            for peer in self.peers.values():
                if peer.enforces:
                    self._send_message(peer, 'hello', clocks, digest=digest)

    def busy(self) -> bool:
        """Return whether something has to be sent again soon."""
        return bool(self._queue) or any(peer.waiting for peer in self.peers.values())

    def receive(self, data: bytes, address: str, port: int, clocks: Clocks) -> None:
        """Given a datagram and where it came from, take in what is believed of it, and count what is not."""
        peer = self._by_address.get(address)
        try:
            if peer is None:
                raise Rejected('stranger')
            if data == PROBE_ANSWER:
                raise Rejected('refused-by-peer')
            message = self._wire.opened(data, clocks.wall, peer.name, peer.awaited(clocks.boot))
            self._take(peer, message, clocks)
        except Rejected as rejected:
            probed = peer is not None and len(data) == PROBE_BYTES and rejected.word == 'forged'
            self._counts.add('messages_rejected_total', 'probe' if probed else rejected.word)
            if peer is not None and rejected.word == 'clock' and rejected.sender == peer.name:
                peer.clock_offset_seconds = rejected.offset_seconds
                self._want(peer, clocks)
            elif probed:
                self._answer_probe(address, port, clocks)

    def _take(self, peer: Peer, message: dict[str, Any], clocks: Clocks) -> None:
        kind = message['kind']
        if kind == 'ack':
            peer.acknowledged([str(each) for each in _list(message, 'ids')])
            return
        if kind == 'want':
            self._answer(peer, message, clocks)
            return
        peer.heard = clocks.boot
        peer.clock_offset_seconds = float(message['at']) - clocks.wall
        if kind == 'hello':
            self._send_message(peer, 'alive', clocks)
            theirs = message.get('digest')
            # Of two full lists each has others: to ask for what there is no room for would go on for ever.
            asks = self._settings.enforces and isinstance(theirs, str) and not self._decisions.crowded(clocks)
            if asks and theirs != self._decisions.table.digest():
                self._want(peer, clocks)
        elif kind == 'entries':
            self._take_entries(peer, message, clocks)
        elif kind != 'alive':
            raise Rejected('garbled')

    def _take_entries(self, peer: Peer, message: dict[str, Any], clocks: Clocks) -> None:
        identities = []
        for data in _list(message, 'entries'):
            try:
                entry = unpacked(data, clocks.boot, LONGEST_SECONDS)
            except ValueError:
                raise Rejected('garbled') from None
            # Operators speak on enforcers alone: a sensor that is taken over can neither clear the list nor overrule.
            if entry.by_operator and not peer.enforces:
                raise Rejected('not-allowed')
            identities.append(entry.id)
            self._decisions.told(entry, clocks)
        self._send_message(peer, 'ack', clocks, ids=identities)

    def _want(self, peer: Peer, clocks: Clocks) -> None:
        challenge = peer.challenge(clocks.boot)
        if challenge is not None:
            self._send_message(peer, 'want', clocks, challenge=challenge)

    def _answer(self, peer: Peer, message: dict[str, Any], clocks: Clocks) -> None:
        challenge = message.get('challenge')
        if not isinstance(challenge, str) or clocks.boot - peer.answered < ANSWER_PAUSE_SECONDS:
            return
        peer.answered = clocks.boot
        # What waits of an earlier question is of no use to the peer any more.
        self._queue = deque(item for item in self._queue if item[0] is not peer)
        self._queue.extend((peer, part, challenge) for part in parts(self._decisions.table.all(), clocks))

    def _answer_probe(self, address: str, port: int, clocks: Clocks) -> None:
        """Answer what looks like a probe of reachability with one byte where it came from, a few times a second."""
        second, number = self._probes
        if clocks.boot - second >= 1.0:
            second, number = clocks.boot, 0
        self._probes = (second, number + 1)
        if number < PROBES_A_SECOND:
            self._send(address, PROBE_ANSWER, port)

    def _send_entries(self, peer: Peer, entries: list[Entry], clocks: Clocks) -> None:
        for part in parts(entries, clocks):
            self._send_message(peer, 'entries', clocks, entries=packed(part, clocks))

    def _send_message(self, peer: Peer, kind: str, clocks: Clocks, **content: Any) -> None:
        self._send(peer.address, self._wire.sealed(peer.name, kind, clocks.wall, **content))


def packed(entries: Iterable[Entry], clocks: Clocks) -> list[list[Any]]:
    """Given entries, return them as JSON data."""
    return [entry.packed(clocks.boot) for entry in entries]


def parts(entries: Iterable[Entry], clocks: Clocks) -> Iterator[list[Entry]]:
    """Given entries, yield them in groups that fit one message each."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        length = len(json.dumps(entry.packed(clocks.boot), ensure_ascii=False).encode()) + 1
        if part and size + length > ROOM_BYTES:
            yield part
            part, size = [], 0
        part.append(entry)
        size += length
    if part:
        yield part


def _list(message: dict[str, Any], key: str) -> list[Any]:
    content = message.get(key)
    if not isinstance(content, list):
        raise Rejected('garbled')
    return content
