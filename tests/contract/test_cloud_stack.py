"""The cloud before the edges through Pulumi's real engine, with a stand-in for the provider's plugin: not the cloud."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anlan.paths import ROOT
from anlan.platform import Platform
from infra import program
from infra.cloud.boundary import wanted_of
from infra.cloud.prerequisites import CREDENTIALS, problems
from infra.inventory import Inventory
from infra.stack import PlatformStack, StackPlace
from infra.targets.changes import Plan
from infra.targets.clouded import Clouded
from infra.topology import topology_of
from tests.contract.cloud_stand_in import STATE, kept
from tests.unit.cloud.sample import clouded
from tests.unit.cloud.test_clouded import Hosts
from tests.unit.samples import onprem, platform_of

pytest.importorskip('pulumi_alicloud', reason='`make cloud` installs the SDK of the cloud provider')

KEY = 'a-signing-key_0123456789'
INSTANCE = 'ddoscoo-cn-7e225i41q001'
RECORD = 'AlidnsRecord/sample-record'


@dataclass
class Cloud:
    """What stands at the stand-in, and how a platform is brought there."""

    place: StackPlace
    file: Path

    def stands(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text(encoding='utf-8') or '{}')
        return found

    def stack(self, platform: Platform) -> PlatformStack:
        wanted = wanted_of(platform, topology_of(platform))
        return PlatformStack(self.place, lambda: program.declare_boundary(wanted, platform.cloud, [KEY]))

    def target(self, document: dict[str, Any]) -> Clouded:
        home = self.place.directory / 'home'
        environment = dict.fromkeys(CREDENTIALS, 'none is asked for')
        return Clouded(Hosts([]), self.stack(platform_of(document)), lambda: problems(home, environment, '4.0.0'))


@pytest.fixture(scope='module')
def cloud(tmp_path_factory: pytest.TempPathFactory, pulumi_root: Path) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp('cloud')
    file = directory / 'stands.json'
    file.touch()
    plugin = directory / 'pulumi' / 'home' / 'plugins' / 'resource-alicloud-v4.0.0' / 'pulumi-resource-alicloud'
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        f'#!/bin/sh\n{STATE}={file} PYTHONPATH={ROOT} exec {sys.executable} -m tests.contract.cloud_stand_in "$@"\n'
    )
    plugin.chmod(0o755)
    yield Cloud(StackPlace('sample', directory / 'pulumi', pulumi_root), file)


def ready(**changes: Any) -> dict[str, Any]:
    return clouded(anti_ddos_instances=[INSTANCE], **changes)


@pytest.fixture(scope='module')
def standing(cloud: Cloud) -> Cloud:
    said: list[tuple[str, str]] = []
    target = cloud.target(ready())
    assert 'create alidnsrecord sample-record' in {str(change) for change in target.plan().changes}
    assert cloud.stands() == {}, 'a plan made something'
    assert target.up(lambda resource, state: said.append((resource, state))) == Inventory('sample', {})
    assert ('alidnsrecord sample-record', 'created') in said
    assert said[-1] == ('entrance delivery.provider.example', 'stands')
    return cloud


def test_all_of_it_stands_and_the_record_leads_to_it(standing: Cloud) -> None:
    kinds = {identifier.split('/')[0] for identifier in standing.stands()}
    assert kinds == {
        'Domain', 'DomainConfig', 'WafDomain', 'WafPolicy', 'WafPolicyDomainAttachment', 'WafRule', 'DomainResource',
        'AlidnsRecord',
    }  # fmt: skip
    assert standing.stands()[RECORD]['value'] == 'delivery.provider.example'


def test_done_twice_nothing_changes(standing: Cloud) -> None:
    before = standing.stands()
    target = standing.target(ready())
    assert target.plan() == Plan()
    states: set[str] = set()
    target.up(lambda resource, state: states.add(state))
    assert states <= {'reading', 'read', 'unchanged', 'stands'}
    assert standing.stands() == before
    assert [drift.resource for drift in target.drift()] == ['host app-1'], 'only the host that the stub names'


def test_the_signing_key_reaches_the_provider_and_stands_in_no_file_of_ours(standing: Cloud) -> None:
    script = standing.stands()['DomainConfig/sample-signed-addresses']
    assert KEY in json.dumps(script)
    files = [file for file in standing.place.directory.rglob('*') if file.is_file()]
    assert any(file == standing.place.checkpoint for file in files)
    assert [str(file) for file in files if KEY.encode() in file.read_bytes()] == []


def test_what_was_changed_by_hand_is_drift_and_up_puts_it_back(standing: Cloud) -> None:
    with kept(standing.file) as state:
        state[RECORD]['ttl'] = 600
    target = standing.target(ready())
    assert 'alidnsrecord sample-record: changed: ttl: 60 → 600' in [str(drift) for drift in target.drift()]
    target.up()
    assert standing.stands()[RECORD]['ttl'] == 60


def test_under_attack_one_record_changes_and_changes_back(standing: Cloud) -> None:
    attacked = standing.target(ready(under_attack=True))
    assert [str(change) for change in attacked.plan().changes] == [
        'update alidnsrecord sample-record (value: delivery.provider.example → shield.provider.example)'
    ]
    attacked.up()
    assert standing.stands()[RECORD]['value'] == 'shield.provider.example'
    standing.target(ready()).up()
    assert standing.stands()[RECORD]['value'] == 'delivery.provider.example'


def test_taken_out_of_the_file_it_is_removed_and_the_stack_knows(standing: Cloud) -> None:
    assert standing.stack(platform_of(onprem())).holds('alicloud')
    standing.target(onprem()).up()
    assert standing.stands() == {}
    assert not standing.stack(platform_of(onprem())).holds('alicloud')
