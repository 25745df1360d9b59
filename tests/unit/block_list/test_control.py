"""What an operator asks of the daemon on a host, and what it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.block_list.network import ATTACKER, ENFORCERS, Network, sense

from block_list import control  # isort: skip
from block_list.settings import Unusable, read_key, settings_of  # isort: skip


def ask(network: Network, host: str = 'fw-2', **question: Any) -> dict[str, Any]:
    node = network.nodes[host]
    answer = control.answered(node, json.dumps(question).encode(), node._clock())
    network.settle()
    return answer


def test_an_operator_shuts_out_and_lets_in_everywhere(tmp_path: Path) -> None:
    network = Network(tmp_path)
    answer = ask(network, command='add', source=ATTACKER, reason='complaint 7', seconds=60)
    assert answer == {'prefix': ATTACKER, 'seconds': 60.0}
    assert network.blocked() == set(ENFORCERS)
    assert ask(network, 'edge-1', command='remove', source=ATTACKER) == {'prefix': ATTACKER}
    assert network.blocked() == set()


def test_a_host_that_shuts_nobody_out_sends_the_operator_to_one_that_does(tmp_path: Path) -> None:
    network = Network(tmp_path)
    for command in ('add', 'remove'):
        answer = ask(network, 'app-1', command=command, source=ATTACKER)
        assert answer == {'error': 'app-1 shuts nobody out itself: ask a firewall or an edge'}
    assert network.blocked() == set()


def test_a_dry_run_says_the_same_and_does_nothing(tmp_path: Path) -> None:
    network = Network(tmp_path)
    assert ask(network, command='add', source='2001:db8::7', dry_run=True) == {
        'prefix': '2001:db8::/64',
        'seconds': 600.0,
    }
    assert network.blocked('2001:db8::/64') == set()
    sense(network)
    assert ask(network, command='remove', source=ATTACKER, dry_run=True) == {'prefix': ATTACKER}
    assert network.blocked() == set(ENFORCERS)


@pytest.mark.parametrize(
    ('question', 'words'),
    [
        ({'command': 'add', 'source': '198.18.1.11'}, 'is an address of the platform'),
        ({'command': 'add', 'source': '10.0.0.0/8'}, 'is wider than'),
        ({'command': 'add', 'source': 'x'}, 'is no address'),
        ({'command': 'add', 'source': ATTACKER, 'seconds': 1e9}, 'is not between'),
        ({'command': 'add', 'source': ATTACKER, 'seconds': -5}, 'is not between'),
        ({'command': 'add', 'source': ATTACKER, 'seconds': 'long'}, 'cannot be read'),
        ({'command': 'add'}, 'cannot be read'),
        ({'command': 'remove', 'source': ATTACKER}, 'is not on the block list'),
        ({'command': 'burn', 'source': ATTACKER}, 'there is no command'),
        ({}, 'cannot be read'),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path, question: dict[str, Any], words: str) -> None:
    network = Network(tmp_path)
    assert words in ask(network, **question)['error']
    assert network.blocked() == set()


def test_a_full_list_is_said_to_the_operator_too(tmp_path: Path) -> None:
    network = Network(tmp_path, maximum_entries=1)
    ask(network, command='add', source='192.0.2.1')
    assert 'the list is full' in ask(network, command='add', source='192.0.2.2')['error']


def test_the_list_names_who_why_since_until_and_what_the_kernel_has(tmp_path: Path) -> None:
    network = Network(tmp_path)
    sense(network)
    listed = ask(network, command='list')
    entry = listed['entries'][0]
    assert (entry['prefix'], entry['sensor'], entry['origin']) == (ATTACKER, 'waf', 'edge-1')
    assert entry['since'] < entry['until']
    assert listed['in_kernel'] == [ATTACKER]
    network.kernels['fw-2'].refuses = 'gone'
    assert ask(network, command='list')['in_kernel'] is None


def test_without_a_key_or_with_a_short_one_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match='there is no key'):
        read_key(tmp_path / 'key')
    (tmp_path / 'key').write_text('short\n', encoding='utf-8')
    with pytest.raises(Unusable, match='has 5 bytes'):
        read_key(tmp_path / 'key')


def test_settings_that_lack_something_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match='enforces'):
        settings_of({'name': 'fw-1'})


def test_a_source_that_is_spared_is_shut_out_by_no_sensor_until_its_time_is_over(tmp_path: Path) -> None:
    network = Network(tmp_path)
    for host in ENFORCERS:
        answer = ask(network, host, command='spare', sources=[ATTACKER], seconds=30, reason='anlan reach')
        assert answer == {'prefixes': [ATTACKER], 'seconds': 30.0}
    sense(network)
    assert network.blocked() == set()
    network.run(31)
    assert network.blocked() == set()
    sense(network)
    assert network.blocked() == set(ENFORCERS)


def test_an_operator_shuts_out_a_spared_source_all_the_same(tmp_path: Path) -> None:
    network = Network(tmp_path)
    for host in ENFORCERS:
        ask(network, host, command='spare', sources=[ATTACKER], seconds=30)
    ask(network, command='add', source=ATTACKER)
    assert network.blocked() == set(ENFORCERS)


def test_what_is_spared_is_never_wide_and_never_for_long(tmp_path: Path) -> None:
    network = Network(tmp_path)
    assert ask(network, command='spare', sources=[ATTACKER], seconds=1e9)['seconds'] == 300.0
    assert 'is wider than' in ask(network, command='spare', sources=['10.0.0.0/8'], seconds=30)['error']
    assert 'cannot be read' in ask(network, command='spare', sources=[ATTACKER])['error']
