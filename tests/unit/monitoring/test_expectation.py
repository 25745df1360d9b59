"""Expectations: every tier has what must run on it, and it is what the roles start."""

from __future__ import annotations

import pytest

from anlan.paths import ROOT
from anlan.platform.tiers import COUNTS
from monitoring.expectation import EVERYWHERE, METRICS, SERVICES, services_of

ROLES = ROOT / 'playbooks' / 'roles'


def test_every_tier_is_there_and_no_other() -> None:
    assert set(SERVICES) == set(COUNTS['full'])


@pytest.mark.parametrize('tier', COUNTS['full'])
def test_ssh_and_the_clock_run_everywhere(tier: str) -> None:
    assert services_of(tier)[: len(EVERYWHERE)] == ['ssh.service', 'chrony.service']


@pytest.mark.parametrize('tier', COUNTS['full'])
def test_a_service_is_named_once_and_as_a_unit(tier: str) -> None:
    services = services_of(tier)
    assert len(services) == len(set(services))
    assert all(service.endswith('.service') for service in services)


def test_what_makes_a_tier_is_expected_of_it() -> None:
    assert {'etcd.service', 'patroni.service', 'valkey-server.service', 'valkey-sentinel.service'} <= set(
        services_of('data')
    )
    assert 'anlan-firewall.service' in services_of('firewall')
    assert 'haproxy.service' in services_of('balancer')
    assert 'anlan-application.service' in services_of('app')
    assert 'patroni.service' not in services_of('app')


@pytest.mark.parametrize('tier', COUNTS['full'])
def test_every_host_but_a_learners_device_sends_its_records_to_every_monitoring_host(tier: str) -> None:
    services = services_of(tier, {'mon-1': 'monitoring', 'mon-2': 'monitoring', 'db-1': 'data'})
    senders = [service for service in services if service.startswith('anlan-event-upload@')]
    assert senders == (
        [] if tier == 'client' else ['anlan-event-upload@mon-1.service', 'anlan-event-upload@mon-2.service']
    )
    assert ('anlan-event-watch.service' in services) == (tier != 'client')
    assert ('events' in METRICS.get(tier, ())) == (tier != 'client')


def units_of_ours(services: list[str]) -> set[str]:
    return {service for service in services if service.startswith('anlan-')}


@pytest.mark.parametrize('tier', COUNTS['full'])
def test_a_unit_of_ours_that_is_expected_is_one_that_a_role_writes(tier: str) -> None:
    written = {file.name.removesuffix('.j2') for file in ROLES.glob('*/*/**/*.service*')}
    # One template of two sensors.
    assert 'anlan-intrusion.service' in written
    assert units_of_ours(services_of(tier)) <= written | {'anlan-intrusion-refused.service'}
    tiers = {'fw-1': 'firewall', 'fw-2': 'firewall', 'mon-1': 'monitoring', 'mon-2': 'monitoring'}
    assert {'anlan-zone-sight.service', 'anlan-event-upload@mon-2.service'} <= set(services_of('firewall', tiers))
    assert 'anlan-zone-sight.service' not in services_of('firewall', {'fw-1': 'firewall'})
    assert not units_of_ours(['anlan-moon.service']) <= written
