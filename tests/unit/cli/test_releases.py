"""Which release a platform is to have, and what the commands of a release say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anlan.cli.releases import Standing, note_deployed, note_rolled_back, read_standing, wanted_release
from anlan.paths import PlatformPaths
from tests.unit.cli.conftest import Anlan
from tests.unit.samples import lab, platform_of, stand


@pytest.fixture
def paths(tmp_path: Path) -> PlatformPaths:
    found = PlatformPaths(tmp_path / 'sample')
    found.make()
    return found


def release(folder: Path, identity: str) -> dict[str, str]:
    """Return a release whose archive is there."""
    archive = folder / f'{identity}.tar'
    archive.touch()
    return {'id': identity, 'archive': str(archive), 'sha256': 'x'}


def test_a_platform_without_a_release_is_to_have_the_present_one(paths: PlatformPaths, tmp_path: Path) -> None:
    assert read_standing(paths) == Standing()
    assert wanted_release(paths, release(tmp_path, 'one'))['id'] == 'one'


def test_a_new_source_is_taken_up(paths: PlatformPaths, tmp_path: Path) -> None:
    note_deployed(paths, release(tmp_path, 'one'))
    assert wanted_release(paths, release(tmp_path, 'two'))['id'] == 'two'


def test_a_release_that_was_rolled_back_is_not_taken_up_again(paths: PlatformPaths, tmp_path: Path) -> None:
    one, two = release(tmp_path, 'one'), release(tmp_path, 'two')
    note_deployed(paths, two)
    note_rolled_back(paths, 'two', one)
    assert wanted_release(paths, two) == one
    assert read_standing(paths) == Standing(one, ('two',))


def test_the_source_after_a_rollback_is_taken_up(paths: PlatformPaths, tmp_path: Path) -> None:
    one, two, three = (release(tmp_path, name) for name in ('one', 'two', 'three'))
    note_deployed(paths, two)
    note_rolled_back(paths, 'two', one)
    assert wanted_release(paths, three) == three


def test_a_release_that_is_deployed_again_is_left_no_more(paths: PlatformPaths, tmp_path: Path) -> None:
    one, two = release(tmp_path, 'one'), release(tmp_path, 'two')
    note_deployed(paths, two)
    note_rolled_back(paths, 'two', one)
    note_deployed(paths, two)
    assert read_standing(paths) == Standing(two, ())
    assert wanted_release(paths, two) == two


def test_all_releases_that_were_left_are_remembered_once(paths: PlatformPaths, tmp_path: Path) -> None:
    one, two, three = (release(tmp_path, name) for name in ('one', 'two', 'three'))
    note_rolled_back(paths, 'three', two)
    note_rolled_back(paths, 'two', one)
    note_rolled_back(paths, 'three', one)
    assert read_standing(paths).left == ('three', 'two')
    assert wanted_release(paths, two) == wanted_release(paths, three) == one


def test_another_release_that_is_deployed_leaves_what_was_left(paths: PlatformPaths, tmp_path: Path) -> None:
    one, three = release(tmp_path, 'one'), release(tmp_path, 'three')
    note_rolled_back(paths, 'two', one)
    note_deployed(paths, three)
    assert read_standing(paths) == Standing(three, ('two',))


def test_a_release_whose_archive_is_gone_is_not_kept(paths: PlatformPaths, tmp_path: Path) -> None:
    one, two = release(tmp_path, 'one'), release(tmp_path, 'two')
    note_rolled_back(paths, 'two', one)
    Path(one['archive']).unlink()
    assert wanted_release(paths, two) == two


@pytest.mark.parametrize('text', ['', '[]', 'null', '{"current": null}', '{"left": [], '])
def test_a_damaged_note_is_no_note(paths: PlatformPaths, tmp_path: Path, text: str) -> None:
    (paths.directory / 'release.json').write_text(text)
    assert read_standing(paths) == Standing()
    assert wanted_release(paths, release(tmp_path, 'one'))['id'] == 'one'


@pytest.fixture
def hosts(anlan: Anlan, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Give what the app hosts say of their releases; nobody is asked."""
    answer = {'current': 'two', 'previous': 'one', 'drained_by': None, 'reasons': ['release three is not there']}
    found: dict[str, dict[str, Any]] = {'app-1': dict(answer), 'app-2': dict(answer)}
    stand(platform_of(lab()))
    monkeypatch.setattr('anlan.cli.release._hosts', lambda work, wanted: found)
    monkeypatch.setattr('anlan.cli.release.release_id', lambda: 'three')

    def never(*arguments: object, **options: object) -> None:
        pytest.fail('something was changed')

    monkeypatch.setattr('anlan.cli.release.run_playbook', never)
    monkeypatch.setattr('anlan.cli.release.pack', never)
    return found


