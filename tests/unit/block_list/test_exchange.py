"""Hosts that tell each other who attacked: over networks that lose, through restarts, and against adversaries."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.unit.block_list.network import ADDRESSES, ATTACKER, ENFORCERS, KEY, START, Network, report, sense

from block_list.wire import PROBE_ANSWER, Wire  # isort: skip

ALL = set(ENFORCERS)


def test_what_one_host_sees_every_enforcer_blocks_at_once(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    assert network.blocked() == ALL
    events = {name: journal.events('block') for name, journal in network.journals.items()}
    assert all(len(events[name]) == 1 for name in ENFORCERS)
    assert events['fw-2'][0] | {'MESSAGE': ''} == {
        'MESSAGE': '', 'PRIORITY': '5', 'ANLAN_EVENT': 'block', 'ANLAN_SOURCE': ATTACKER, 'ANLAN_TARGET': 'fw-2',
        'ANLAN_TYPE': 'waf', 'ANLAN_ACTION': 'blocked', 'ANLAN_REASON': 'SQL injection', 'ANLAN_ORIGIN': 'edge-1',
        'ANLAN_SECONDS': '600',
    }  # fmt: skip


def test_the_peers_are_told_before_the_own_kernel(tmp_path: Path) -> None:
    network = Network(tmp_path)
    before = len(network.captured)
    seen: list[int] = []
    apply = network.kernels['edge-1'].apply

    def noting(entries: object, now: float) -> None:
        seen.append(len(network.captured) - before)
        apply(entries, now)  # type: ignore[arg-type]

    network.kernels['edge-1'].apply = noting  # type: ignore[method-assign]
    sense(network)
    assert seen == [3]


def test_a_host_that_blocks_nothing_reports_to_all_that_do(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network, 'app-1')
    assert network.blocked() == ALL
    assert network.journals['app-1'].events('block')[0]['ANLAN_ACTION'] == 'reported'


def test_points_add_up_within_the_window_and_not_beyond(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network, points=50)
    network.run(121)
    sense(network, points=50)
    assert network.blocked() == set()
    sense(network, points=50)
    assert network.blocked() == ALL


@pytest.mark.parametrize('share', [0.3, 0.7])
def test_a_network_that_loses_much_delays_and_loses_no_decision(tmp_path: Path, share: float) -> None:
    network = Network(tmp_path)
    chance = random.Random(1)
    network.lost = lambda sender, receiver: chance.random() < share
    sense(network)
    network.run(30)
    assert network.blocked() == ALL
    network.lost = lambda sender, receiver: False
    network.run(30)
    assert not any(node.exchange.busy() for node in network.nodes.values())


def test_an_enforcer_that_was_away_catches_up_with_blocks_and_removals(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network, source='192.0.2.1')
    network.lost = lambda sender, receiver: 'edge-2' in (sender, receiver)
    sense(network, source='192.0.2.2')
    network.nodes['fw-1'].decisions.remove('192.0.2.1', 'by hand', network.nodes['fw-1']._clock())
    network.settle()
    network.run(60)
    assert network.blocked('192.0.2.1') == {'edge-2'}
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert network.blocked('192.0.2.1') == set()
    assert network.blocked('192.0.2.2') == ALL


def test_two_sides_of_a_cut_network_end_with_the_same_list(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sides = ({'fw-1', 'edge-1', 'app-1'}, {'fw-2', 'edge-2'})
    network.lost = lambda sender, receiver: any(sender in side and receiver not in side for side in sides)
    for number in range(30):
        sense(network, 'edge-1', f'192.0.2.{number}')
        sense(network, 'edge-2', f'203.0.113.{number}')
    network.run(20)
    assert network.blocked('192.0.2.7') == sides[0] & ALL
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert all(len(network.kernels[name].elements) == 60 for name in ENFORCERS)
    digests = {network.nodes[name].decisions.table.digest() for name in ENFORCERS}
    assert len(digests) == 1


def test_a_killed_daemon_takes_up_its_list_with_the_time_that_is_left(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    network.lost = lambda sender, receiver: True
    network.run(100)
    network.kernels['fw-1'].elements.clear()  # a reboot: the kernel is new
    network.restart('fw-1')
    assert network.kernels['fw-1'].elements[ATTACKER] == pytest.approx(500, abs=1)
    network.run(501, 1.0)
    assert len(network.nodes['fw-1'].decisions.table) == 0


def test_what_the_kernel_blocks_and_the_disk_forgot_is_kept(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    (tmp_path / 'fw-1').unlink()
    network.lost = lambda sender, receiver: True
    node = network.restart('fw-1')
    assert network.kernels['fw-1'].elements[ATTACKER] == pytest.approx(600, abs=1)
    network.lost = lambda sender, receiver: False
    network.run(12)
    known = node.decisions.table.get(ATTACKER)
    assert known is not None
    assert known.sensor == 'waf'


@pytest.mark.parametrize('hours', [-5, 5])
@pytest.mark.parametrize('host', ['fw-1', 'edge-1', 'app-1'])
def test_a_host_with_a_wrong_clock_still_blocks_and_reports(tmp_path: Path, host: str, hours: int) -> None:
    network = Network(tmp_path)
    network.offsets[host] = hours * 3600.0
    sense(network, 'edge-1')
    sense(network, 'app-1', '192.0.2.9')
    network.run(3)
    assert network.blocked() == ALL
    assert network.blocked('192.0.2.9') == ALL
    peer = network.nodes['fw-2'].exchange.peers[host]
    network.run(12)
    assert peer.clock_offset_seconds == pytest.approx(hours * 3600, abs=1)
    # Nobody has the last word for ever because its clock is ahead.
    network.nodes['fw-2'].decisions.remove(ATTACKER, 'by hand', network.nodes['fw-2']._clock())
    network.run(15)
    assert network.blocked() == set()


@pytest.mark.parametrize('source', sorted(ADDRESSES.values()))
def test_an_address_of_ours_is_never_blocked_whoever_says_so(tmp_path: Path, source: str) -> None:
    network = Network(tmp_path)
    sense(network, source=source)
    assert network.blocked(source) == set()
    assert network.journals['edge-1'].events('block-refused')[0]['ANLAN_REASON'] == 'ours'
    # A host that was taken over signs as it should, and asks for the same.
    entry = [source, START + 1e6, 'evil', False, 600, START, 'waf', 'spoofed', 'edge-1']
    data = Wire(KEY, 'edge-1').sealed('fw-1', 'entries', START + network.now, entries=[entry])
    network.nodes['fw-1'].received(data, ADDRESSES['edge-1'])
    network.settle()
    assert network.blocked(source) == set()
    assert network.nodes['fw-1'].counts.get('refused_total', 'ours') == 1


@pytest.mark.parametrize('prefix', ['0.0.0.0/0', '198.18.0.0/15', '::/0', '2001:db8::1', 'x', '192.0.2.1 ; flush'])
def test_a_signed_message_cannot_block_what_is_wide_or_written_otherwise(tmp_path: Path, prefix: str) -> None:
    network = Network(tmp_path)
    entry = [prefix, START + 1e6, 'evil', False, 600, START, 'waf', 'spoofed', 'edge-1']
    data = Wire(KEY, 'edge-1').sealed('fw-1', 'entries', START + network.now, entries=[entry])
    network.nodes['fw-1'].received(data, ADDRESSES['edge-1'])
    network.settle()
    assert network.kernels['fw-1'].elements == {}


def test_forged_replayed_misdirected_and_garbled_datagrams_change_nothing_and_are_counted(tmp_path: Path) -> None:
    network = Network(tmp_path)
    node = network.nodes['fw-1']
    entry = ['192.0.2.1', START + 1e6, 'evil', False, 600, START, 'waf', 'forged', 'edge-1']
    wall = START + network.now
    forged = Wire(b'x' * 43, 'edge-1').sealed('fw-1', 'entries', wall, entries=[entry])
    good = Wire(KEY, 'edge-1').sealed('fw-1', 'entries', wall, entries=[entry])
    own = ADDRESSES['edge-1']
    for data, address in (
        (forged, own), (b'\0' * 2000, own), (b'', own), (good, '192.0.2.66'), (good, ADDRESSES['edge-2']),
    ):  # fmt: skip
        node.received(data, address)
    network.settle()
    assert network.blocked('192.0.2.1') == set()
    node.received(good, own)
    node.flush()
    assert 'fw-1' in network.blocked('192.0.2.1')
    node.received(good, own)
    words = ('forged', 'garbled', 'stranger', 'misdirected', 'replayed')
    counted = {word: node.counts.get('messages_rejected_total', word) for word in words}
    assert counted == {'forged': 2, 'garbled': 1, 'stranger': 1, 'misdirected': 1, 'replayed': 1}


def test_a_captured_block_cannot_be_replayed_after_its_removal_even_to_a_restarted_host(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    captured = [(receiver, data) for sender, receiver, data in network.captured if sender == 'edge-1']
    network.nodes['fw-1'].decisions.remove(ATTACKER, 'by hand', network.nodes['fw-1']._clock())
    network.settle()
    network.restart('fw-2')
    network.settle()
    for receiver, data in captured:
        network.nodes[receiver].received(data, ADDRESSES['edge-1'])
    network.settle()
    assert network.blocked() == set()


def test_a_sensor_that_was_taken_over_cannot_let_anybody_in(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    entry = [ATTACKER, START + 1e6, 'evil', True, 600, START, 'operator', 'let me in', 'app-1']
    data = Wire(KEY, 'app-1').sealed('fw-1', 'entries', START + network.now, entries=[entry])
    network.nodes['fw-1'].received(data, ADDRESSES['app-1'])
    network.settle()
    assert network.blocked() == ALL
    assert network.nodes['fw-1'].counts.get('messages_rejected_total', 'not-allowed') == 1


def test_ten_thousand_sources_fill_the_list_and_no_more(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=256)
    for number in range(10_000):
        network.nodes['edge-1'].sensed('report', report(f'10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}'))
        if number % 128 == 0:
            network.settle()
    network.settle()
    network.run(15)
    assert {len(kernel.elements) for name, kernel in network.kernels.items() if name in ALL} == {256}
    node = network.nodes['edge-1']
    assert node.counts.get('refused_total', 'full') == 10_000 - 256
    assert len(node.decisions._scores) <= 8192
    # Said once, not ten thousand times.
    assert len(network.journals['edge-1'].events('block-refused')) <= 2


def test_scores_of_many_sources_are_bounded(tmp_path: Path) -> None:
    network = Network(tmp_path, ['edge-1'])
    for number in range(20_000):
        network.nodes['edge-1'].sensed(
            'report', report(f'10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}', 1)
        )
    assert len(network.nodes['edge-1'].decisions._scores) == 8192


def test_what_probes_reachability_is_answered_with_one_byte_and_strangers_with_none(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network.captured.clear()
    network.ports.clear()
    probe = b'\x23' + 47 * b'\0'
    for _ in range(100):
        network.nodes['edge-2'].received(probe, ADDRESSES['app-1'], 41234)
        network.nodes['edge-2'].received(probe, '192.0.2.1')
    answers = [(receiver, data) for _, receiver, data in network.captured]
    assert answers == [('app-1', PROBE_ANSWER)] * 20
    assert set(network.ports) == {41234}, 'who probes waits where it asked from'


def test_a_renewed_attack_near_the_end_keeps_the_source_out(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    network.run(10)
    sense(network)
    assert len(network.journals['fw-1'].events('block')) == 1
    network.run(400)
    sense(network)
    assert network.kernels['fw-1'].elements[ATTACKER] == pytest.approx(600, abs=1)
    assert network.journals['fw-1'].events('block')[-1]['ANLAN_ACTION'] == 'renewed'


def test_what_ends_is_said(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    network.run(601, 0.5)
    assert [event['ANLAN_ACTION'] for event in network.journals['fw-1'].events('expire')] == ['expired']
