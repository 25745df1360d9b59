"""What is said of a store: how old, how large, and for how many days its room will do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.unit.events.programs import FILES, load

NOW = 1_800_000_000.0
DAY = 86400.0
MIB = 1024 * 1024


@pytest.fixture(scope='module')
def program() -> ModuleType:
    return load('event_stores.py')


def journal(program: ModuleType, path: Path, *, used: int, oldest: float, newest: float, entries: int = 5) -> None:
    """Write the header of a journal's file as systemd does; tables of 1 MiB."""
    numbers = [272, 8 * MIB, 272, MIB, MIB, 0, used, 9, entries, 9, 1, 0, int(oldest * 1e6), int(newest * 1e6), 1]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(program.HEADER.pack(b'LPKSHHRH', 0, 0, *[b'x' * 16] * 4, *numbers))


def settings(program: ModuleType, stores: Path, *senders: str, limit_mib: int = 200) -> Any:
    return program.Settings('mon-1', stores, stores / 'chain', 180, limit_mib, senders, ('mon-1',))


def one(program: ModuleType, stores: Path, free_bytes: float = 1e12, **options: Any) -> Any:
    (store,) = program.measure(settings(program, stores, 'db-1', **options), NOW, free_bytes)
    return store


def test_the_oldest_and_the_newest_entry_of_all_files_are_told(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=3 * MIB, oldest=NOW - 90, newest=NOW - 5)
    journal(program, tmp_path / 'db-1' / 'db-1@x.journal', used=3 * MIB, oldest=NOW - DAY, newest=NOW - 91)
    store = one(program, tmp_path)
    assert (store.oldest, store.newest, store.entries) == (NOW - DAY, NOW - 5, 10)


def test_the_rate_is_that_of_entries_and_not_of_the_tables_of_a_new_file(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=2 * MIB + 272, oldest=NOW - DAY, newest=NOW)
    # 1 MiB a day; of 200 MiB an eighth goes as a whole, and of each 25 MiB one is tables.
    assert one(program, tmp_path).days == pytest.approx(175 * 24 / 25, rel=0.01)


def test_a_room_that_is_too_small_for_the_rate_is_not_enough(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=2 * MIB, oldest=NOW - DAY, newest=NOW)
    assert one(program, tmp_path).enough is False
    assert one(program, tmp_path, limit_mib=400).enough is True


def test_a_disk_that_is_nearly_full_is_a_smaller_room(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=2 * MIB, oldest=NOW - DAY, newest=NOW)
    assert one(program, tmp_path, free_bytes=50 * MIB, limit_mib=400).enough is False


def test_of_the_first_hour_nothing_is_foretold(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=8 * MIB, oldest=NOW - 1800, newest=NOW)
    store = one(program, tmp_path)
    assert (store.days, store.enough) == (None, None)


def test_what_is_kept_long_enough_already_is_enough(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=8 * MIB, oldest=NOW - 181 * DAY, newest=NOW)
    assert one(program, tmp_path).enough is True


def test_the_rate_is_that_of_the_last_week(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1@x.journal', used=8 * MIB, oldest=NOW - 41 * DAY, newest=NOW - 40 * DAY)
    quiet = one(program, tmp_path)
    assert quiet.days is None
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=MIB + MIB // 2, oldest=NOW - 2 * DAY, newest=NOW)
    assert one(program, tmp_path).days > 300


@pytest.mark.parametrize('content', [b'', b'LPKSHHRH', b'x' * 300])
def test_a_file_that_is_no_journal_tells_nothing(program: ModuleType, tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'db-1').mkdir()
    (tmp_path / 'db-1' / 'db-1.journal').write_bytes(content)
    store = one(program, tmp_path)
    assert (store.newest, store.enough) == (None, None)


def test_the_program_fails_where_a_host_was_never_heard(program: ModuleType, tmp_path: Path) -> None:
    journal(program, tmp_path / 'db-1' / 'db-1.journal', used=MIB, oldest=NOW - DAY, newest=NOW - 60)
    given = {'host': 'mon-1', 'stores': str(tmp_path), 'chain': '/x', 'retention_days': 180, 'limit_mib': 400}
    file = tmp_path / 'settings.json'

    def ended(*senders: str) -> subprocess.CompletedProcess[str]:
        file.write_text(json.dumps(given | {'senders': senders, 'monitors': ['mon-1']}))
        words = [sys.executable, '-B', str(FILES / 'event_stores.py'), '--settings', str(file), '--now', str(NOW)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    whole = ended('db-1')
    assert (whole.returncode, json.loads(whole.stdout)['silent_seconds']) == (0, 60.0)
    assert ended('db-1', 'db-2').returncode == 1
