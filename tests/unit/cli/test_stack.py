"""`up`, `down`, `plan` and `drift` over a target that only notes what it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from anlan.cli.bring_up import ask_about_losses
from anlan.cli.work import Work
from anlan.errors import AnlanError, BadInput
from anlan.lock import hold
from anlan.paths import PlatformPaths
from infra.targets.changes import Change, Drift, Plan, Report, silent
from tests.unit.cli.conftest import Anlan


class FakeTarget:
    """A target whose hosts all run; `done` is what it was asked to change."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.states = {'fw-1': 'running', 'app-1': 'stopped', 'db-1': 'missing'}
        self.changes: tuple[Change, ...] = (Change('host app-1', 'create'), Change('host db-1', 'update', ('memory',)))
        self.drifts: list[Drift] = []

    def plan(self) -> Plan:
        return Plan(self.changes)

    def drift(self) -> list[Drift]:
        return self.drifts

    def hosts(self) -> dict[str, str]:
        return self.states

    def down(self, report: Report = silent) -> None:
        self.done.append('down')
        for name in ('host fw-1', 'host app-1', 'network app'):
            report(name, 'deleting')
            report(name, 'deleted')


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> FakeTarget:
    target = FakeTarget()

    def of(work: Work) -> FakeTarget:
        work.paths.make()
        return target

    monkeypatch.setattr(Work, 'target', of)
    return target


@pytest.fixture
def paths(anlan: Anlan) -> PlatformPaths:
    """Give the paths of `sample` with something in each."""
    paths = PlatformPaths.of('sample')
    paths.make()
    for folder in (paths.ssh, paths.certificates, paths.pulumi, paths.logs):
        folder.mkdir()
        (folder / 'file').touch()
    for file in (paths.outputs, paths.secrets, paths.unfinished, paths.directory / 'release.json'):
        file.write_text('{}')
    return paths


def test_down_with_another_name_typed_removes_nothing(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths
) -> None:
    ended = anlan('down', '-p', sample, stdin='lab\n')
    assert ended.code == 2
    assert "'lab' is not sample; nothing was removed" in ended.said
    assert target.done == []
    assert paths.secrets.exists()


@pytest.mark.parametrize('typed', ['', '\n\n', 'y\n', 'SAMPLE\n', 'sample2\n'])
def test_down_takes_nothing_but_the_name_for_a_yes(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, typed: str
) -> None:
    ended = anlan('down', '-p', sample, stdin=typed)
    assert ended.code != 0
    assert target.done == []
    assert paths.secrets.exists()


@pytest.mark.parametrize(('arguments', 'typed'), [([], 'sample\n'), (['--yes'], '')], ids=['typed', 'yes'])
def test_down_removes_all_but_the_logs(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, arguments: list[str], typed: str
) -> None:
    ended = anlan('down', '-p', sample, *arguments, stdin=typed)
    assert ended.code == 0
    assert target.done == ['down']
    assert '3 removed' in ended.said
    assert {path.name for path in paths.directory.iterdir()} <= {'logs', 'lock'}
    assert (paths.logs / 'file').exists()