Hosts = dict[str, dict[str, Any]]


def test_what_every_host_runs_is_shown(anlan: Anlan, sample: Path, hosts: Hosts) -> None:
    ended = anlan('release', 'show', '-p', sample)
    assert ended.code == 0
    for word in ('app-1', 'app-2', 'one', 'two', 'three'):
        assert word in ended.out.split()
    assert json.loads(anlan('release', 'show', '-p', sample, '--json').out) == {'source': 'three', 'hosts': hosts}


def test_a_dry_build_names_the_release(anlan: Anlan, hosts: Hosts) -> None:
    assert anlan('release', 'build', '--dry-run').out == 'would pack release three\n'
    assert json.loads(anlan('release', 'build', '--dry-run', '--json').out) == {'id': 'three'}


def test_a_dry_deploy_names_what_each_host_would_do(anlan: Anlan, sample: Path, hosts: Hosts) -> None:
    hosts['app-2']['reasons'] = []
    ended = anlan('release', 'deploy', '-p', sample, '--dry-run')
    assert ended.code == 0
    assert ended.out.splitlines() == ['app-1: release three is not there', 'app-2: nothing to do']


def test_a_dry_deploy_as_json_is_json(anlan: Anlan, sample: Path, hosts: Hosts) -> None:
    assert json.loads(anlan('release', 'deploy', '-p', sample, '--dry-run', '--json').out)


def test_a_dry_rollback_names_where_it_would_go(anlan: Anlan, sample: Path, hosts: Hosts) -> None:
    ended = anlan('release', 'rollback', '-p', sample, '--dry-run')
    assert ended.code == 0
    assert ended.out == 'would go from two back to one\n'


def test_a_dry_rollback_as_json_is_json(anlan: Anlan, sample: Path, hosts: Hosts) -> None:
    assert json.loads(anlan('release', 'rollback', '-p', sample, '--dry-run', '--json').out)


@pytest.mark.parametrize(
    ('current', 'previous', 'options', 'sentence'),
    [
        ('two', None, [], 'there is no release before two on every app host; nothing was changed'),
        (None, None, [], 'no app host runs a release; there is nothing to go back from'),
        ('two', 'one', ['--from', 'nine'], 'no app host runs release nine; nothing was changed'),
    ],
)
def test_a_rollback_that_leads_nowhere_is_refused(
    anlan: Anlan,
    sample: Path,
    hosts: Hosts,
    current: str | None,
    previous: str | None,
    options: list[str],
    sentence: str,
) -> None:
    for host in hosts.values():
        host.update(current=current, previous=previous)
    ended = anlan('release', 'rollback', '-p', sample, *options)
    assert ended.code == 1
    assert sentence in ended.said
    assert 'Traceback' not in ended.err


def test_a_rollback_leaves_what_was_deployed_last_not_what_a_host_happens_to_run(
    anlan: Anlan, sample: Path, hosts: Hosts
) -> None:
    paths = PlatformPaths.of('sample')
    note_deployed(paths, {'id': 'two', 'archive': '', 'sha256': ''})
    hosts['app-1'].update(current='one', previous='zero')
    assert anlan('release', 'rollback', '-p', sample, '--dry-run').out == 'would go from two back to one\n'
