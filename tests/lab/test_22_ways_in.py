"""Several ways in: both carriers' edges over IPv4 and IPv6, also when the active firewall loses its power."""

from __future__ import annotations

import time

import pytest

from monitoring.steady import settle
from tests.lab.connections import KEPT, NEW, handed_over, largest_segment, partitioned, watched
from tests.lab.standing import Standing

PARTITION_SECONDS = 3.0
STALL_SECONDS = 4.0
"""Promised for the pair: a zone that one of them does not see, and downloads while one loses its power."""


def addresses(standing: Standing) -> list[str]:
    edges = standing.work.topology.tier('edge')
    return [str(each) for edge in edges for each in (edge.address, *edge.ipv6_addresses.values())]


@pytest.mark.parametrize('client', ['client-1', 'client-2'])
def test_every_edge_serves_over_both_families(standing: Standing, client: str) -> None:
    front_door = standing.work.platform.front_door
    every = addresses(standing)
    assert [':' in each for each in every] == [False, True, False, True]
    for address in every:
        place = f'[{address}]' if ':' in address else address
        done = standing.run(
            client, 'curl', '--silent', '--show-error', '--max-time', '5', '--output', '/dev/null',
            '--write-out', '%{http_code} %{remote_ip}', '--resolve', f'{front_door.name}:443:{place}',
            f'https://{front_door.name}/courses/',
        )  # fmt: skip
        assert done.code == 0, f'{client} → {address}: {done.err}'
        assert done.out.split() == ['302', address] or done.out.split() == ['200', address], done.out


def test_ipv6_inside_is_nowhere(standing: Standing) -> None:
    for host in ('app-1', 'db-1', 'lb-1', 'ops-1'):
        assert not standing.run(host, 'ip', '-6', '-o', 'address', 'show', 'scope', 'global').out.strip()


def test_the_address_of_ipv6_moves_with_the_active_firewall(whole: Standing) -> None:
    far = str(whole.work.topology.host('edge-2').ipv6_addresses['uplink-b'])
    active = whole.holder('firewall-uplink-a')
    try:
        with watched(whole, 'client-1', NEW, far, seconds=8) as seen:
            whole.kill(active)
    finally:
        whole.start(active)
    assert seen.found['connections'] > 50
    assert seen.found['longest_seconds'] <= whole.work.platform.objectives.virtual_address_move_seconds, seen.found
    whole.wait_whole()


@pytest.mark.parametrize(('cut', 'client'), [('uplink-a', 'client-2'), ('uplink-b', 'client-1')])
def test_the_learners_of_one_carrier_do_not_feel_the_loss_of_the_other(whole: Standing, cut: str, client: str) -> None:
    with whole.learner(client) as learner:
        settle(2)
        with partitioned(whole, 'fw-1', cut), partitioned(whole, 'fw-2', cut):
            settle(6)
        settle(2)
    run = learner.run()
    assert not {kind: failed for kind in run.outcomes if (failed := run.failures(kind))}
    assert run.longest_gap_seconds('write') <= whole.work.platform.objectives.virtual_address_move_seconds
    assert not run.lost(learner.read_back())
    whole.wait_whole()


@pytest.mark.parametrize(('edge', 'client'), [('edge-1', 'client-1'), ('edge-2', 'client-2')])
def test_a_learner_whose_own_edge_dies_goes_on_at_the_other_carriers(whole: Standing, edge: str, client: str) -> None:
    with whole.learner(client) as learner:
        settle(2)
        whole.kill(edge)
        try:
            settle(8)
        finally:
            whole.start(edge)
        settle(2)
    run = learner.run()
    assert run.longest_gap_seconds('write') <= whole.work.platform.objectives.edge_loss_seconds
    assert not run.lost(learner.read_back())
    whole.wait_whole()


def test_a_zone_that_the_active_firewall_no_longer_sees_moves_to_the_other(whole: Standing) -> None:
    far = str(whole.work.topology.host('edge-2').address)
    active = whole.holder('firewall-uplink-b')
    with watched(whole, 'client-1', NEW, far, seconds=10) as seen, partitioned(whole, active, 'uplink-b'):
        time.sleep(6)
        assert whole.holder('firewall-uplink-b') != active
    assert 0.2 < seen.found['longest_seconds'] <= PARTITION_SECONDS, seen.found
    whole.wait_whole()


def test_a_planned_change_of_the_firewall_costs_no_connection_and_no_download(whole: Standing) -> None:
    edge = whole.work.topology.host('edge-2')
    active = whole.holder('firewall-uplink-a')
    name, segment = whole.work.platform.front_door.name, largest_segment(whole)
    with (
        watched(whole, 'client-1', NEW, str(edge.address), seconds=8) as new,
        watched(whole, 'client-1', KEPT, name, str(edge.address), segment, '10', seconds=8) as kept,
        handed_over(whole, active),
    ):
        time.sleep(3)
    assert new.found['failed'] == 0, new.found
    assert new.found['connections'] > 100
    assert kept.found['lost'] == [], kept.found
    whole.wait_whole()


def test_every_download_outlives_the_active_firewall(whole: Standing) -> None:
    edge = whole.work.topology.host('edge-2')
    active = whole.holder('firewall-uplink-a')
    name, segment = whole.work.platform.front_door.name, largest_segment(whole)
    try:
        with watched(whole, 'client-1', KEPT, name, str(edge.address), segment, '20', seconds=12) as kept:
            whole.kill(active)
    finally:
        whole.start(active)
    assert kept.found['lost'] == [], kept.found
    assert 0 < kept.found['longest_seconds'] <= STALL_SECONDS, kept.found
    whole.wait_whole()
