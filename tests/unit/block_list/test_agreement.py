"""Agreement: whoever decides what, when, and in whatever order it arrives, all hosts end with the same list."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.block_list.network import ADDRESSES, ATTACKER, ENFORCERS, KEY, START, Network, report, sense

from block_list.wire import MAC_BYTES, Wire  # isort: skip

ALL = set(ENFORCERS)


def by_operator(network: Network, seconds: float, host: str = 'fw-2') -> None:
    node = network.nodes[host]
    node.decisions.block(ATTACKER, 'operator', 'complaint 7', node._clock(), seconds)
    network.settle()


@pytest.mark.parametrize('late', ['app-1', 'edge-1'])
def test_an_operator_s_day_is_not_cut_short_by_a_report_of_a_host_that_did_not_know(tmp_path: Path, late: str) -> None:
    network = Network(tmp_path)
    # What edge-1 is told gets lost; app-1 is never told.
    network.lost = lambda sender, receiver: receiver == 'edge-1'
    by_operator(network, 86400.0)
    network.run(1)
    sense(network, late)
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert network.blocked() == ALL
    for name in ENFORCERS:
        assert network.kernels[name].elements[ATTACKER] > 86000
        held = network.nodes[name].decisions.table.get(ATTACKER)
        assert held is not None
        assert (held.sensor, held.reason) == ('operator', 'complaint 7')
    assert len({network.nodes[name].decisions.table.digest() for name in ENFORCERS}) == 1
    network.restart('fw-1')
    assert network.kernels['fw-1'].elements[ATTACKER] > 86000
    assert network.journals['fw-2'].events('block')[-1]['ANLAN_ACTION'] == 'blocked', 'nothing was renewed'


def test_an_operator_lets_in_what_others_shut_out_without_knowing_of_each_other(tmp_path: Path) -> None:
    network = Network(tmp_path)
    by_operator(network, 86400.0)
    network.run(1)
    sense(network, 'app-1')
    network.nodes['fw-1'].decisions.remove(ATTACKER, 'by hand', network.nodes['fw-1']._clock())
    network.settle()
    network.run(15)
    assert network.blocked() == set()
    assert len({network.nodes[name].decisions.table.digest() for name in ENFORCERS}) == 1
    sense(network, 'app-1')
    assert network.kernels['fw-2'].elements[ATTACKER] == pytest.approx(600, abs=1)


def test_a_removal_that_comes_late_leaves_in_force_what_was_decided_after_it(tmp_path: Path) -> None:
    network = Network(tmp_path)
    by_operator(network, 86400.0)
    network.run(1)
    network.lost = lambda sender, receiver: 'fw-1' in (sender, receiver)
    network.nodes['fw-1'].decisions.remove(ATTACKER, 'by hand', network.nodes['fw-1']._clock())
    network.run(1)
    sense(network, 'app-1')
    assert network.blocked() == ALL - {'fw-1'}
    network.lost = lambda sender, receiver: False
    network.run(12)
    assert [round(network.kernels[name].elements[ATTACKER]) for name in ENFORCERS] == pytest.approx([600] * 4, abs=12)
    assert not [name for name in ENFORCERS if network.nodes[name].counts.get('mended_total')]


def test_a_sensor_that_was_taken_over_cannot_speak_as_an_operator(tmp_path: Path) -> None:
    network = Network(tmp_path)
    entry = [ATTACKER, START + 1e6, 'evil', False, 1e6, START, 'operator', 'for ever', 'app-1']
    data = Wire(KEY, 'app-1').sealed('fw-1', 'entries', START + network.now, entries=[entry])
    network.nodes['fw-1'].received(data, ADDRESSES['app-1'])
    network.settle()
    assert network.blocked() == set()
    assert network.nodes['fw-1'].counts.get('messages_rejected_total', 'not-allowed') == 1


def kinds(network: Network) -> Counter[str]:
    return Counter(json.loads(data[MAC_BYTES:])['kind'] for _, _, data in network.captured)


def test_full_lists_that_differ_are_not_told_over_and_over(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=16, seconds=200.0)
    sides = ({'fw-1', 'edge-1', 'app-1'}, {'fw-2', 'edge-2'})
    network.lost = lambda sender, receiver: any(sender in side and receiver not in side for side in sides)
    for number in range(16):
        sense(network, 'edge-1', f'192.0.2.{number}')
        sense(network, 'edge-2', f'203.0.113.{number}')
    network.run(20)
    network.lost = lambda sender, receiver: False
    network.run(15)
    network.captured.clear()
    network.run(100)
    assert kinds(network)['hello'] > 100
    assert kinds(network)['want'] == kinds(network)['entries'] == 0
    # With room again, what was lost meanwhile is asked for as before.
    network.lost = lambda sender, receiver: 'edge-2' in (sender, receiver)
    network.run(70)
    sense(network)
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert network.blocked() == ALL


@pytest.mark.parametrize('seed', range(8))
def test_hosts_that_see_one_attack_at_the_same_time_agree_however_long_messages_take(tmp_path: Path, seed: int) -> None:
    network = Network(tmp_path)
    chance = random.Random(seed)
    # What is told again is measured anew: the ends that hosts keep of one decision differ by what a message took.
    network.lost = lambda sender, receiver: chance.random() < 0.6
    network.skew = lambda: chance.uniform(-0.005, 0.0)
    for host in ('edge-1', 'fw-1', 'app-1', 'edge-2'):
        network.now += chance.choice([0.0, 0.001, 0.004])
        network.nodes[host].sensed('report', report())
    network.settle()
    network.run(5)
    network.lost = lambda sender, receiver: False
    network.run(20)
    network.captured.clear()
    network.run(60)
    assert len({network.nodes[name].decisions.table.digest() for name in ENFORCERS}) == 1
    assert kinds(network)['want'] == 0


def test_who_just_had_no_room_asks_for_nothing_though_one_place_is_free(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=1, seconds=30.0)
    sense(network, source='192.0.2.1')
    network.run(20)
    sense(network, source='192.0.2.2')
    decisions, clock = network.nodes['edge-1'].decisions, network.nodes['edge-1']._clock
    network.run(11)
    assert (decisions.table.full, decisions.crowded(clock())) == (False, True)
    network.run(50)
    assert not decisions.crowded(clock())


def test_a_list_that_is_not_full_is_filled_from_one_that_is(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=16)
    network.lost = lambda sender, receiver: receiver == 'fw-2'
    for number in range(16):
        sense(network, 'edge-1', f'192.0.2.{number}')
    (tmp_path / 'fw-2').unlink()
    network.restart('fw-2')
    for node in network.nodes.values():
        for peer in node.exchange.peers.values():
            peer.waiting.clear()
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert len(network.kernels['fw-2'].elements) == 16
