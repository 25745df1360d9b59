"""How far behind a monitoring host is: what is not known is never a lag of 0."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.events.programs import load

CURSOR = f's={"a" * 32};i=10;b={"b" * 32};m=1;t={1_000_000_000 * 1_000_000:x};x=1'


@pytest.fixture(scope='module')
def program() -> ModuleType:
    return load('event-watch')


@pytest.fixture
def states(tmp_path: Path) -> Path:
    (tmp_path / 'mon-1').mkdir()
    (tmp_path / 'mon-1' / 'state').write_text(f'# This is private data. Do not parse.\nLAST_CURSOR={CURSOR}\n')
    return tmp_path


def journal(program: ModuleType, monkeypatch: pytest.MonkeyPatch, entries: dict[str | None, float | None]) -> None:
    monkeypatch.setattr(program, 'first_entry', lambda after: entries[after])
    monkeypatch.setattr(program.time, 'time', lambda: 1_000_000_500.0)


def test_the_cursor_is_found_in_a_state(program: ModuleType) -> None:
    assert program.cursor_of(f'# x\nLAST_CURSOR={CURSOR}\n') == CURSOR
    assert program.cursor_of('') is None
    assert program.cursor_of('LAST_CURSOR=\n') is None


def test_a_cursor_tells_its_time_or_nothing(program: ModuleType) -> None:
    assert program.moment_of(CURSOR) == 1_000_000_000.0
    assert program.moment_of('s=1;t=zz') is None
    assert program.moment_of('rubbish') is None


def test_who_has_all_is_not_behind(program: ModuleType, states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(program, monkeypatch, {CURSOR: None})
    values = program.observe(states, ['mon-1'])
    assert values['upload_lag_seconds'] == {'{to="mon-1"}': 0.0}
    assert values['upload_overrun'] == {'{to="mon-1"}': 0.0}


def test_the_lag_is_the_age_of_the_first_that_waits(
    program: ModuleType, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(program, monkeypatch, {CURSOR: 1_000_000_100.0, None: 999_999_000.0})
    values = program.observe(states, ['mon-1'])
    assert values['upload_lag_seconds'] == {'{to="mon-1"}': 400.0}
    assert values['upload_overrun'] == {'{to="mon-1"}': 0.0}


def test_who_never_acknowledged_anything_is_behind_by_the_whole_journal(
    program: ModuleType, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(program, monkeypatch, {CURSOR: None, None: 1_000_000_000.0})
    values = program.observe(states, ['mon-1', 'mon-2'])
    assert values['upload_lag_seconds'] == {'{to="mon-1"}': 0.0, '{to="mon-2"}': 500.0}


def test_entries_that_were_dropped_before_they_were_sent_are_noticed(
    program: ModuleType, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(program, monkeypatch, {CURSOR: 1_000_000_200.0, None: 1_000_000_200.0})
    assert program.observe(states, ['mon-1'])['upload_overrun'] == {'{to="mon-1"}': 1.0}


def test_a_journal_that_does_not_tell_leaves_no_lag(
    program: ModuleType, states: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(after: str | None) -> float:
        raise subprocess.TimeoutExpired('journalctl', 30)

    monkeypatch.setattr(program, 'first_entry', broken)
    values = program.observe(states, ['mon-1'])
    assert values['upload_lag_seconds'] == {}
    assert 'anlan_events_upload_lag_seconds{' not in program.exposition(values)
    assert 'the lag of mon-1 is not known' in capsys.readouterr().err


def test_a_clock_that_was_set_back_is_no_lag(program: ModuleType) -> None:
    assert program.lag_of(200.0, 100.0) == 0.0


def test_what_is_written_can_be_read_by_prometheus(program: ModuleType, states: Path) -> None:
    file = states / 'events.prom'
    program.write(file, program.exposition({'upload_lag_seconds': {'{to="mon-1"}': 1.5}}))
    assert file.read_text().splitlines()[1:] == [
        '# TYPE anlan_events_upload_lag_seconds gauge', 'anlan_events_upload_lag_seconds{to="mon-1"} 1.5',
    ]  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(states.glob('*.new')) == []
