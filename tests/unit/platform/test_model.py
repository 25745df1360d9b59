"""What is derived from a platform file, not written in it."""

from __future__ import annotations

import json

from anlan.platform.tiers import COUNTS, HOST_PREFIX, ZONES_OF_TIER, host_name, zone_of
from anlan.platform.timing import HaproxyTiming, PatroniTiming, VrrpTiming
from anlan.platform.zones import ZONE_NAMES
from tests.unit.samples import lab, onprem, platform_of, with_values


def test_a_count_is_the_files_and_else_the_sizes() -> None:
    assert platform_of(lab()).count('app') == 2
    assert platform_of(lab('mini')).count('app') == 1
    assert platform_of(with_values(lab('mini'), {'tiers.app.count': 4})).count('app') == 4


def test_virtual_addresses_are_given_or_the_last_ones() -> None:
    platform = platform_of(lab())
    assert str(platform.zones['app'].gateway_address()) == '198.18.20.254'
    assert str(platform.balancer_virtual_address()) == '198.18.10.253'
    values = {'zones.dmz.gateway': '198.18.10.100', 'balancer_address': '198.18.10.200'}
    given = platform_of(with_values(lab(), values))
    assert str(given.zones['dmz'].gateway_address()) == '198.18.10.100'
    assert str(given.balancer_virtual_address()) == '198.18.10.200'


def test_the_front_doors_address_names_the_port_only_if_it_is_another() -> None:
    assert platform_of(lab()).front_door_url() == 'https://learn.sample.test/'
    other = platform_of(with_values(lab(), {'front_door.port': 8443}))
    assert other.front_door_url() == 'https://learn.sample.test:8443/'


def test_internal_names_are_below_the_platforms_own_domain() -> None:
    assert platform_of(lab()).internal_domain() == 'sample.anlan.internal'


def test_a_platform_as_plain_data_is_the_same_platform() -> None:
    for document in (lab(), onprem()):
        platform = platform_of(document)
        assert platform_of(json.loads(json.dumps(platform.document()))) == platform


def test_hosts_of_the_edge_stand_in_the_uplinks_by_turns() -> None:
    assert [zone_of('edge', number) for number in (1, 2, 3)] == ['uplink-a', 'uplink-b', 'uplink-a']
    assert host_name('data', 3) == 'db-3'


def test_every_tier_has_a_prefix_of_its_own_a_count_and_zones() -> None:
    assert set(HOST_PREFIX) == set(ZONES_OF_TIER) == set(COUNTS['full']) == set(COUNTS['mini'])
    assert len(set(HOST_PREFIX.values())) == len(HOST_PREFIX)
    assert {zone for zones in ZONES_OF_TIER.values() for zone in zones} <= set(ZONE_NAMES)


def test_worst_cases_follow_from_the_settings() -> None:
    assert VrrpTiming(advert_interval_seconds=1).detection_seconds() == 4
    haproxy = HaproxyTiming(
        check_interval_milliseconds=1000,
        fast_interval_milliseconds=500,
        check_timeout_milliseconds=2000,
        fall=3,
        rise=2,
    )
    assert haproxy.detection_seconds() == 8
    assert haproxy.recovery_seconds() == 4.4
    patroni = PatroniTiming(ttl_seconds=30, loop_wait_seconds=10)
    assert patroni.host_loss_seconds() == 49
    assert patroni.crash_seconds() == 22
