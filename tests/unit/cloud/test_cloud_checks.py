"""A cloud that could not reach the edges, or that would endanger learners, is refused with the path and the reason."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.errors import InvalidFile
from tests.unit.cloud.sample import CLOUD, FETCHERS, clouded
from tests.unit.samples import ABSENT, lab, onprem, platform_of, problems_of, with_values


@pytest.mark.parametrize(
    'document',
    [
        clouded(),
        clouded(anti_ddos_instances=['ddoscoo-cn-7e225i41q001'], under_attack=True),
        clouded(dns_zone=None),
        clouded(scope='global', quic=True, ipv6=False),
    ],
)
def test_a_good_cloud_has_no_problem(document: dict[str, Any]) -> None:
    assert problems_of(document) == []


def test_without_a_key_there_is_no_cloud() -> None:
    assert platform_of(lab()).cloud.provider == 'none'
    assert platform_of(onprem()).cloud.provider == 'none'


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'cloud.certificate_id': ABSENT}, 'cloud.certificate_id', 'is missing; the provider serves HTTPS only'),
        ({'front_door.port': 8443}, 'front_door.port', '8443 is not 443'),
        ({'cloud.origins': []}, 'cloud.origins', '10.1.1.11, 10.1.2.12: no public address'),
        ({'cloud.origins': ['192.0.32.11', '192.0.32.11']}, 'cloud.origins', 'names one address twice'),
        ({'cloud.origins': ['192.0.32.11']}, 'cloud.origins', 'has 1 for 2 edges'),
        ({'cloud.origins': ['192.0.32.11', '100.64.0.1']}, 'cloud.origins', '100.64.0.1: no public address'),
        ({'cloud.origin_pull_networks': []}, 'cloud.origin_pull_networks', 'one attack would shut them all out'),
        ({'block_list.never': [FETCHERS[0]]}, 'block_list.never', 'does not hold 2620:0:2d0::/48'),
        ({'block_list.never': [FETCHERS[1]]}, 'block_list.never', 'does not hold 192.0.40.0/24'),
        ({'block_list.never': ['192.0.40.0/25', FETCHERS[1]]}, 'block_list.never', 'does not hold 192.0.40.0/24'),
        ({'cloud.dns_zone': 'learn.sample.test'}, 'cloud.dns_zone', 'is the zone itself, which cannot be an alias'),
        ({'cloud.dns_zone': 'other.test'}, 'cloud.dns_zone', 'other.test does not hold the front door'),
        ({'cloud.dns_zone': 'ample.test'}, 'cloud.dns_zone', 'ample.test does not hold the front door'),
        ({'cloud.under_attack': True}, 'cloud.under_attack', 'cloud.anti_ddos_instances names none'),
        (
            {'cloud.under_attack': True, 'cloud.anti_ddos_instances': ['ddoscoo-cn-1'], 'cloud.dns_zone': ABSENT},
            'cloud.under_attack',
            'needs cloud.dns_zone',
        ),
    ],
)
def test_each_fault_is_said_with_its_path_and_reason(values: dict[str, Any], path: str, reason: str) -> None:
    (problem,) = problems_of(with_values(clouded(), values))
    assert problem.path == path
    assert reason in problem.reason


def test_a_lab_is_refused_a_cloud_with_the_reason_and_nothing_else_is_said() -> None:
    (problem,) = problems_of(with_values(lab(), {'cloud': {'provider': 'alibaba'}}))
    assert problem.path == 'cloud.provider'
    assert problem.reason == 'alibaba is for target onprem; no cloud reaches the addresses of target lab'


@pytest.mark.parametrize(
    'changes',
    [
        {'provider': 'amazon'},
        {'certificate_id': 'not a number'},
        {'scope': 'moon'},
        {'origins': ['edge-1']},
        {'dns_ttl_seconds': 0},
        {'anti_ddos_instances': ['i-123; rm']},
        {'access_key': 'LTAI'},
    ],
)
def test_a_value_that_no_provider_takes_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidFile, match=rf'cloud\.{next(iter(changes))}'):
        platform_of(clouded(**changes))


def test_the_edges_own_public_addresses_are_taken_where_none_are_given() -> None:
    document = with_values(
        clouded(),
        {
            'cloud': {name: value for name, value in CLOUD.items() if name != 'origins'},
            'zones.uplink-a.subnet': '192.0.33.0/24',
            'target.hosts.edge-1.address': '192.0.33.11',
            'zones.uplink-b.subnet': '192.0.34.0/24',
            'target.hosts.edge-2.address': '192.0.34.11',
            'target.hosts.fw-1.zone_addresses.uplink-a': '192.0.33.2',
            'target.hosts.fw-1.zone_addresses.uplink-b': '192.0.34.2',
            'target.hosts.fw-2.zone_addresses.uplink-a': '192.0.33.3',
            'target.hosts.fw-2.zone_addresses.uplink-b': '192.0.34.3',
            'target.hosts.client-1.address': '192.0.33.31',
            'target.hosts.client-2.address': '192.0.34.31',
        },
    )
    assert problems_of(document) == []
