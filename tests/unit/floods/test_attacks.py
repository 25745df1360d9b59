"""Attacks: bounded, aimed at hosts of a lab only, and judged so that a learner who was hurt is said to be."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from anlan.errors import AnlanError, BadInput
from anlan.remote import Result
from drills.acts import acts_since, counts_in
from drills.blocks import reason_in
from drills.floods import ATTACKS, MOST_SECONDS, Attack, attack_named, command_of, sent_of
from drills.limits_off import OFF, ON, off_script
from drills.targets import require_target
from drills.under_attack import judged, percentile
from infra.outputs import outputs
from monitoring.steady import Outcome, SteadyRun
from tests.unit.samples import inventory_of, lab, onprem, platform_of, topology_from

EDGE = '198.18.1.11'


def found(document: dict[str, Any]) -> dict[str, Any]:
    topology = topology_from(document)
    return outputs(platform_of(document), topology, inventory_of(topology))


@pytest.mark.parametrize(
    'address',
    ['198.18.1.99', '8.8.8.8', '127.0.0.1', '0.0.0.0', '198.18.1.255', 'learn.sample.test', '-h', '', '::1',
     '198.18.1.11; reboot'],
)  # fmt: skip
def test_what_is_no_host_of_the_lab_is_refused_as_a_target(address: str) -> None:
    with pytest.raises(BadInput, match='attack'):
        require_target(found(lab()), address)
    for attack in ATTACKS:
        with pytest.raises(BadInput):
            command_of(attack, found(lab()), address, 5)


def test_a_host_of_a_lab_is_a_target_and_the_same_host_of_a_real_platform_is_not() -> None:
    assert require_target(found(lab()), EDGE) == EDGE
    with pytest.raises(BadInput, match='is no lab'):
        require_target(found(onprem()), '10.1.1.11')


@pytest.mark.parametrize('attack', ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_ends_on_its_host_by_itself_and_is_bounded(attack: Attack) -> None:
    command = command_of(attack, found(lab()), EDGE, 10)
    script = command[-1]
    assert command[:4] == ['sudo', 'unshare', '--mount', 'sh']
    assert re.search(r'exec timeout --kill-after=2 11 prlimit', script)
    assert '--flood' not in script
    if 'hping3' in script:
        match = re.search(r'-c (\d+)', script)
        assert match is not None
        assert int(match[1]) <= 400_000
    for seconds in (0, -1, MOST_SECONDS + 1):
        with pytest.raises(BadInput, match='an attack lasts'):
            command_of(attack, found(lab()), EDGE, seconds)


def test_an_attack_that_does_not_exist_is_said_with_those_that_do() -> None:
    with pytest.raises(BadInput, match='SYN flood, spoofed SYN flood'):
        attack_named('rain')


@pytest.mark.parametrize('tier', OFF)
def test_the_way_back_is_armed_before_anything_is_taken_away_and_undoes_all_of_it(tier: str) -> None:
    lines = off_script(tier, 60).splitlines()
    armed = next(number for number, line in enumerate(lines) if line.startswith('systemd-run'))
    assert '--on-active=60s' in lines[armed]
    assert all(armed < lines.index(step) for step in OFF[tier])
    mounted = {line.rpartition(' ')[2] for line in OFF[tier] if 'mount --bind' in line}
    assert mounted == {line.rpartition(' ')[2] for line in ON[tier] if 'umount' in line}
    if any('nft delete table' in line for line in OFF[tier]):
        assert 'nft -f /etc/anlan/limits.nft' in ON[tier]


def run_of(*rows: tuple[float, float, str]) -> SteadyRun:
    return SteadyRun({'write': [Outcome(*row) for row in rows], 'read': [], 'media': []}, frozenset())


GOOD = {'steps': [{'name': 'open', 'ok': True, 'seconds': 0.1, 'reason': None}]}


def test_a_learner_who_was_not_hurt_finds_no_fault() -> None:
    run = run_of(*((float(n), n + 0.1, '') for n in range(20)))
    seen = judged('SYN flood', 'much', run, (5, 15), journey=GOOD, acted={'syns': 9})
    assert seen.requests == 11
    assert seen.faults(3.0, 0.01) == []


def test_lost_requests_slow_ones_and_a_journey_that_broke_off_are_faults() -> None:
    lost = run_of(*((float(n), n + 0.1, 'timed out' if n == 7 else '') for n in range(20)))
    seen = judged('SYN flood', '', lost, (5, 15), journey=GOOD, acted={})
    assert ['were lost' in fault for fault in seen.faults(3.0, 0.01)] == [True]
    slow = run_of(*((float(n), n + 4.0, '') for n in range(20)))
    seen = judged('SYN flood', '', slow, (5, 15), journey=GOOD, acted={})
    assert ['requests took 4.00 s' in fault for fault in seen.faults(3.0, 0.01)] == [True]
    broken = {'steps': [{'name': 'log_in', 'ok': False, 'seconds': 9.0, 'reason': 'refused'}]}
    seen = judged('SYN flood', '', run_of((6, 6.1, '')), (5, 15), journey=broken, acted={})
    assert 'the journey broke off: log_in: refused' in seen.faults(3.0, 0.01)


def test_a_learner_who_asked_for_nothing_was_not_observed() -> None:
    seen = judged('SYN flood', '', run_of((1, 1.1, '')), (5, 15), journey=GOOD, acted={})
    assert seen.lost_share == 1.0
    assert 'not observed' in seen.faults(3.0, 0.01)[0]


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([5.0], 0.99) == 5.0
    assert percentile([], 0.99) == 0.0


def test_what_acted_is_the_difference_and_counters_may_begin_anew() -> None:
    text = 'anlan_limits_dropped_total{limit="syns"} 40\nanlan_limits_requests_held_total{how="slow"} 2\n'
    after = counts_in(text + 'anlan_limits_syn_cookies_sent_total 9\nanlan_limits_in_force{part="network"} 1\n')
    assert after == {'syns': 40, 'slow': 2, 'SYN cookies': 9}
    assert acts_since({'edge-1': Counter({'syns': 30})}, {'edge-1': after}) == {'syns': 10, 'SYN cookies': 9, 'slow': 2}
    assert acts_since({'edge-1': Counter({'syns': 90})}, {'edge-1': Counter({'syns': 40})}) == {'syns': 40}


def test_an_attacker_on_the_block_list_is_found_and_an_answer_that_is_none_is_an_error() -> None:
    answer = '{"entries": [{"prefix": "198.18.2.32", "reason": "limiting requests"}]}'
    assert reason_in(answer, '198.18.2.32') == 'limiting requests'
    assert reason_in(answer, '198.18.2.3') is None
    with pytest.raises(AnlanError, match='not known'):
        reason_in('Traceback', '198.18.2.32')


def test_what_an_attack_says_of_itself_is_shown() -> None:
    def of(out: str) -> str:
        return sent_of(Result(0, out, '', 1.0))

    assert of('{"asked": 9, "held": 3, "seconds": 1}') == '9 connections asked for, 3 held at once'
    assert of('\n72710 packets transmitted, 5 packets received') == '72710 packets transmitted'
    assert of('requests: 7593 total, 7593 started') == '7593 total'
    assert of('') == 'not said'
