"""Both boundaries are given and give back the same; what a machine lacks for a cloud is said in one sentence."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from anlan.cli.app import app
from anlan.errors import AnlanError, Problem
from anlan.platform.cloud import Cloud
from infra import program
from infra.cloud.boundary import CacheRule, wanted_of
from infra.cloud.description import boundary_document
from infra.cloud.own_edges import OwnEdges
from infra.cloud.prerequisites import CREDENTIALS, NOT_INSTALLED, installed_version, problems
from infra.topology import topology_of
from tests.unit.cloud.mocked import declared_by
from tests.unit.cloud.sample import CLOUD, EDGES, clouded, wanted
from tests.unit.samples import lab, onprem, platform_of, with_values

KEYS = ['present-key_0123456789']
ENVIRONMENT = dict.fromkeys(CREDENTIALS, 'given')


def test_what_is_wanted_comes_from_the_platform_file() -> None:
    platform = platform_of(
        with_values(
            lab(),
            {
                'delivery': {'signed_url_seconds': 600, 'clock_skew_seconds': 5, 'revalidate_seconds': 7200},
                'limits.expensive_paths': ['/find'],
            },
        )
    )
    found = wanted_of(platform, topology_of(platform))
    assert found.cache_rules == (
        CacheRule('/media/', 7200),
        CacheRule('/static/', 7200),
        CacheRule('/signed/', 605),
    )
    assert [(limit.name, limit.paths) for limit in found.limits] == [
        ('requests', ('/',)),
        ('expensive', ('/find', '/accounts/login/', '/accounts/signup/')),
    ]
    assert found.limits[0].rate == platform.limits.requests
    assert found.origins == ('198.18.1.11', '198.18.2.12')


def test_the_public_addresses_are_the_origins() -> None:
    assert wanted().origins == tuple(EDGES)


def test_our_own_edges_are_the_entrance_and_nothing_is_made() -> None:
    platform = platform_of(onprem())
    found = wanted_of(platform, topology_of(platform))
    resources, _, exports = declared_by(lambda: program.declare_boundary(found, platform.cloud, KEYS))
    assert resources == []
    assert exports['boundary']['alias'] is None
    assert exports['boundary']['addresses'] == ['10.1.1.11', '10.1.2.12']


def test_both_boundaries_say_of_the_same_dangers_who_protects() -> None:
    pytest.importorskip('pulumi_alicloud', reason='`make cloud` installs the SDK of the cloud provider')
    cloud = Cloud.model_validate(CLOUD)
    _, _, exports = declared_by(lambda: program.declare_boundary(wanted(), cloud, KEYS))
    assert exports['boundary']['alias'] == 'delivery.provider.example'
    own = OwnEdges(wanted()).entrance().protections
    assert list(exports['boundary']['protections']) == list(own)
    assert all(exports['boundary']['protections'].values())
    assert KEYS[0] not in repr(exports)


def test_without_the_sdk_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, 'infra.cloud.alibaba', raising=False)
    monkeypatch.setitem(sys.modules, 'pulumi_alicloud', None)
    with pytest.raises(AnlanError) as error:
        program.declare_boundary(wanted(), Cloud.model_validate(CLOUD), KEYS)
    assert str(error.value) == NOT_INSTALLED


def test_nothing_lacks_where_all_is_there(tmp_path: Path) -> None:
    (tmp_path / 'plugins' / 'resource-alicloud-v4.0.0').mkdir(parents=True)
    assert problems(tmp_path, ENVIRONMENT, '4.0.0') == []


@pytest.mark.parametrize('name', CREDENTIALS)
def test_missing_credentials_are_named_and_never_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / 'plugins' / 'resource-alicloud-v4.0.0').mkdir(parents=True)
    (problem,) = problems(tmp_path, ENVIRONMENT | {name: ''}, '4.0.0')
    assert problem.reason == f'the environment lacks {name}; credentials stand in no file of ours'
    assert 'given' not in problem.reason


def test_a_missing_sdk_and_a_plugin_of_another_version_are_said(tmp_path: Path) -> None:
    assert problems(tmp_path, ENVIRONMENT, None) == [Problem('cloud.provider', NOT_INSTALLED)]
    (tmp_path / 'plugins' / 'resource-alicloud-v3.9.0').mkdir(parents=True)
    (problem,) = problems(tmp_path, ENVIRONMENT, '4.0.0')
    assert problem.reason.endswith('pulumi plugin install resource alicloud v4.0.0` puts it there')


def test_the_installed_sdk_is_the_locked_one() -> None:
    pytest.importorskip('pulumi_alicloud', reason='`make cloud` installs the SDK of the cloud provider')
    locked = Path(__file__).parents[3] / 'requirements-cloud.in'
    assert f'pulumi-alicloud=={installed_version()}' in locked.read_text(encoding='utf-8').splitlines()


def test_a_platform_with_a_cloud_says_that_no_cloud_has_seen_it() -> None:
    runner = CliRunner()
    with tempfile.NamedTemporaryFile('w', suffix='.yaml', encoding='utf-8') as file:
        file.write(yaml.safe_dump(clouded()))
        file.flush()
        table = runner.invoke(app, ['platform', 'show', file.name])
        document = json.loads(runner.invoke(app, ['platform', 'show', file.name, '--format', 'json']).stdout)
    assert table.exit_code == 0
    assert 'alibaba (not run against the cloud)' in ' '.join(table.stdout.split())
    assert document['boundary']['provider'] == 'alibaba'
    assert document['boundary']['run_against_the_cloud'] is False
    assert document['boundary']['edges'] == EDGES


def test_a_platform_without_a_cloud_names_its_edges() -> None:
    platform = platform_of(onprem())
    document = boundary_document(platform, topology_of(platform))
    assert (document['provider'], document['run_against_the_cloud']) == ('none', None)
    assert document['edges'] == ['10.1.1.11', '10.1.2.12']
