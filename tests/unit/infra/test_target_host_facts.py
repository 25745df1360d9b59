"""Judging a host that exists: every reason is given, and a good host has none."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from infra.targets.host_facts import Expected, HostFacts, judge

GOOD = HostFacts('debian', '13', 980, 40.0, '198.18.20.254', True, 0.3, 0.01)
EXPECTED = Expected(1024, 20, IPv4Address('198.18.20.254'), 2.0)


def test_a_good_host_has_no_reason_against_it() -> None:
    assert list(judge(GOOD, EXPECTED)) == []
    assert list(judge(replace(GOOD, version='13.2'), EXPECTED)) == []


@pytest.mark.parametrize(
    ('facts', 'reason'),
    [
        (replace(GOOD, version='12.9'), 'runs debian 12.9'),
        (replace(GOOD, system='ubuntu', version='24.04'), 'runs ubuntu 24.04'),
        (replace(GOOD, memory_mib=512), 'has 512 MiB of memory; 1024 MiB are needed'),
        (replace(GOOD, free_disk_gib=19.9), 'has 19.9 GiB free'),
        (replace(GOOD, clock_offset_seconds=-2.5), 'its clock is -2.50 s off'),
        (replace(GOOD, default_route='198.18.20.1'), 'its default route is 198.18.20.1; it must be 198.18.20.254'),
        (replace(GOOD, default_route=''), 'its default route is missing'),
        (replace(GOOD, sudo=False), 'sudo'),
    ],
)
def test_each_fault_is_a_reason(facts: HostFacts, reason: str) -> None:
    (given,) = judge(facts, EXPECTED)
    assert reason in given


def test_all_faults_are_said_at_once() -> None:
    assert len(list(judge(HostFacts('alpine', '3', 1, 0.0, '', False, 60.0, 0.0), EXPECTED))) == 6


def test_a_slow_way_is_not_taken_for_a_wrong_clock() -> None:
    assert list(judge(replace(GOOD, clock_offset_seconds=2.4, clock_error_seconds=0.5), EXPECTED)) == []


def test_a_firewall_needs_no_default_route() -> None:
    assert list(judge(replace(GOOD, default_route=''), replace(EXPECTED, default_route=None))) == []


def test_a_host_of_a_zone_with_ipv6_has_its_address_and_the_way_out() -> None:
    expected = replace(EXPECTED, ipv6_addresses=(IPv6Address('fd00::11'),), ipv6_route=IPv6Address('fd00::254'))
    good = replace(GOOD, ipv6_addresses=frozenset({'fd00::11', 'fd00::99'}), ipv6_route='fd00::254')
    assert list(judge(good, expected)) == []
    assert list(judge(replace(good, ipv6_addresses=frozenset({'fd00::1'})), expected)) == [
        'it does not have the address fd00::11'
    ]
    (reason,) = judge(replace(good, ipv6_route=''), expected)
    assert reason.startswith('its default route of IPv6 is missing; it must be fd00::254')
