"""Messages that are not believed: each adversary is tried."""

from __future__ import annotations

import pytest

from tests.unit.block_list.network import KEY

from block_list.wire import Rejected, Wire  # isort: skip

NOW = 1_800_000_000.0
SENDER, RECEIVER = Wire(KEY, 'edge-1'), 'fw-1'


def rejected(data: bytes, receiver: Wire | None = None, wall: float = NOW) -> str:
    with pytest.raises(Rejected) as reason:
        (receiver or Wire(KEY, RECEIVER)).opened(data, wall, 'edge-1')
    return reason.value.word


def test_a_message_is_believed_once() -> None:
    receiver = Wire(KEY, RECEIVER)
    data = SENDER.sealed(RECEIVER, 'hello', NOW, digest='d')
    assert receiver.opened(data, NOW, 'edge-1')['digest'] == 'd'
    assert rejected(data, receiver) == 'replayed'


def test_every_flipped_byte_is_noticed() -> None:
    data = SENDER.sealed(RECEIVER, 'hello', NOW)
    for position in range(len(data)):
        flipped = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        assert rejected(flipped) == 'forged'


def test_another_key_forges_nothing() -> None:
    assert rejected(Wire(b'x' * 43, 'edge-1').sealed(RECEIVER, 'hello', NOW)) == 'forged'


@pytest.mark.parametrize('data', [b'', b'?', b'\0' * 32, b'x' * 31])
def test_what_is_too_short_is_garbled(data: bytes) -> None:
    assert rejected(data) == 'garbled'


def test_a_message_for_another_host_is_not_taken_nor_is_that_of_another_at_this_address() -> None:
    assert rejected(SENDER.sealed('fw-2', 'hello', NOW)) == 'misdirected'
    assert rejected(Wire(KEY, RECEIVER).sealed(RECEIVER, 'hello', NOW)) == 'misdirected'
    assert rejected(Wire(KEY, 'edge-2').sealed(RECEIVER, 'hello', NOW)) == 'misdirected'


@pytest.mark.parametrize('offset', [-31.0, 31.0, float('nan'), float('inf')])
def test_an_old_message_or_one_of_a_wrong_clock_is_not_taken(offset: float) -> None:
    data = SENDER.sealed(RECEIVER, 'hello', NOW + offset)
    assert rejected(data) == 'clock'


def test_an_answer_to_a_challenge_is_fresh_whatever_the_clocks_say() -> None:
    data = SENDER.sealed(RECEIVER, 'entries', NOW - 86400, entries=[], answer='challenge')
    assert rejected(data) == 'clock'
    assert Wire(KEY, RECEIVER).opened(data, NOW, 'edge-1', frozenset({'challenge'}))['kind'] == 'entries'


def test_nonces_are_forgotten_only_when_their_messages_are_too_old_anyway() -> None:
    receiver = Wire(KEY, RECEIVER)
    data = SENDER.sealed(RECEIVER, 'hello', NOW)
    receiver.opened(data, NOW, 'edge-1')
    for second in range(40):
        receiver.opened(SENDER.sealed(RECEIVER, 'hello', NOW + second), NOW + second, 'edge-1')
        assert rejected(data, receiver, NOW + second) in ('replayed', 'clock')
