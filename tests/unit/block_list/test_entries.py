"""Decisions in a table: whatever order they come in, and however often, every host ends with the same."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.unit.block_list import network  # noqa: F401 - makes the program importable

from block_list.entries import Entry, Table, unpacked  # isort: skip


def entry(
    stamp: float, identity: str = 'a', removed: bool = False, ends: float = 600.0, prefix: str = '192.0.2.1'
) -> Entry:
    return Entry(prefix, stamp, identity, removed, ends, 0.0, 'waf', 'why', 'edge-1')


def test_every_order_of_the_same_decisions_gives_the_same_table() -> None:
    decisions = [entry(1.0), entry(2.0, removed=True), entry(3.0, 'b'), entry(3.0, 'c', removed=True), entry(0.5)]
    digests = set()
    for order in itertools.permutations(decisions):
        table = Table(100)
        for each in (*order, *order):
            table.merge(each)
        digests.add(table.digest())
        assert not table.blocks('192.0.2.1')
    assert len(digests) == 1


def test_a_removal_outlives_the_block_that_it_overrides() -> None:
    table = Table(100)
    table.merge(entry(1.0, ends=600.0))
    table.merge(entry(2.0, removed=True, ends=5.0))
    table.expire(599.0)
    assert table.merge(entry(1.0, ends=600.0)) == 'known'
    table.expire(661.0)
    assert table.get('192.0.2.1') is None


def test_a_stamp_is_above_all_that_is_known_even_if_that_comes_from_the_future() -> None:
    table = Table(100)
    table.merge(entry(1e9))
    assert table.merge(entry(table.next_stamp('192.0.2.1', 5.0), 'b', removed=True)) == 'removed'


def test_a_full_table_takes_no_other_prefix_but_renews_what_it_has() -> None:
    table = Table(2)
    assert [table.merge(entry(1.0, prefix=f'192.0.2.{number}')) for number in range(3)] == ['new', 'new', 'full']
    assert table.merge(entry(2.0, prefix='192.0.2.0')) == 'renewed'


def test_an_entry_survives_the_wire_with_the_time_that_it_has_left() -> None:
    data = json.loads(json.dumps(entry(1.25, ends=700.0).packed(100.0)))
    assert unpacked(data, 5000.0, 86400.0) == entry(1.25, ends=5600.0)
    assert unpacked(data, 0.0, 60.0).ends == 60.0


@pytest.mark.parametrize(
    'data',
    [
        None, [], {}, 'entry', ['192.0.2.1'], ['192.0.2.1', 1, 'a', 0, 1, 1, 'waf', 'why', 'edge-1'],
        ['192.0.2.1', float('nan'), 'a', False, 1, 1, 'waf', 'why', 'edge-1'],
        ['192.0.2.1', 1, 'a', False, float('inf'), 1, 'waf', 'why', 'edge-1'],
        ['192.0.2.1', 1, 'a' * 100, False, 1, 1, 'waf', 'why', 'edge-1'],
        [['192.0.2.1'], 1, 'a', False, 1, 1, 'waf', 'why', 'edge-1'],
    ],
)  # fmt: skip
def test_what_is_no_entry_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match='no entry'):
        unpacked(data, 0.0, 86400.0)


def test_a_reason_cannot_break_the_line_that_it_stands_in() -> None:
    data = entry(1.0).packed(0.0)
    data[7] = 'a\nANLAN_EVENT=forged\x1b[31m' + 'x' * 500
    assert unpacked(data, 0.0, 86400.0).reason.startswith('a?ANLAN_EVENT=forged?[31m')
    assert len(unpacked(data, 0.0, 86400.0).reason) == 160
