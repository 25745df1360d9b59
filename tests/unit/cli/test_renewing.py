"""Hosts made anew one after another: which together, and when not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anlan.cli.renewing import AT_ONCE, IN_TURN, losses_of, require_whole, unshared, waves_of
from anlan.errors import AnlanError
from infra.targets.changes import Change
from monitoring.status import Status
from tests.unit.samples import lab, topology_from

TOPOLOGY = topology_from(lab())
EVERY = [host.name for host in TOPOLOGY.hosts]
WHOLE = Status('sample', 'ok', 'https://x/', '', [], [], [], {}, {}, [], [])


def test_of_each_tier_at_most_one_host_a_wave_and_every_host_in_one() -> None:
    waves = waves_of(TOPOLOGY, EVERY)
    assert sorted(name for wave in waves for name in wave) == sorted(EVERY)
    assert [name for wave in waves for name in wave if name.startswith('db-')] == ['db-1', 'db-2', 'db-3']
    for wave in waves:
        tiers = [TOPOLOGY.host(name).tier for name in wave]
        assert len(set(tiers)) == len(tiers)


def test_only_what_is_outdated_and_without_gaps() -> None:
    assert waves_of(TOPOLOGY, ['db-3', 'db-2', 'app-2']) == [['app-2', 'db-2'], ['db-3']]
    assert waves_of(TOPOLOGY, []) == []


def test_a_tier_of_one_host_keeps_nothing() -> None:
    assert unshared(TOPOLOGY, EVERY) == ['ops-1', 'vault-1']
    assert unshared(topology_from(lab('mini')), ['db-1', 'app-1']) == ['app-1']


@pytest.mark.parametrize(
    'status',
    [
        replace(WHOLE, state='degraded', lost_redundancy=['the database: 1 of 2 replicas stream']),
        replace(WHOLE, state='down', reasons=['no client can learn']),
    ],
    ids=['degraded', 'down'],
)
def test_no_host_goes_while_another_may_hold_the_only_copy(status: Status) -> None:
    with pytest.raises(AnlanError) as refused:
        require_whole(status, 'making db-2 anew')
    said = str(refused.value)
    assert 'stopped before making db-2 anew' in said
    assert (status.lost_redundancy + status.reasons)[0] in said
    require_whole(WHOLE, 'making db-2 anew')


def test_what_takes_no_host_that_stands_is_no_loss() -> None:
    changes = [Change('network app', 'replace'), Change('host db-1', 'create'), Change('host db-2', 'update')]
    assert losses_of(TOPOLOGY, changes, at_once=False)[0] == []


def test_what_becomes_of_hosts_and_what_they_hold() -> None:
    data = [Change('host db-1', 'replace'), Change('host db-2', 'replace')]
    assert losses_of(TOPOLOGY, data, at_once=False) == (data, IN_TURN)
    assert losses_of(TOPOLOGY, data, at_once=True) == (data, AT_ONCE)
    assert losses_of(TOPOLOGY, [*data, Change('host ops-1', 'replace')], at_once=False)[1] == AT_ONCE
    assert losses_of(TOPOLOGY, [*data, Change('host db-3', 'delete')], at_once=False)[1] == AT_ONCE


def test_a_network_that_is_made_anew_takes_its_hosts_at_once() -> None:
    edges = [Change('host edge-1', 'replace'), Change('host edge-2', 'replace')]
    assert losses_of(TOPOLOGY, edges, at_once=False)[1] == IN_TURN
    assert losses_of(TOPOLOGY, [Change('network uplink-a', 'replace'), *edges], at_once=False)[1] == AT_ONCE
    assert losses_of(TOPOLOGY, [Change('network uplink-a', 'unchanged'), *edges], at_once=False)[1] == IN_TURN
