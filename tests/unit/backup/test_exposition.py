"""The exposition: what hosts handed over becomes a file of metrics; while it cannot be read, the old one stays."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from backup import exposition
from backup.exposition import AT_ONCE, Files, entries_of, expose
from backup.failure import BackupFailed, ExitClass
from backup.record import Record
from backup.task import HostPlan
from tests.unit.backup.policy_samples import HOUR, NOW, PROMISES, look, run
from tests.unit.backup.test_collected import HOSTS, SPEAKERS, entry

PLAN = HostPlan('sample', 'mon-1', (), PROMISES)


class Stores:
    """Journals of hosts, and what was asked of them."""

    def __init__(self) -> None:
        self.entries: dict[str, list[str]] = {host: [] for host in HOSTS}
        self.asked: list[tuple[str, str | None]] = []
        self.broken: set[str] = set()

    def add(self, host: str, *records: Record | str) -> None:
        for record in records:
            self.entries[host].append(entry(record, len(self.entries[host])))

    def read(self, store: Path, after: str | None) -> Sequence[str]:
        self.asked.append((store.name, after))
        if store.name in self.broken:
            raise BackupFailed(ExitClass.FAILED, f'{store} cannot be read: wrong header')
        first = 0 if after is None else int(after.rpartition('=')[2]) + 1
        return self.entries[store.name][first : first + AT_ONCE]


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / 'collected.json', tmp_path / 'run' / 'backup.prom', tmp_path / 'speakers.json')
    made.speakers.write_text(json.dumps(SPEAKERS.document()))
    return made


def test_what_hosts_hand_over_is_in_the_file_that_all_may_read(stores: Stores, files: Files) -> None:
    stores.add('app-1', run(HOUR))
    stores.add('ops-1', look(HOUR))
    assert expose(PLAN, files, NOW, stores.read) is None
    text = files.metrics.read_text()
    assert 'anlan_backup_last_exit_code{host="app-1",place="local",policy="media",what="run"} 0' in text
    assert 'anlan_backup_snapshots{host="app-1",place="local",policy="media"} 12' in text
    assert 'anlan_backup_state{policy="media",state="ok"} 0' in text
    assert f'anlan_backup_written_timestamp_seconds {NOW.timestamp():.0f}' in text
    assert stat.S_IMODE(files.metrics.stat().st_mode) == 0o644
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o600


def test_only_what_came_since_is_read_and_what_came_before_is_not_forgotten(stores: Stores, files: Files) -> None:
    stores.add('app-1', run(HOUR))
    expose(PLAN, files, NOW, stores.read)
    stores.asked.clear()
    stores.add('ops-1', look(HOUR))
    expose(PLAN, files, NOW, stores.read)
    assert ('app-1', 's=1;i=0') in stores.asked
    assert 'what="run"} 0' in files.metrics.read_text()


def test_a_host_that_speaks_for_another_changes_nothing_and_is_counted(stores: Stores, files: Files) -> None:
    stores.add('app-2', run(HOUR), look(HOUR), 'nonsense')
    expose(PLAN, files, NOW, stores.read)
    text = files.metrics.read_text()
    assert 'anlan_backup_records_refused_total{host="app-2",reason="another"} 2' in text
    assert 'anlan_backup_records_refused_total{host="app-2",reason="unreadable"} 1' in text
    assert 'anlan_backup_records_refused_total{host="app-1",reason="another"} 0' in text
    assert 'host="app-1",place' not in text


def test_while_a_host_cannot_be_read_the_old_file_stays_as_it_is(stores: Stores, files: Files) -> None:
    expose(PLAN, files, NOW, stores.read)
    before = files.metrics.read_text()
    stores.broken = {'ops-1'}
    with pytest.raises(BackupFailed, match='ops-1 cannot be read: wrong header'):
        expose(PLAN, files, NOW + HOUR, stores.read)
    assert files.metrics.read_text() == before


def test_an_entry_that_is_none_is_one_sentence_and_nothing_is_written(stores: Stores, files: Files) -> None:
    stores.entries['app-1'] = ['cut of']
    with pytest.raises(BackupFailed, match='what app-1 handed over cannot be read'):
        expose(PLAN, files, NOW, stores.read)
    assert not files.metrics.exists()


def test_a_broken_state_is_said_and_all_is_read_again(stores: Stores, files: Files) -> None:
    stores.add('app-1', run(HOUR))
    expose(PLAN, files, NOW, stores.read)
    whole = files.metrics.read_text()
    for broken in ('', '{', '[]', '{"version": 1}'):
        files.state.write_text(broken)
        said = expose(PLAN, files, NOW, stores.read)
        assert said is not None
        assert 'all that hosts handed over is read again' in said
        assert files.metrics.read_text() == whole


def test_half_a_year_is_read_in_pieces_and_nothing_is_told_before_all_of_it_is_read(
    stores: Stores, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, 'AT_ONCE', 3)
    monkeypatch.setattr(exposition, 'ROUND_SECONDS', 0.0)
    monkeypatch.setattr('tests.unit.backup.test_exposition.AT_ONCE', 3)
    stores.add('app-1', *(run(hours * HOUR) for hours in range(8, 0, -1)))
    for _ in range(2):
        said = expose(PLAN, files, NOW, stores.read)
        assert said is not None
        assert 'when all of it is read' in said
        assert not files.metrics.exists()
    assert expose(PLAN, files, NOW, stores.read) is None
    assert f'anlan_backup_last_success_timestamp_seconds{{policy="media"}} {(NOW - HOUR).timestamp():.0f}' in (
        files.metrics.read_text()
    )


def test_a_host_that_was_never_heard_has_no_entries(tmp_path: Path) -> None:
    assert entries_of(tmp_path / 'app-9', None) == []
    (tmp_path / 'app-9').mkdir()
    assert entries_of(tmp_path / 'app-9', None) == []


def test_where_no_store_can_be_seen_nothing_is_said_of_any_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupFailed, match='events is not there'):
        entries_of(tmp_path / 'events' / 'app-1', None)

    def refused(store: Path) -> list[str]:
        raise PermissionError(13, 'Permission denied', str(store))

    monkeypatch.setattr('os.listdir', refused)
    with pytest.raises(BackupFailed, match='app-1 cannot be read: Permission denied'):
        entries_of(tmp_path / 'app-1', None)


def test_a_journal_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'app-1.journal').touch()
    programs = tmp_path / 'bin'
    programs.mkdir()
    (programs / 'journalctl').write_text('#!/bin/sh\necho "Failed to open: wrong header" >&2\nexit 1\n')
    (programs / 'journalctl').chmod(0o755)
    monkeypatch.setenv('PATH', f'{programs}:/usr/bin:/bin')
    with pytest.raises(BackupFailed, match='cannot be read: Failed to open: wrong header'):
        entries_of(tmp_path, 's=1')
    (programs / 'journalctl').write_text('#!/bin/sh\nexit 1\n')
    assert entries_of(tmp_path, 's=1') == []
    (programs / 'journalctl').unlink()
    monkeypatch.setenv('PATH', str(programs))
    with pytest.raises(BackupFailed, match='No such file'):
        entries_of(tmp_path, 's=1')
