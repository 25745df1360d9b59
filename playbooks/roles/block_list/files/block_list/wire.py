"""Wire: signed messages between hosts, and what is not believed of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Set
from typing import Any

PORT = 3783
FRESH_SECONDS = 30.0
MAXIMUM_BYTES = 1400
"""Fits one packet: a message that was cut into pieces is lost when one of them is."""

MAC_BYTES = 32
REMEMBERED_NONCES = 20000
PROBE_ANSWER = b'?'
TIMELESS = ('want', 'ack')
"""Kinds that do no harm when they come late: a question is answered to the peer alone, at most once in a while; an
acknowledgement names decisions that are made once only."""


class Rejected(Exception):
    """A message that is not believed; `word` names the reason in metrics."""

    def __init__(self, word: str, sender: str | None = None, offset_seconds: float = 0.0) -> None:
        super().__init__(word)
        self.word = word
        self.sender = sender
        self.offset_seconds = offset_seconds


class Wire:
    """Signs messages of one host, and opens those for it."""

    def __init__(self, key: bytes, name: str) -> None:
        self._key = key
        self._name = name
        self._nonces: OrderedDict[str, float] = OrderedDict()

    def sealed(self, to: str, kind: str, wall: float, **content: Any) -> bytes:
        """Given the receiver, a kind and the time, return a message that is good once."""
        body = json.dumps(
            {'from': self._name, 'to': to, 'kind': kind, 'at': wall, 'nonce': secrets.token_hex(12), **content},
            separators=(',', ':'),
            ensure_ascii=False,
        ).encode()
        return self._mac(body) + body

    def opened(self, data: bytes, wall: float, expected: str, awaited: Set[str] = frozenset()) -> dict[str, Any]:
        """Given a datagram, the time and who it should be from, return its content. Raise Rejected if not believed.

        A message that answers one of the challenges `awaited` is fresh whatever the clocks say.
        """
        if len(data) <= MAC_BYTES or len(data) > 65000:
            raise Rejected('garbled')
        body = data[MAC_BYTES:]
        if not hmac.compare_digest(self._mac(body), data[:MAC_BYTES]):
            raise Rejected('forged')
        try:
            message = json.loads(body)
            sender, at, nonce = str(message['from']), float(message['at']), str(message['nonce'])
            kind, to = str(message['kind']), str(message['to'])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Rejected('garbled') from None
        # Before the nonce is used up: what comes from elsewhere must not spoil the message that it was copied from.
        if to != self._name or sender != expected:
            raise Rejected('misdirected', sender)
        if nonce in self._nonces:
            raise Rejected('replayed', sender)
        answers = message.get('answer') in awaited if isinstance(message.get('answer'), str) else False
        if kind not in TIMELESS and not answers and not abs(at - wall) <= FRESH_SECONDS:
            raise Rejected('clock', sender, at - wall)
        self._remember(nonce, wall)
        return dict(message)

    def _remember(self, nonce: str, wall: float) -> None:
        self._nonces[nonce] = wall
        while self._nonces:
            oldest = next(iter(self._nonces))
            # A clock that was set back makes old nonces look young; the number bounds them then.
            if len(self._nonces) <= REMEMBERED_NONCES and self._nonces[oldest] >= wall - 3 * FRESH_SECONDS:
                return
            del self._nonces[oldest]

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()
