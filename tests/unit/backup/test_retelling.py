"""Telling again: once a day what matters, and until all of it was taken."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from backup import agent
from backup.announcement import entry_of
from backup.record import Record, append
from backup.retelling import is_due, tell_again
from tests.unit.backup.policy_samples import DAY, HOUR, MINUTE, NOW, run


def test_what_matters_is_told_and_then_not_for_a_day(tmp_path: Path) -> None:
    marker = tmp_path / 'told'
    told: list[Record] = []
    records: list[Record] = [run(hours * HOUR) for hours in (30, 20, 10)]
    assert is_due(NOW, marker)
    assert tell_again(records, NOW, marker, tell=lambda each: told.append(each)) is None
    assert told == [records[0], records[2]]
    os.utime(marker, (NOW.timestamp(), NOW.timestamp()))
    assert not is_due(NOW + HOUR, marker)
    assert is_due(NOW + DAY, marker)
    assert is_due(NOW - timedelta(days=1), marker), 'a mark of the future would silence this host until then'


def test_what_the_journal_did_not_take_is_due_again(tmp_path: Path) -> None:
    marker = tmp_path / 'told'
    assert tell_again([run(HOUR)], NOW, marker, tell=lambda _: 'it is full') == 'it is full'
    assert is_due(NOW, marker)


def test_what_is_told_again_is_no_event() -> None:
    assert b'\nANLAN_EVENT=' in entry_of(run(HOUR))
    again = entry_of(run(HOUR, failure='unreachable'), again=True)
    assert b'ANLAN_EVENT=' not in again
    assert b'PRIORITY=6\n' in again
    assert again.startswith(b'MESSAGE=backup, told again: run of media on app-1, local')


@pytest.mark.parametrize('broken', ['records', 'journal'])
def test_no_task_fails_because_nothing_can_be_told_again(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / 'records.jsonl'
    append(run(MINUTE), records)
    if broken == 'records':
        records.write_text('nonsense\n')
    monkeypatch.setattr(agent, 'RECORDS', records)
    monkeypatch.setattr(agent, 'is_due', lambda _: True)
    if broken == 'journal':
        monkeypatch.setattr(agent, 'tell_again', lambda *_: 'the journal did not take a record')
    agent._tell_again()
    assert 'not all that matters was told again' in capsys.readouterr().err
