"""What passes between the zones, from the hosts themselves; each kind of fault is planted on a firewall and found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.standing import Standing

FIREWALLS = ('fw-1', 'fw-2')


def reach(standing: Standing, code: int) -> dict[str, Any]:
    done = standing.anlan('reach', '--json')
    assert done.returncode == code, done.stdout[-2000:] + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def nft(standing: Standing, command: str) -> None:
    for firewall in FIREWALLS:
        done = standing.run(firewall, 'sudo', 'nft', command)
        assert done.code == 0, done.err


@pytest.fixture
def planted(standing: Standing) -> Iterator[Standing]:
    """The platform; whatever a test does to the rules of the firewalls is undone."""
    yield standing
    for firewall in FIREWALLS:
        done = standing.run(firewall, 'sudo', 'systemctl', 'reload', 'anlan-firewall.service')
        assert done.code == 0, done.err


def test_only_what_is_declared_passes_and_every_declared_flow_does(standing: Standing) -> None:
    found = reach(standing, 0)
    assert found['findings'] == []
    assert found['tried'] > 2000
    declared = {flow.name for flow in standing.work.topology.flows}
    assert {name for row in found['zones'].values() for names in row.values() for name in names} == declared
    # Counted before the attempts: what a platform that has just been verified has used already.
    assert 'balancer-to-app' not in found['never_used']


def test_a_hole_in_both_firewalls_is_found_with_its_rule(planted: Standing) -> None:
    database = planted.work.topology.host('db-1').address
    nft(
        planted, f'insert rule inet anlan forward ip daddr {database} tcp dport 9 counter accept comment "planted hole"'
    )
    kinds = {(finding['kind'], finding['what']) for finding in reach(planted, 1)['findings']}
    assert ('passes', f'client-1 → db-1 ({database}) tcp/9') in kinds
    assert ('rule without a flow', 'fw-1: planted hole') in kinds
    assert ('rule without a flow', 'fw-2: planted hole') in kinds


def test_a_declared_flow_that_is_shut_is_found(planted: Standing) -> None:
    database = planted.work.topology.host('db-2').address
    nft(
        planted,
        f'insert rule inet anlan forward ip daddr {database} tcp dport 6379 ct state new drop comment "planted"',
    )
    findings = reach(planted, 1)['findings']
    assert {finding['kind'] for finding in findings} == {'does not pass'}
    assert {finding['what'] for finding in findings} == {
        f'{app} → db-2 ({database}) tcp/6379' for app in ('app-1', 'app-2')
    }
