"""Decisions in a table: whatever order they come in, and however often, every host ends with the same."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from tests.unit.block_list import network  # noqa: F401 - makes the program importable

from block_list.entries import MOST_DECISIONS, Entry, Table, unpacked  # isort: skip


def entry(
    stamp: float,
    identity: str = 'a',
    removed: bool = False,
    ends: float = 600.0,
    prefix: str = '192.0.2.1',
    sensor: str = 'waf',
) -> Entry:
    return Entry(prefix, stamp, identity, removed, ends, 0.0, sensor, 'why', 'edge-1')


def table_of(*decisions: Entry) -> Table:
    table = Table(100)
    for each in decisions:
        table.merge(each)
    return table


def orders(*decisions: Entry) -> list[Table]:
    return [table_of(*order) for order in itertools.permutations(decisions)]


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


def random_decisions(chance: random.Random) -> list[Entry]:
    """Blocks of sensors, blocks and removals of operators, of one source; ends have nothing to do with stamps."""
    return [
        entry(
            float(chance.randrange(6)), f'host-{number}', chance.random() < 0.2, float(chance.randrange(1, 2000)),
            sensor=chance.choice(['waf', 'login', 'operator']),
        )
        for number in range(chance.randrange(2, MOST_DECISIONS))
    ]  # fmt: skip


@pytest.mark.parametrize('seed', range(200))
def test_every_order_and_repetition_of_any_decisions_gives_the_same_table(seed: int) -> None:
    chance = random.Random(seed)
    decisions = random_decisions(chance)
    expected = table_of(*decisions)
    for _ in range(60):
        order = chance.choices(decisions, k=chance.randrange(8)) + chance.sample(decisions, len(decisions))
        found = table_of(*order)
        assert [each.rank for each in found.all()] == [each.rank for each in expected.all()]
        assert list(found.active()) == list(expected.active())
        assert found.digest() == expected.digest()


@pytest.mark.parametrize('seed', range(100))
def test_two_hosts_that_tell_each_other_their_tables_end_with_the_table_of_one_that_heard_all(seed: int) -> None:
    chance = random.Random(seed)
    decisions = random_decisions(chance)
    ours, theirs = ([each for each in decisions if chance.random() < 0.6] for _ in range(2))
    one, other = table_of(*ours), table_of(*theirs)
    for each in one.all():
        other.merge(each)
    for each in other.all():
        one.merge(each)
    assert one.digest() == other.digest() == table_of(*ours, *theirs).digest()
    assert list(one.active()) == list(other.active()) == list(table_of(*ours, *theirs).active())


def test_an_operator_s_block_is_not_cut_short_by_a_sensor_that_did_not_know_of_it() -> None:
    for table in orders(entry(10.0, ends=86400.0, sensor='operator'), entry(11.0, 'b', sensor='login')):
        (held,) = table.active()
        assert (held.ends, held.sensor) == (86400.0, 'operator')


def test_a_sensor_s_block_that_ends_later_than_an_operator_s_holds_until_then() -> None:
    for table in orders(entry(10.0, ends=60.0, sensor='operator'), entry(11.0, 'b', ends=600.0)):
        (held,) = table.active()
        assert (held.ends, held.sensor) == (600.0, 'waf')


def test_of_two_sensors_the_longer_block_holds() -> None:
    for table in orders(entry(1.0, ends=900.0), entry(2.0, 'b', ends=600.0, sensor='login')):
        assert [each.ends for each in table.active()] == [900.0]


def test_an_operator_s_later_decision_overrides_all_before_it_a_shorter_block_too() -> None:
    first = (entry(1.0, ends=900.0), entry(2.0, 'b', ends=86400.0, sensor='operator'))
    for table in orders(*first, entry(3.0, 'c', ends=60.0, sensor='operator')):
        assert [each.ends for each in table.active()] == [60.0]
    for table in orders(*first, entry(3.0, 'c', removed=True, sensor='operator')):
        assert list(table.active()) == []


def test_an_attack_after_a_removal_shuts_out_for_its_own_time() -> None:
    removal = entry(3.0, 'c', removed=True, sensor='operator')
    for table in orders(entry(2.0, 'b', ends=86400.0, sensor='operator'), removal, entry(4.0, 'd', ends=700.0)):
        assert [each.ends for each in table.active()] == [700.0]


def test_a_prefix_is_let_in_once_all_decisions_about_it_have_ended() -> None:
    table = table_of(entry(1.0, ends=300.0, sensor='operator'), entry(2.0, 'b', ends=600.0))
    assert table.expire(299.0) == []
    assert table.expire(301.0) == []
    assert table.blocks('192.0.2.1')
    assert [each.ends for each in table.expire(601.0)] == [600.0]
    assert table.all() == []


def test_what_is_kept_of_one_prefix_is_bounded() -> None:
    table = table_of(*(entry(float(stamp), ends=1e6 - stamp) for stamp in range(1000)))
    assert len(table.all()) == MOST_DECISIONS


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
        ['192.0.2.1', 1, '\ud800', False, 1, 1, 'waf', 'why', 'edge-1'],
        ['192.0.2.1', 1, 'a', False, 1, 1, 'waf\x1b[2J', 'why', 'edge-1'],
        ['192.0.2.1', 1, 'a', False, 1, 1, 'waf', 'why', 'edge\n1'],
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
