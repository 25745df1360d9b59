"""Runs of Ansible: what is read from the events, and what the program is started with. The program is a fake."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from anlan.paths import PlatformPaths
from infra import configure as module
from infra.configure import PLAYBOOKS, HostFailure, _environment, _follow, _note, _result, _Summary, configure

STATISTICS = {
    'app-1': {'ok': 5, 'changed': 2, 'failures': 0, 'unreachable': 0},
    'app-2': {'ok': 6, 'changed': 0, 'failures': 0, 'unreachable': 0},
}
SECRET = 'not-for-a-process-list'


def failed(host: str = 'app-1', **values: Any) -> dict[str, Any]:
    return {
        'event': 'failed',
        'host': host,
        'task': 'Start nginx',
        'message': 'no such unit',
        'ignored': False,
        **values,
    }


def noted(*events: dict[str, Any]) -> _Summary:
    summary = _Summary()
    for event in events:
        _note(event, summary)
    return summary


class Process:
    """A process that ends after so many polls; `on_poll` is called before each answer."""

    def __init__(self, polls: int, on_poll: Callable[[int], None] = lambda number: None) -> None:
        self.polls = 0
        self._last = polls
        self._on_poll = on_poll

    def poll(self) -> int | None:
        self.polls += 1
        self._on_poll(self.polls)
        return 0 if self.polls >= self._last else None


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'POLL_SECONDS', 0.001)


def test_a_task_that_failed_is_noted_with_its_host_and_message() -> None:
    summary = noted(failed())
    assert summary.failures == [HostFailure('app-1', 'Start nginx', 'no such unit')]
    assert str(summary.failures[0]) == 'app-1: Start nginx: no such unit'


def test_a_host_that_was_not_reached_is_a_failure_even_without_a_message() -> None:
    summary = noted({'event': 'unreachable', 'host': 'db-1', 'task': 'Read facts', 'message': None, 'ignored': False})
    assert summary.failures == [HostFailure('db-1', 'Read facts', 'unreachable')]


def test_a_failure_that_is_ignored_is_none() -> None:
    assert noted(failed(ignored=True)).failures == []


def test_changes_are_noted_by_host_and_good_tasks_are_not() -> None:
    summary = noted(
        {'event': 'task', 'name': 'Write the rules'},
        {'event': 'ok', 'host': 'fw-1', 'task': 'Write the rules', 'message': None},
        {'event': 'changed', 'host': 'fw-2', 'task': 'Write the rules', 'message': None},
        {'event': 'stats', 'hosts': STATISTICS},
    )
    assert summary.changed_tasks == ['fw-2: Write the rules']
    assert summary.statistics == STATISTICS


def test_a_good_run_has_the_sums_of_all_hosts(tmp_path: Path) -> None:
    run = _result(noted({'event': 'stats', 'hosts': STATISTICS}), 0, 1.5, tmp_path / 'log')
    assert (run.ok, run.changed, run.failures, run.seconds) == (11, 2, (), 1.5)


def test_a_run_in_which_hosts_failed_is_returned_with_the_failures(tmp_path: Path) -> None:
    run = _result(noted(failed(), {'event': 'stats', 'hosts': STATISTICS}), 2, 1.0, tmp_path / 'log')
    assert [failure.host for failure in run.failures] == ['app-1']


@pytest.mark.parametrize(
    ('events', 'code'),
    [([], 0), ([], 4), ([{'event': 'stats', 'hosts': {}}], 0), ([{'event': 'stats', 'hosts': STATISTICS}], 250)],
    ids=['no statistics', 'no statistics and a code', 'no hosts', 'a code that no host explains'],
)
def test_a_run_that_is_not_explained_is_an_error_with_the_end_of_the_log(
    tmp_path: Path, events: list[dict[str, Any]], code: int
) -> None:
    log = tmp_path / 'log'
    log.write_text('\n'.join(f'line {number}' for number in range(20)))
    with pytest.raises(AnlanError, match=rf'exit code {code}.*line 14 / .*line 19\. The whole log: .*log') as raised:
        _result(noted(*events), code, 1.0, log)
    assert 'line 13' not in str(raised.value)


def test_events_are_followed_as_they_are_written_even_line_by_half_line(tmp_path: Path) -> None:
    file = tmp_path / 'events'
    file.touch()
    text = '\n'.join(json.dumps(event) for event in (failed(), {'event': 'stats', 'hosts': STATISTICS})) + '\n'
    pieces = [text[:10], text[10:60], text[60:]]
    seen: list[str] = []

    def write(poll: int) -> None:
        if poll <= len(pieces):
            with file.open('a') as stream:
                stream.write(pieces[poll - 1])

    summary = _follow(Process(4, write), file, time.monotonic() + 60, lambda event: seen.append(event['event']))  # type: ignore[arg-type]
    assert seen == ['failed', 'stats']
    assert len(summary.failures) == 1
    assert summary.statistics == STATISTICS


def test_events_written_just_before_the_end_are_not_lost(tmp_path: Path) -> None:
    file = tmp_path / 'events'
    file.write_text(json.dumps({'event': 'stats', 'hosts': STATISTICS}) + '\n{"event": "cut')
    assert _follow(Process(1), file, time.monotonic() + 60, lambda event: None).statistics == STATISTICS  # type: ignore[arg-type]


def test_a_run_that_does_not_end_in_time_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / 'events'
    file.touch()
    process = Process(1000)
    with pytest.raises(AnlanError, match='did not end in time'):
        _follow(process, file, time.monotonic() - 1, lambda event: None)  # type: ignore[arg-type]
    assert process.polls == 1


def test_the_environment_is_the_platforms_own(tmp_path: Path) -> None:
    environment = _environment(tmp_path / 'events', tmp_path / 'ssh' / 'config', False, tmp_path)
    assert environment['ANSIBLE_CONFIG'] == str(PLAYBOOKS / 'ansible.cfg')
    assert environment['ANLAN_EVENTS_FILE'] == str(tmp_path / 'events')
    assert environment['ANSIBLE_SSH_ARGS'] == f'-F {tmp_path}/ssh/config'
    assert 'ANSIBLE_STRATEGY' not in environment


def test_mitogen_is_used_only_if_the_platform_says_so(tmp_path: Path) -> None:
    environment = _environment(tmp_path / 'events', tmp_path / 'config', True, tmp_path)
    assert environment['ANSIBLE_STRATEGY'] == 'mitogen_linear'
    assert Path(environment['ANSIBLE_STRATEGY_PLUGINS'], 'mitogen_linear.py').is_file()


FAKE = """#!{python}
import json, os, sys
variables = next(argument[1:] for argument in sys.argv if argument.startswith('@'))
with open({report!r}, 'w') as file:
    json.dump({{
        'argv': sys.argv[1:],
        'environment': dict(os.environ),
        'variables': json.load(open(variables)),
        'mode': os.stat(variables).st_mode & 0o777,
        'folder_mode': os.stat(os.path.dirname(variables)).st_mode & 0o777,
        'directory': os.getcwd(),
    }}, file)
