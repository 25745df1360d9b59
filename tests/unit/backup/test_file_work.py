"""The work of a host's tasks: each leaves a beginning and an end, and says no where what came back is another thing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from backup import file_trials, file_work
from backup.agent import exit_code_of
from backup.engines.memory import MemoryEngine
from backup.failure import ExitClass
from backup.file_trials import scratch
from backup.file_work import FileWork
from backup.places import FilePlace, Places
from backup.port import Retention, Verification, silent
from backup.record import Begun, Ended, Looked, Record, RestoreEnded, RunEnded, VerificationEnded
from backup.task import Kind, Task, TaskSource

from .moments import at


class Repository(MemoryEngine):
    """A repository in memory that can be copied to."""

    def prepare_like(self, source: Repository, deadline_seconds: float) -> bool:
        return self.prepare(deadline_seconds)

    def copy(self, source: Repository, deadline_seconds: float, policy: str | None = None) -> None:
        self._begin('copy', deadline_seconds)
        self._kept.update(source._kept)
        self._blobs.update(source._blobs)

    def verify_part(self, part: int, parts: int, deadline_seconds: float) -> Verification:
        return self.verify('data', deadline_seconds)


@dataclass
class House:
    """A host that is writer and keeper at once, with both places in memory."""

    work: FileWork
    source: Path
    places: dict[str, Repository]
    records: list[Record] = field(default_factory=list)

    def do(self, kind: Kind, **changes: Any) -> list[Ended]:
        fields: dict[str, Any] = {
            'name': f'media-{kind}', 'policy': 'media', 'kind': kind, 'engine': 'restic', 'repository': 'media',
            'on_calendar': 'hourly', 'randomised_delay_seconds': 0, 'deadline_seconds': 60,
            'places': ('local', 'offsite'), 'sources': (TaskSource((str(self.source),)),),
            'retention': Retention(last=1) if kind == 'forget' else None,
        }  # fmt: skip
        return self.work.do(Task(**fields | changes))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    source = tmp_path / 'media'
    source.mkdir()
    for number in range(5):
        file = source / f'{number}.ts'
        file.write_bytes(os.urandom(64))
        os.utime(file, (time.time() - 9999, time.time() - 9999))
    monkeypatch.setattr(file_work, 'STAGING', tmp_path / 'staging')
    for name in ('SCRATCH', 'MANIFESTS'):
        monkeypatch.setattr(file_trials, name, tmp_path / name.lower())
    repositories = {'local': Repository(), 'offsite': Repository()}
    monkeypatch.setattr(FilePlace, 'engine', lambda self: repositories[self.place])
    places = Places(
        'app-1', tuple(FilePlace('media', 'app-1', each, 's3:https://x/y', '/k') for each in ('local', 'offsite'))
    )
    records: list[Record] = []
    return House(FileWork(places, records.append, silent), source, repositories, records)


def test_a_run_a_copy_and_a_restore_leave_begun_and_ended_and_the_restore_is_verified(house: House) -> None:
    assert [each.failure for each in house.do('incremental')] == [None]
    assert [(each.place, each.failure) for each in house.do('copy')] == [('offsite', None)]
    restores = house.do('restore')
    assert [each.place for each in restores] == ['local', 'offsite']
    assert all(isinstance(each, RestoreEnded) and each.verified and each.checks == 6 for each in restores)
    assert exit_code_of(restores) == 0
    begun = [each for each in house.records if isinstance(each, Begun)]
    ended = [each for each in house.records if isinstance(each, Ended)]
    assert [each.identity for each in begun] == [each.identity for each in ended]
    assert {each.place for each in house.records if isinstance(each, Looked)} == {'local', 'offsite'}


def test_nothing_of_a_trial_stays(house: House, tmp_path: Path) -> None:
    house.do('incremental')
    house.do('copy')
    house.do('restore')
    assert list((tmp_path / 'scratch').iterdir()) == []


def test_a_damaged_blob_is_seen_by_the_look_at_the_data_and_by_the_restore(house: House) -> None:
    house.do('incremental')
    house.do('copy')
    house.places['offsite'].damage()
    looks = house.do('data')
    assert [bool(each.problems) for each in looks if isinstance(each, VerificationEnded)] == [False, True]
    assert exit_code_of(looks) == ExitClass.CORRUPT.value
    restores = house.do('restore')
    assert not all(isinstance(each, RestoreEnded) and each.verified for each in restores)
    assert exit_code_of(restores) != 0


def test_a_snapshot_that_is_passed_off_as_another_is_seen(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.do('incremental')
    house.do('copy')
    forged = house.places['offsite']
    listed = forged.list

    def lie(*arguments: Any) -> Any:
        return tuple(
            type(each)(**{**vars(each), 'tags': {**each.tags, 'manifest': 'f' * 64}}) for each in listed(*arguments)
        )

    monkeypatch.setattr(forged, 'list', lie)
    problems = [each.problems for each in house.do('restore') if isinstance(each, RestoreEnded) and each.problems]
    assert problems == [('the manifest that came back is not that of this snapshot',)]


def test_a_copy_that_did_not_arrive_is_incomplete_whatever_the_program_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.do('incremental')
    monkeypatch.setattr(Repository, 'copy', lambda *arguments: None)
    (end,) = house.do('copy')
    assert (end.failure, end.sentence) == (
        'incomplete', 'the newest snapshot of app-1 did not arrive in the other site'
    )  # fmt: skip


def test_a_restore_of_what_was_never_kept_has_a_class(house: House) -> None:
    house.places['local'].prepare(1)
    house.places['offsite'].prepare(1)
    assert {each.failure for each in house.do('restore')} == {'no-snapshot'}


@pytest.mark.parametrize('wrong', [each for each in ExitClass if each is not ExitClass.FAILED])
def test_each_class_of_failure_comes_out_as_its_exit_code(house: House, wrong: ExitClass) -> None:
    house.places['local'].fails['run'] = wrong
    ends = house.do('incremental')
    assert exit_code_of(ends) == wrong.value
    assert isinstance(ends[0], RunEnded)
    assert ends[0].recovery_point is None
    assert ends[0].sentence


def test_what_a_command_prints_is_kept_and_a_command_that_fails_keeps_nothing(house: House, tmp_path: Path) -> None:
    good = TaskSource(command=('/bin/echo', 'the whole archive'), file_name='archive.jsonl')
    assert [each.failure for each in house.do('incremental', sources=(good,))] == [None]
    assert (tmp_path / 'staging' / 'archive.jsonl').read_text() == 'the whole archive\n'
    bad = TaskSource(command=('/bin/sh', '-c', 'echo half; echo no database >&2; exit 3'), file_name='archive.jsonl')
    (end,) = house.do('incremental', sources=(bad,))
    assert end.failure == 'no-source'
    assert 'no database' in end.sentence
    assert (tmp_path / 'staging' / 'archive.jsonl').read_text() == 'the whole archive\n'


def test_a_path_that_is_not_there_is_no_success(house: House) -> None:
    (end,) = house.do('incremental', sources=(TaskSource(('/nowhere/at/all',)),))
    assert end.failure in {'no-source', 'incomplete'}


def test_a_scratch_folder_is_wiped_also_when_the_restore_breaks(house: House, tmp_path: Path) -> None:
    def broken() -> None:
        with scratch('media-app-1-local') as folder:
            folder.mkdir()
            (folder / 'restored').write_text('personal')
            raise AnlanError('broken')

    call: Callable[[], None] = broken
    with pytest.raises(AnlanError, match='broken'):
        call()
    assert list((tmp_path / 'scratch').iterdir()) == []


@pytest.mark.parametrize('kind', ['copy', 'structure', 'data', 'restore', 'forget', 'equality', 'planting'])
def test_what_never_began_is_no_failure_and_what_is_gone_is_one(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    gone = str(tmp_path / 'repository')
    places = tuple(FilePlace('media', 'app-1', each, gone, '/k') for each in ('local', 'offsite'))
    known: list[Record] = []
    monkeypatch.setattr(house.work, 'places', Places('app-1', places))
    monkeypatch.setattr(house.work, 'known', lambda: known)
    assert house.do(kind) == []
    known.append(Looked('media', 'app-1', 'local', at(0), 1, at(0), 1, 1))
    assert exit_code_of(house.do(kind)) != 0
