"""IPv6 in the platform file: only the uplinks, a /64 each, and every existing host there has its address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.samples import ABSENT, IPV6_SUBNETS, dual_stack, onprem, problems_of, with_values

ADDRESSES = {
    'target.hosts.fw-1.zone_ipv6_addresses': {'uplink-a': 'fd00:18:0:1::2', 'uplink-b': 'fd00:18:0:2::2'},
    'target.hosts.fw-2.zone_ipv6_addresses': {'uplink-a': 'fd00:18:0:1::3', 'uplink-b': 'fd00:18:0:2::3'},
    'target.hosts.edge-1.ipv6_address': 'fd00:18:0:1::11',
    'target.hosts.edge-2.ipv6_address': 'fd00:18:0:2::12',
    'target.hosts.client-1.ipv6_address': 'fd00:18:0:1::31',
    'target.hosts.client-2.ipv6_address': 'fd00:18:0:2::32',
}


def existing() -> dict[str, Any]:
    subnets = {f'zones.{zone}.ipv6_subnet': subnet for zone, subnet in IPV6_SUBNETS.items()}
    return with_values(onprem(), subnets | ADDRESSES)


def test_uplinks_with_ipv6_are_good_on_both_targets() -> None:
    assert problems_of(dual_stack()) == []
    assert problems_of(existing()) == []


def test_one_uplink_may_have_it_alone() -> None:
    assert problems_of(with_values(dual_stack(), {'zones.uplink-b.ipv6_subnet': ABSENT})) == []


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'zones.app.ipv6_subnet': 'fd00:18:0:3::/64'}, 'zones.app.ipv6_subnet', 'nothing inside needs it'),
        ({'zones.uplink-a.ipv6_subnet': 'fd00:18:0:1::/72'}, 'zones.uplink-a.ipv6_subnet', 'is a /64'),
        ({'zones.uplink-b.ipv6_subnet': IPV6_SUBNETS['uplink-a']}, 'zones.uplink-b.ipv6_subnet', 'overlaps'),
    ],
)
def test_a_wrong_network_is_refused_with_its_reason(values: dict[str, Any], path: str, reason: str) -> None:
    (problem,) = problems_of(with_values(dual_stack(), values))
    assert problem.path == path
    assert reason in problem.reason


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'target.hosts.edge-1.ipv6_address': ABSENT}, 'target.hosts.edge-1.ipv6_address', 'is missing'),
        ({'target.hosts.edge-1.ipv6_address': 'fd00:18:0:2::11'}, 'target.hosts.edge-1.ipv6_address', 'is not in zone'),
        ({'target.hosts.edge-1.ipv6_address': 'fd00:18:0:1::254'}, 'target.hosts.edge-1.ipv6_address', 'firewall pair'),
        ({'target.hosts.client-1.ipv6_address': 'fd00:18:0:1::11'}, 'target.hosts.client-1.ipv6_address', 'edge-1 too'),
        (
            {'target.hosts.app-1.ipv6_address': 'fd00:18:0:1::40'},
            'target.hosts.app-1.ipv6_address',
            'has no ipv6_subnet',
        ),
        ({'target.hosts.fw-1.ipv6_address': 'fd00:18:0:1::41'}, 'target.hosts.fw-1.ipv6_address', 'not for firewalls'),
        (
            {'target.hosts.edge-2.zone_ipv6_addresses': {'uplink-b': 'fd00:18:0:2::42'}},
            'target.hosts.edge-2.zone_ipv6_addresses',
            'firewalls only',
        ),
        (
            {'target.hosts.fw-1.zone_ipv6_addresses': {'uplink-a': 'fd00:18:0:1::2'}},
            'target.hosts.fw-1.zone_ipv6_addresses.uplink-b',
            'is missing',
        ),
    ],
)
def test_a_wrong_address_of_an_existing_host_is_refused(values: dict[str, Any], path: str, reason: str) -> None:
    (problem,) = problems_of(with_values(existing(), values))
    assert problem.path == path
    assert reason in problem.reason