print('a line for the log')
with open(os.environ['ANLAN_EVENTS_FILE'], 'a') as events:
    for event in {events!r}:
        events.write(json.dumps(event) + chr(10))
sys.exit({code})
"""


@pytest.fixture
def paths(tmp_path: Path) -> PlatformPaths:
    found = PlatformPaths(tmp_path / 'var' / 'sample')
    found.make()
    return found


@pytest.fixture
def ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Give a function that puts a fake `ansible-playbook` beside Python, and returns the file in which it reports."""
    report, python = tmp_path / 'report.json', sys.executable

    def put(events: list[dict[str, Any]], code: int = 0) -> Path:
        program = tmp_path / 'bin' / 'ansible-playbook'
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE.format(python=python, report=str(report), events=events, code=code))
        program.chmod(0o755)
        monkeypatch.setattr(sys, 'executable', str(program.with_name('python')))
        return report

    return put


def test_secrets_are_in_no_argument_and_no_environment_but_in_a_file_of_their_owner(
    paths: PlatformPaths, ansible: Callable[..., Path]
) -> None:
    report = ansible([{'event': 'stats', 'hosts': STATISTICS}])
    run = configure('site.yml', paths, {'secrets': {'password': SECRET}}, mitogen=False)
    seen = json.loads(report.read_text())
    assert seen['variables'] == {'secrets': {'password': SECRET}, 'unfinished': False}
    assert (seen['mode'], seen['folder_mode']) == (0o600, 0o700)
    assert SECRET not in json.dumps(seen['argv'])
    assert SECRET not in json.dumps(seen['environment'])
    assert SECRET not in run.log.read_text()


