"""The agent: one job a repository, the timers of its plan and no others, and exit codes that say what was wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anlan.errors import BadInput
from backup import agent, timers
from backup.agent import alone, exit_code_of, main, plan_of_host
from backup.failure import BackupFailed, ExitClass
from backup.packing import packed
from backup.places import Places
from backup.port import Snapshot
from backup.record import RestoreEnded, StolenEnded, VerificationEnded
from backup.task import HostPlan, Task
from backup.timers import install

from .moments import at


def task(name: str, **changes: Any) -> Task:
    fields: dict[str, Any] = {
        'name': name, 'policy': 'media', 'kind': 'incremental', 'engine': 'restic', 'repository': 'media',
        'on_calendar': '*-*-* *:05:00', 'randomised_delay_seconds': 60, 'deadline_seconds': 600, 'places': ('local',),
    }  # fmt: skip
    return Task(**fields | changes)


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Every call, in order; timers run once they were enabled."""
    calls: list[tuple[str, ...]] = []
    running: set[str] = set()

    def called(*words: str) -> None:
        calls.append(words)
        if words[:2] == ('enable', '--now'):
            running.update(words[2:])
        if words[:2] == ('disable', '--now'):
            running.difference_update(words[2:])

    monkeypatch.setattr(timers, '_systemctl', called)
    monkeypatch.setattr(timers, '_runs', lambda unit: unit in running)
    return calls


