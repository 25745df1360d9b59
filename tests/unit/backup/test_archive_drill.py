"""The drills verify the archive's chain: of the export that came back, and in the database that came back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anlan.deadline import Deadline
from backup.agent import exit_code_of
from backup.archive_chain import FILE_NAME, NOTHING, Chain
from backup.database_witness import Witness
from backup.database_work import Database, DatabaseWork
from backup.engines.pgbackrest import Cluster
from backup.engines.pgbackrest_members import Limits
from backup.port import Restored, silent
from backup.record import RestoreEnded
from backup.table_checksum import Table
from backup.task import TaskSource

from .test_archive_chain import export
from .test_file_work import House, house

__all__ = ['house']


def drilled(house: House, lines: list[str]) -> list[RestoreEnded]:
    """Keep an export of these lines, and drill it in both places."""
    script = 'printf \'%s\\n\' "$@"' if lines else 'true'
    source = TaskSource(command=('/bin/sh', '-c', script, 'sh', *lines), file_name=FILE_NAME)
    assert [each.failure for each in house.do('incremental', sources=(source,))] == [None]
    house.do('copy')
    return [each for each in house.do('restore') if isinstance(each, RestoreEnded)]


def test_the_chain_of_an_export_is_verified_in_both_places(house: House) -> None:
    ends = drilled(house, export(4))
    assert [each.place for each in ends] == ['local', 'offsite']
    assert all(each.verified and each.sentence == '' for each in ends)
    # The manifest, the file, four records, the head.
    assert {each.checks for each in ends} == {7}


def test_an_export_that_came_back_byte_by_byte_but_whose_chain_is_broken_fails_the_drill(house: House) -> None:
    lines = export(4)
    ends = drilled(house, [*lines[:1], *lines[2:]])
    assert {each.problems for each in ends} == {('record 2 is missing, the next one is 3',)}
    assert exit_code_of(ends) == 14


def test_an_application_without_a_record_fails_no_drill_and_its_chain_is_not_called_verified(house: House) -> None:
    ends = drilled(house, [])
    assert {(each.failure, each.problems, each.sentence) for each in ends} == {(None, (), NOTHING)}
    # The manifest and the empty file came back; of a chain nothing was there.
    assert {each.checks for each in ends} == {2}
    assert exit_code_of(ends) == 0


def tried(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> Any:
    table = Table('public.archive_archiverecord', 4, '1/2')
    now = datetime(2026, 11, 26, tzinfo=UTC)
    scratch = SimpleNamespace(tables=lambda: (table,), has_canary=lambda canary: True, archive_chain=lambda: chain)
    work = DatabaseWork('ops-1', Database('learning', {}, Cluster((), '', Limits(1, 1))), lambda _: None, silent)
    done = Restored('A', Path('/x'), 3, 5, 1.0, now)
    monkeypatch.setattr(work, 'trial', lambda restore, compare, deadline: (done, compare(scratch)))
    snapshot = SimpleNamespace(identity='A')
    return work.tried(snapshot, Witness('db-1', '0/1', now, 'c', (table,)), SimpleNamespace(), Deadline(9))  # type: ignore[arg-type]


def test_the_drill_of_the_database_counts_and_names_what_the_chain_in_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = tried(monkeypatch, Chain(4, 5, ()))
    assert (told.values['checks'], told.values['problems'], told.sentence) == (7, (), '')
    told = tried(monkeypatch, Chain(4, 5, ('record 2: its content does not match its hash',)))
    assert told.values['problems'] == ('record 2: its content does not match its hash',)
    told = tried(monkeypatch, Chain(0, 0, (), NOTHING))
    assert (told.values['checks'], told.values['problems'], told.sentence) == (2, (), NOTHING)
