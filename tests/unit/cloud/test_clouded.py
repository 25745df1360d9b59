"""A target with a cloud before it: hosts first, nothing without what the provider needs, and no host is removed."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError, BadInput, Problem
from anlan.paths import PlatformPaths
from infra.engine_events import resource_name
from infra.inventory import Inventory
from infra.stack import PlatformStack, StackPlace
from infra.targets.base import HostState
from infra.targets.changes import Change, Drift, Plan, Report, silent
from infra.targets.choose import target_of, uses_pulumi
from infra.targets.clouded import Clouded
from infra.targets.onprem import Onprem
from infra.topology import topology_of
from tests.unit.cloud.sample import clouded
from tests.unit.samples import lab, onprem, platform_of

INVENTORY = Inventory('sample', {})
DOMAIN = Change('domain sample-domain', 'create')
LACKS = [Problem('cloud.provider', 'the environment lacks ALICLOUD_REGION')]


class Hosts:
    """Hosts that stand, or that will not do."""

    def __init__(self, calls: list[str], wrong: str = '') -> None:
        self.calls = calls
        self.wrong = wrong

    def preflight(self) -> list[Problem]:
        return [Problem('target.hosts.app-1', self.wrong)] if self.wrong else []

    def plan(self) -> Plan:
        return Plan()

    def outdated(self) -> list[str]:
        return []

    def up(self, report: Report = silent, only: Collection[str] = ()) -> Inventory:
        self.calls.append('hosts')
        if self.wrong:
            raise AnlanError(self.wrong)
        return INVENTORY

    def down(self, report: Report = silent) -> None:
        raise AnlanError('the hosts exist without Anlan')

    def drift(self) -> list[Drift]:
        return [Drift('host app-1', 'unreachable', 'no answer')]

    def clear(self, report: Report = silent) -> None:
        self.calls.append('hosts cleared')

    def recover(self, report: Report = silent) -> Inventory:
        return self.up(report)

    def hosts(self) -> dict[str, HostState]:
        return {'app-1': 'running'}


class Stack:
    """What stands at the provider."""

    def __init__(self, calls: list[str], known: bool = True) -> None:
        self.calls = calls
        self.known = known

    def up(self, report: Report = silent) -> dict[str, Any]:
        self.calls.append('cloud')
        return {'boundary': {'alias': 'delivery.provider.example', 'addresses': []}}

    def plan(self) -> Plan:
        return Plan((DOMAIN,))

    def is_known(self) -> bool:
        return self.known

    def drift(self) -> list[Drift]:
        return [Drift('alidnsrecord sample-record', 'changed', 'ttl: 60 → 600')]

    def clear_leftovers(self, report: Report = silent, force: bool = False) -> None:
        self.calls.append(f'cloud cleared, force {force}')


def made(wrong: str = '', lacks: Collection[Problem] = (), known: bool = True) -> tuple[Clouded, list[str]]:
    calls: list[str] = []
    return Clouded(Hosts(calls, wrong), Stack(calls, known), lambda: list(lacks)), calls  # type: ignore[arg-type]


def test_the_hosts_are_checked_before_learners_are_led_to_them() -> None:
    target, calls = made()
    said: list[tuple[str, str]] = []
    assert target.up(lambda resource, state: said.append((resource, state))) is INVENTORY
    assert calls == ['hosts', 'cloud']
    assert said == [('entrance delivery.provider.example', 'stands')]


def test_nothing_is_asked_of_the_provider_while_the_hosts_will_not_do() -> None:
    target, calls = made(wrong='app-1 has no memory')
    with pytest.raises(AnlanError, match='app-1 has no memory'):
        target.up()
    assert calls == ['hosts']


def test_single_hosts_are_no_matter_of_the_provider() -> None:
    target, calls = made()
    target.up(only=['app-1'])
    assert calls == ['hosts']


@pytest.mark.parametrize('action', ['up', 'plan', 'drift', 'recover'])
def test_without_credentials_nothing_begins(action: str) -> None:
    target, calls = made(lacks=LACKS)
    with pytest.raises(BadInput, match='the environment lacks ALICLOUD_REGION'):
        getattr(target, action)()
    assert 'hosts' not in calls and 'cloud' not in calls


def test_preflight_names_what_lacks_of_both() -> None:
    target, _ = made(wrong='no memory', lacks=LACKS)
    assert target.preflight() == [*LACKS, Problem('target.hosts.app-1', 'no memory')]


def test_plan_and_drift_name_both() -> None:
    target, _ = made()
    assert target.plan() == Plan((DOMAIN,))
    assert [drift.resource for drift in target.drift()] == ['host app-1', 'alidnsrecord sample-record']
    assert [drift.resource for drift in made(known=False)[0].drift()] == ['host app-1']


def test_down_refuses_and_says_how_the_providers_part_goes() -> None:
    target, calls = made()
    with pytest.raises(AnlanError, match=r'the hosts exist without Anlan\. .*cloud\.provider: none'):
        target.down()
    assert calls == []


def test_recover_clears_the_state_first() -> None:
    target, calls = made()
    target.recover()
    assert calls == ['hosts cleared', 'cloud cleared, force True', 'hosts', 'cloud']


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlatformPaths:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path))
    found = PlatformPaths.of('sample')
    found.make()
    return found


def chosen(document: dict[str, Any], paths: PlatformPaths) -> Any:
    platform = platform_of(document)
    return target_of(platform, topology_of(platform), paths, pulumi_root=Path('/nowhere'), images={}, ssh_public_key='')


def stands(paths: PlatformPaths, kind: str) -> None:
    place = StackPlace('sample', paths.pulumi, Path())
    place.work.mkdir(parents=True)
    place.checkpoint.parent.mkdir(parents=True)
    place.checkpoint.write_text(json.dumps({'checkpoint': {'latest': {'resources': [{'type': kind}]}}}))


def test_a_platform_without_a_cloud_has_its_hosts_alone(paths: PlatformPaths) -> None:
    assert isinstance(chosen(onprem(), paths), Onprem)
    assert not uses_pulumi(platform_of(onprem()), paths)
    assert uses_pulumi(platform_of(lab()), paths)


def test_a_platform_with_a_cloud_has_both(paths: PlatformPaths) -> None:
    assert isinstance(chosen(clouded(), paths), Clouded)
    assert uses_pulumi(platform_of(clouded()), paths)


def test_a_cloud_that_was_taken_out_of_the_file_is_still_to_be_removed(paths: PlatformPaths) -> None:
    stands(paths, 'alicloud:dcdn/domain:Domain')
    assert isinstance(chosen(onprem(), paths), Clouded)
    assert uses_pulumi(platform_of(onprem()), paths)


def test_once_it_is_removed_only_the_hosts_are_left(paths: PlatformPaths) -> None:
    stands(paths, 'pulumi:pulumi:Stack')
    assert isinstance(chosen(onprem(), paths), Onprem)


def test_a_stack_knows_whose_resources_it_holds(paths: PlatformPaths) -> None:
    stands(paths, 'alicloud:dns/alidnsRecord:AlidnsRecord')
    stack = PlatformStack(StackPlace('sample', paths.pulumi, Path()), lambda: None)
    assert stack.holds('alicloud')
    assert not stack.holds('lab')


def test_what_stands_at_the_provider_is_named_for_people_and_the_component_is_not() -> None:
    inside = 'urn:pulumi:sample::anlan::anlan:cloud:AlibabaBoundary'
    assert resource_name(f'{inside}$alicloud:dns/alidnsRecord:AlidnsRecord::sample-record') == (
        'alidnsrecord sample-record'
    )
    assert resource_name(f'{inside}::sample') is None