def test_down_that_fails_keeps_the_keys_of_what_still_stands(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(report: Report = silent) -> None:
        raise AnlanError('Docker does not answer')

    monkeypatch.setattr(target, 'down', fail)
    ended = anlan('down', '-p', sample, '--yes')
    assert ended.code == 1
    assert 'Docker does not answer' in ended.said
    assert paths.secrets.exists()
    assert paths.ssh.exists()


def test_a_dry_down_names_what_stands_and_removes_nothing(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths
) -> None:
    ended = anlan('down', '-p', sample, '--dry-run')
    assert ended.code == 0
    assert ended.out.splitlines() == ['host fw-1 would be removed (running)', 'host app-1 would be removed (stopped)']
    assert target.done == []
    assert paths.secrets.exists()


@pytest.mark.parametrize('arguments', [['plan'], ['drift'], ['down', '--yes'], ['up', '--dry-run']], ids=' '.join)
def test_a_platform_that_another_command_holds_is_busy(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, arguments: list[str]
) -> None:
    with hold(paths.lock, 'anlan up'):
        ended = anlan(*arguments, '-p', sample)
    assert ended.code == 3
    assert 'sample is held by `anlan up`' in ended.said
    assert target.done == []


@pytest.mark.parametrize('arguments', [['plan'], ['up', '--dry-run']], ids=' '.join)
def test_a_plan_names_every_change_and_makes_none(
    anlan: Anlan, sample: Path, target: FakeTarget, arguments: list[str]
) -> None:
    ended = anlan(*arguments, '-p', sample)
    assert ended.code == 0
    assert 'Infrastructure: 2 to change' in ended.out
    assert 'create host app-1' in ended.out
    assert target.done == []
    document = json.loads(anlan(*arguments, '-p', sample, '--json').out)
    assert document['infrastructure'] == ['create host app-1', 'update host db-1 (memory)']
    assert document['configuration_not_asked'] == 'hosts change first'


def test_a_plan_says_why_hosts_were_not_asked(anlan: Anlan, sample: Path, target: FakeTarget) -> None:
    target.changes = ()
    document = json.loads(anlan('plan', '-p', sample, '--json').out)
    assert document['infrastructure'] == []
    assert document['configuration_not_asked'].startswith('app-1, db-1 do not run')


@pytest.mark.parametrize(
    ('words', 'said'),
    [([], 'db-1, db-2 are made anew, one after another'), (['--at-once'], 'db-1, db-2 and their data would be lost')],
    ids=['in turn', 'at once'],
)
@pytest.mark.parametrize('command', [['plan'], ['up', '--dry-run']], ids=' '.join)
def test_a_plan_says_what_becomes_of_the_hosts_that_it_makes_anew(
    anlan: Anlan,
    sample: Path,
    target: FakeTarget,
    paths: PlatformPaths,
    words: list[str],
    said: str,
    command: list[str],
) -> None:
    target.changes = (Change('host db-1', 'replace'), Change('host db-2', 'replace'))
    ended = anlan(*command, *words, '-p', sample)
    assert said in ended.out
    assert 'Configuration: not asked; hosts change first' in ended.out
    assert json.loads(anlan(*command, *words, '--json', '-p', sample).out)['hosts_lost'] == ['db-1', 'db-2']
    paths.outputs.unlink()
    assert 'made anew' not in anlan(*command, '-p', sample).out


@pytest.mark.parametrize('command', [['plan'], ['drift']], ids=' '.join)
def test_a_run_that_was_not_finished_is_named_with_what_it_makes_look_changed(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    target.changes, target.states = (), {'db-1': 'running'}
    for name in ('planned', 'drifted'):
        monkeypatch.setattr(f'anlan.cli.stack.{name}', lambda work: ['db-1: base : Restart the clock'])
    assert 'the last run was killed or failed' in anlan(*command, '-p', sample).out
    assert json.loads(anlan(*command, '--json', '-p', sample).out)['unfinished'] is True
    paths.unfinished.unlink()
    assert 'the last run' not in anlan(*command, '-p', sample).out


def test_drift_ends_with_1_and_names_it(anlan: Anlan, sample: Path, target: FakeTarget) -> None:
    target.drifts = [Drift('host app-1', 'stopped', 'it does not run')]
    ended = anlan('drift', '--hosts-only', '-p', sample)
    assert ended.code == 1
    assert 'host app-1: stopped: it does not run' in ended.out
    document = json.loads(anlan('drift', '--hosts-only', '-p', sample, '--json').out)
    assert document['drift'] == [{'resource': 'host app-1', 'kind': 'stopped', 'reason': 'it does not run'}]


def test_no_drift_ends_with_0_and_says_what_was_not_asked(anlan: Anlan, sample: Path, target: FakeTarget) -> None:
    ended = anlan('drift', '--hosts-only', '-p', sample)
    assert ended.code == 0
    assert 'No host has drifted.' in ended.out
    assert 'configuration: not asked for (--hosts-only)' in ended.out


@pytest.mark.parametrize(
    'arguments', [['up'], ['up', '--dry-run'], ['down', '--yes'], ['plan'], ['drift']], ids=' '.join
)
def test_a_wrong_file_touches_nothing(
    anlan: Anlan, tmp_path: Path, target: FakeTarget, arguments: list[str], platform_file: Callable[..., Path]
) -> None:
    ended = anlan(*arguments, '-p', platform_file({'name': 'sample'}))
    assert ended.code == 2
    assert target.done == []
    assert not (tmp_path / 'var').exists()


@pytest.mark.parametrize('operation', ['replace', 'delete'])
def test_a_host_that_stands_is_not_lost_without_being_asked(
    sample: Path, target: FakeTarget, paths: PlatformPaths, operation: str
) -> None:
    paths.outputs.write_text('{}')
    target.changes = (Change('network app', 'create'), Change('host db-1', operation, ('image: a → b',)))  # type: ignore[arg-type]
    with pytest.raises(BadInput) as refused:
        ask_about_losses(Work.of(sample), target)  # type: ignore[arg-type]
    assert 'host db-1 (image: a → b)' in str(refused.value)
    assert '--yes' in str(refused.value)
    assert target.done == []


@pytest.mark.parametrize(
    ('old', 'operation', 'at_once', 'said'),
    [
        (['db-1', 'db-2'], 'replace', False, 'are made anew, one after another'),
        (['db-1', 'db-2'], 'replace', True, 'and their data would be lost'),
        (['db-1', 'ops-1'], 'replace', False, 'and their data would be lost'),
        (['db-1'], 'delete', False, 'and their data would be lost'),
    ],
    ids=['one after another', 'at once', 'one of them alone in its tier', 'removed'],
)
def test_what_is_lost_is_said_as_it_is(
    sample: Path, target: FakeTarget, paths: PlatformPaths, old: list[str], operation: str, at_once: bool, said: str
) -> None:
    paths.outputs.write_text('{}')
    target.changes = tuple(Change(f'host {name}', operation) for name in old)  # type: ignore[arg-type]
    with pytest.raises(BadInput) as refused:
        ask_about_losses(Work.of(sample), target, at_once=at_once)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_nobody_is_asked_where_nothing_is_lost_or_nothing_stands(
    sample: Path, target: FakeTarget, paths: PlatformPaths
) -> None:
    paths.outputs.write_text('{}')
    ask_about_losses(Work.of(sample), target)  # type: ignore[arg-type]
    target.changes = (Change('host db-1', 'replace'),)
    paths.outputs.unlink()
    ask_about_losses(Work.of(sample), target)  # type: ignore[arg-type]