def test_nothing_of_a_run_is_left_but_its_log(paths: PlatformPaths, ansible: Callable[..., Path]) -> None:
    ansible([{'event': 'stats', 'hosts': STATISTICS}])
    paths.run.mkdir()
    (paths.run / 'variables.json').write_text('of a killed run')
    run = configure('site.yml', paths, {}, mitogen=False)
    assert not paths.run.exists()
    assert run.log.read_text() == 'a line for the log\n'
    assert stat.S_IMODE(run.log.stat().st_mode) == 0o600
    assert str(os.getpid()) in run.log.name


def test_what_was_asked_for_is_what_ansible_is_told(paths: PlatformPaths, ansible: Callable[..., Path]) -> None:
    report = ansible([{'event': 'stats', 'hosts': STATISTICS}])
    configure('site.yml', paths, {}, limit=('app-1', 'db-1'), tags=('tls',), check=True, forks=7, mitogen=False)
    seen = json.loads(report.read_text())
    argv = seen['argv']
    assert argv[:3] == ['site.yml', '--inventory', str(paths.outputs)]
    for option, value in (('--limit', 'app-1,db-1'), ('--tags', 'tls'), ('--forks', '7')):
        assert argv[argv.index(option) + 1] == value
    assert '--check' in argv
    assert seen['directory'] == str(PLAYBOOKS)


def test_a_run_changes_hosts_unless_it_is_a_check(paths: PlatformPaths, ansible: Callable[..., Path]) -> None:
    report = ansible([{'event': 'stats', 'hosts': STATISTICS}])
    configure('site.yml', paths, {}, mitogen=False)
    assert not {'--check', '--limit', '--tags'} & set(json.loads(report.read_text())['argv'])


def test_hosts_that_failed_are_in_the_run_and_were_told_as_it_happened(
    paths: PlatformPaths, ansible: Callable[..., Path]
) -> None:
    ansible([failed(), {'event': 'stats', 'hosts': STATISTICS}], code=2)
    told: list[str] = []
    run = configure('site.yml', paths, {}, mitogen=False, on_event=lambda event: told.append(event['event']))
    assert [failure.host for failure in run.failures] == ['app-1']
    assert told == ['failed', 'stats']


def test_an_ansible_that_cannot_run_is_an_error_and_leaves_no_secret(
    paths: PlatformPaths, ansible: Callable[..., Path]
) -> None:
    ansible([], code=5)
    with pytest.raises(AnlanError, match=r'could not run \(exit code 5\): a line for the log'):
        configure('site.yml', paths, {'secrets': {'password': SECRET}}, mitogen=False)
    assert not paths.run.exists()


def test_a_run_that_did_not_end_well_has_the_next_one_reload_everything(
    paths: PlatformPaths, ansible: Callable[..., Path]
) -> None:
    failed = {'event': 'failed', 'host': 'app-1', 'task': 'a task', 'message': 'no'}
    ansible([failed, {'event': 'stats', 'hosts': STATISTICS}])
    configure('site.yml', paths, {}, mitogen=False)
    assert paths.unfinished.exists()
    report = ansible([{'event': 'stats', 'hosts': STATISTICS}])
    configure('site.yml', paths, {}, check=True, mitogen=False)
    assert paths.unfinished.exists()
    configure('site.yml', paths, {}, mitogen=False)
    assert json.loads(report.read_text())['variables']['unfinished'] is True
    assert not paths.unfinished.exists()
    configure('site.yml', paths, {}, mitogen=False)
    assert json.loads(report.read_text())['variables']['unfinished'] is False