def test_timers_of_the_plan_are_made_and_a_second_time_nothing_changes(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    plan = HostPlan('lab', 'app-1', (task('media-incremental'),))
    assert install(plan, tmp_path) == [
        'wrote anlan-backup-media-incremental.service', 'wrote anlan-backup-media-incremental.timer',
    ]  # fmt: skip
    systemctl.clear()
    assert install(plan, tmp_path) == []
    assert systemctl == []


def test_a_timer_that_is_in_no_plan_any_more_is_stopped_and_removed_and_others_are_left_alone(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    (tmp_path / 'logrotate.timer').touch()
    install(HostPlan('lab', 'app-1', (task('media-incremental'), task('records-incremental'))), tmp_path)
    changed = install(HostPlan('lab', 'app-1', (task('media-incremental'),)), tmp_path)
    assert changed == [
        'removed anlan-backup-records-incremental.service', 'removed anlan-backup-records-incremental.timer',
    ]  # fmt: skip
    assert ('disable', '--now', 'anlan-backup-records-incremental.timer') in systemctl
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        'anlan-backup-media-incremental.service', 'anlan-backup-media-incremental.timer', 'logrotate.timer',
    ]  # fmt: skip


def test_the_first_backup_of_the_database_is_made_at_once_and_only_the_first(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    first = task('database-incremental', engine='pgbackrest', policy='database', repository='database')
    install(HostPlan('lab', 'ops-1', (first, task('media-incremental'))), tmp_path)
    starts = [call for call in systemctl if call[0] == 'start']
    assert starts == [('start', '--no-block', 'anlan-backup-database-incremental.service')]
    systemctl.clear()
    # A changed timer of one that has long been there is no new beginning.
    (tmp_path / 'anlan-backup-database-incremental.timer').write_text('changed', encoding='utf-8')
    install(HostPlan('lab', 'ops-1', (first, task('media-incremental'))), tmp_path)
    assert not [call for call in systemctl if call[0] == 'start']


def test_a_timer_changed_by_hand_or_stopped_is_put_back(tmp_path: Path, systemctl: list[tuple[str, ...]]) -> None:
    plan = HostPlan('lab', 'app-1', (task('media-incremental'),))
    install(plan, tmp_path)
    (tmp_path / 'anlan-backup-media-incremental.timer').write_text('[Timer]\n')
    assert install(plan, tmp_path, check=True) == ['wrote anlan-backup-media-incremental.timer']
    assert install(plan, tmp_path) == ['wrote anlan-backup-media-incremental.timer']
    timers._systemctl('disable', '--now', 'anlan-backup-media-incremental.timer')
    assert install(plan, tmp_path) == ['started anlan-backup-media-incremental.timer']


def test_two_jobs_on_one_repository_wait_and_the_second_is_told_who_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, 'LOCKS', tmp_path / 'locks')
    with alone('media', 1), alone('records', 1):
        with pytest.raises(BackupFailed) as failed, alone('media', 0.1):
            pass
        assert failed.value.exit_class is ExitClass.LOCKED
        assert 'process ' in str(failed.value)
    with alone('media', 1):
        pass


def test_the_backups_of_the_database_are_listed_beside_those_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        def __init__(self, place: str) -> None:
            self.place = place

        def list(self, *_: Any) -> tuple[Snapshot, ...]:
            if self.place == 'offsite':
                raise BackupFailed(ExitClass.UNREACHABLE, 'no answer')
            return (Snapshot('20261126-010101F', 'database', 'ops-1', at(0), at(1)),)

    engines = {'local': Engine('local'), 'offsite': Engine('offsite')}
    monkeypatch.setattr(agent, 'read_places', lambda _: Places('ops-1', (), str(tmp_path / 'database.json')))
    monkeypatch.setattr(agent.Database, 'of', lambda _: SimpleNamespace(engines=engines))
    assert main(['list', '--policy', 'database', '--repository', 'database']) == 1
    local, offsite = json.loads(capsys.readouterr().out)['places']
    assert [each['identity'] for each in local['snapshots']] == ['20261126-010101F']
    assert (offsite['place'], offsite['failure'], offsite['snapshots']) == ('offsite', 'unreachable', None)
    assert main(['list', '--repository', 'media']) == 0
    assert json.loads(capsys.readouterr().out)['places'] == []


def test_what_was_not_compared_and_what_is_damaged_is_no_success() -> None:
    fields = {'identity': 'x', 'policy': 'media', 'host': 'app-1', 'place': 'local', 'began': at(0), 'ended': at(1)}
    good = RestoreEnded(**fields, failure=None, sentence='', checks=3)
    blind = RestoreEnded(**fields, failure=None, sentence='', checks=0)
    damaged = VerificationEnded(**fields, failure=None, sentence='', problems=('a pack is gone',))
    assert exit_code_of([good]) == 0
    assert exit_code_of([good, blind]) == ExitClass.CORRUPT.value
    assert exit_code_of([good, damaged]) == ExitClass.CORRUPT.value


def test_a_plan_that_is_not_there_or_broken_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (None, '{', '{"version": 9}', '[]'):
        file = tmp_path / 'jobs.json'
        if content is not None:
            file.write_text(content)
        with pytest.raises(BadInput, match='`anlan up` writes it anew'):
            plan_of_host(file)
    monkeypatch.setattr(agent, 'plan_of_host', lambda: plan_of_host(tmp_path / 'nowhere.json'))
    assert main(['task', 'media-incremental']) == BadInput.exit_code
    said = json.loads(capsys.readouterr().out)
    assert said['failure'] == 'failed'
    assert 'nowhere.json' in said['sentence']


def test_what_hosts_run_is_the_same_bytes_each_time_and_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    import subprocess
    import sys

    content = packed()
    assert content == packed()
    file = tmp_path / 'backup.pyz'
    file.write_bytes(content)
    # Without site-packages, as on a host.
    done = subprocess.run(
        [sys.executable, '-I', '-S', str(file), 'task', 'x'], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == BadInput.exit_code, done.stderr
    assert 'jobs.json cannot be read' in done.stdout


def test_a_host_without_boto3_says_which_package_the_drill_of_stolen_credentials_lacks(tmp_path: Path) -> None:
    import subprocess
    import sys

    file = tmp_path / 'backup.pyz'
    file.write_bytes(packed())
    program = (
        f'import sys; sys.path.insert(0, {str(file)!r})\n'
        'from backup.agent import _drilled\nfrom backup.places import Places\n'
        "_drilled(Places('app-1', ()), 'platform', 'platform', 1.0, 1.0)\n"
    )
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', program], capture_output=True, text=True, check=False, timeout=60
    )
    assert 'app-1 lacks the Python module boto' in done.stderr
    assert 'install the package python3-boto3' in done.stderr


def test_a_restore_that_is_only_tried_looks_at_the_folder_and_at_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from backup.places import FilePlace, Places

    place = FilePlace('media', 'app-1', 'local', '/nowhere', '/nowhere/password')
    monkeypatch.setattr(agent, 'read_places', lambda _: Places('ops-1', (place,)))
    words = ['restore', '--repository', 'media', '--host', 'app-1', '--place', 'local', '--snapshot', 'abcdef1234']
    assert main([*words, '--target', '/etc', '--dry-run']) == ExitClass.TARGET_REFUSED.value
    assert 'live path /etc' in json.loads(capsys.readouterr().out)['sentence']
    assert main([*words, '--target', str(tmp_path / 'new'), '--dry-run']) == 0
    assert json.loads(capsys.readouterr().out)['would_restore']['target'] == str(tmp_path / 'new')
    assert not (tmp_path / 'new').exists()


def test_a_drill_of_stolen_credentials_is_a_task_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from backup import stolen
    from backup.places import Places

    asked: list[tuple[str, str, float]] = []
    fields = {'identity': 'x', 'policy': 'media', 'host': 'app-1', 'place': 'offsite', 'began': at(0), 'ended': at(1)}

    def do(self: stolen.StolenDrill, policy: str, repository: str, seconds: float) -> StolenEnded:
        asked.append((policy, repository, seconds))
        return StolenEnded(**fields, failure=None, sentence='', succeeded=('delete a version (2 of 2)',))

    monkeypatch.setattr(agent, 'LOCKS', tmp_path / 'locks')
    monkeypatch.setattr(agent, 'read_places', lambda _: Places('ops-1', ()))
    monkeypatch.setattr(
        agent, 'plan_of_host', lambda: HostPlan('lab', 'ops-1', (task('media-stolen', kind='stolen'),))
    )  # fmt: skip
    monkeypatch.setattr(stolen.StolenDrill, 'do', do)
    assert main(['task', 'media-stolen']) == 1
    assert json.loads(capsys.readouterr().out)['succeeded'] == ['delete a version (2 of 2)']
    assert main(['stolen', '--policy', 'media', '--repository', 'media', '--seconds', '9']) == 1
    assert asked == [('media', 'media', 600.0), ('media', 'media', 9.0)]
