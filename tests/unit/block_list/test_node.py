"""A node whose kernel or disk fails: it goes on, says so once, and puts things right by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.block_list.network import ATTACKER, ENFORCERS, Kernel, Network, sense

from block_list.metrics import exposition  # isort: skip
from block_list.node import difference  # isort: skip
from block_list.peers import MAXIMUM_WAITING  # isort: skip
from block_list.storage import Storage  # isort: skip


def test_a_kernel_that_refuses_is_tried_again_until_it_takes_all(tmp_path: Path) -> None:
    network = Network(tmp_path)
    kernel = network.kernels['fw-1']
    kernel.refuses = 'Operation not permitted'
    sense(network)
    network.run(5)
    sense(network, source='192.0.2.1')
    assert network.nodes['fw-1'].fault == 'Operation not permitted'
    assert network.nodes['fw-1'].values()['in_force', ''] == 0
    assert len(network.journals['fw-1'].events('block-list-not-in-force')) == 1
    # The others are told all the same.
    assert network.blocked() == set(ENFORCERS) - {'fw-1'}
    kernel.refuses = ''
    network.run(2)
    assert set(kernel.elements) == {ATTACKER, '192.0.2.1'}
    assert network.nodes['fw-1'].values()['in_force', ''] == 1
    assert len(network.journals['fw-1'].events('block-list-in-force')) == 1


def test_a_list_that_somebody_took_out_of_the_kernel_is_put_back(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    network.kernels['fw-1'].elements.clear()
    network.run(16)
    assert ATTACKER in network.kernels['fw-1'].elements
    assert network.nodes['fw-1'].counts.get('mended_total') == 1
    assert '1 missing' in network.journals['fw-1'].events('block-list-mended')[0]['ANLAN_REASON']


def test_what_nobody_decided_is_taken_out_of_the_kernel(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network.kernels['fw-1'].elements['192.0.2.9'] = 500.0
    network.run(16)
    assert network.kernels['fw-1'].elements == {}


def test_a_full_disk_stops_nothing_and_is_said_once_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(tmp_path)
    opened = Path.open

    def full(path: Path, *arguments: object, **options: object) -> object:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'open', full)
    sense(network)
    sense(network, source='192.0.2.1')
    network.run(20)
    assert network.blocked() == set(ENFORCERS)
    assert network.nodes['fw-1'].values()['state_stale', ''] == 1
    assert 1 <= len(network.journals['fw-1'].events('block-list-not-stored')) <= 2
    monkeypatch.setattr(Path, 'open', opened)
    network.run(6)
    assert network.nodes['fw-1'].values()['state_stale', ''] == 0
    assert len(network.journals['fw-1'].events('block-list-stored')) == 1
    kept = Storage(tmp_path / 'fw-1', 'boot', lambda: 0.0).load(network.now, 86400.0)
    assert {entry.prefix for entry in kept} == {ATTACKER, '192.0.2.1'}


@pytest.mark.parametrize('damage', ['torn', 'rubbish', 'deep', 'empty'])
def test_a_damaged_state_file_costs_no_more_than_what_was_damaged(tmp_path: Path, damage: str) -> None:
    network = Network(tmp_path)
    sense(network, source='192.0.2.1')
    sense(network)
    file = tmp_path / 'fw-1'
    text = file.read_text(encoding='utf-8')
    file.write_text(
        {'torn': text[:-20], 'rubbish': '\0\0{[\n' + text, 'deep': '[' * 200_000 + '\n' + text, 'empty': ''}[damage],
        encoding='utf-8',
    )
    network.kernels['fw-1'] = Kernel()
    network.lost = lambda sender, receiver: True
    network.restart('fw-1')
    expected = {
        'torn': {'192.0.2.1'},
        'rubbish': {'192.0.2.1', ATTACKER},
        'deep': {'192.0.2.1', ATTACKER},
        'empty': set(),
    }[damage]
    assert set(network.kernels['fw-1'].elements) == expected
    network.lost = lambda sender, receiver: False
    network.run(15)
    assert set(network.kernels['fw-1'].elements) == {'192.0.2.1', ATTACKER}


def test_after_a_reboot_time_went_on_by_the_clock_and_a_clock_set_back_prolongs_nothing(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    wall = 1_800_000_000.0 + network.now
    for passed, left in ((100.0, 500.0), (-1e6, 600.0)):
        found = Storage(tmp_path / 'fw-1', 'another boot', lambda: wall + passed).load(50.0, 86400.0)  # noqa: B023
        assert [entry.ends - 50.0 for entry in found] == [pytest.approx(left, abs=1)]
    assert Storage(tmp_path / 'fw-1', 'another boot', lambda: wall + 601).load(50.0, 86400.0) == []


def test_the_state_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    network = Network(tmp_path, ['edge-1'])
    node = network.nodes['edge-1']
    for number in range(3000):
        node.decisions.block(ATTACKER, 'operator', str(number), node._clock(), 60 + number)
        node.flush()
    network.run(6)
    assert len((tmp_path / 'edge-1').read_text(encoding='utf-8').splitlines()) <= 2


def test_rubbish_of_a_sensor_is_counted_and_harms_nothing(tmp_path: Path) -> None:
    network = Network(tmp_path, ['edge-1'])
    for socket in ('report', 'eve', 'nginx', 'haproxy'):
        for data in (b'', b'\xff' * 60000, b'{"event_type": "alert"}', b'[' * 60000):
            network.nodes['edge-1'].sensed(socket, data)
    assert network.nodes['edge-1'].counts.get('refused_total', 'unreadable') == 8
    assert network.blocked() == set()


def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    sense(network, source='198.18.1.11')
    text = exposition(network.nodes['edge-1'].values())
    assert 'anlan_block_list_entries 1\n' in text
    assert 'anlan_block_list_blocks_total{sensor="waf"} 1\n' in text
    assert 'anlan_block_list_refused_total{reason="ours"} 1\n' in text
    assert '# TYPE anlan_block_list_blocks_total counter\n' in text


def test_decisions_that_wait_for_a_peer_no_more_are_counted(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=1000)
    network.lost = lambda sender, receiver: receiver == 'fw-2'
    for number in range(MAXIMUM_WAITING + 3):
        sense(network, source=f'10.0.{number >> 8}.{number & 255}')
    text = exposition(network.nodes['edge-1'].values())
    assert '# TYPE anlan_block_list_peer_given_up_total counter\n' in text
    assert 'anlan_block_list_peer_given_up_total{peer="fw-2"} 3\n' in text
    assert 'anlan_block_list_peer_given_up_total{peer="fw-1"} 0\n' in text


def test_what_is_nearly_over_is_no_difference(tmp_path: Path) -> None:
    network = Network(tmp_path, ['edge-1'])
    sense(network)
    entries = list(network.nodes['edge-1'].decisions.table.active())
    ends = entries[0].ends
    assert difference(entries, {}, ends - 2.0) is None
    assert difference(entries, {}, ends - 20.0) == f'1 missing, {ATTACKER} for one'
    assert difference([], {ATTACKER: 1.0}, 0.0) is None
    assert difference([], {ATTACKER: 9.0}, 0.0) == f'1 that nobody decided, {ATTACKER} for one'
