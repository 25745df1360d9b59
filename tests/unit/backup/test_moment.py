"""A moment that a database is gone back to: what is asked, how far can be gone back, which backup, how much log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.engines.pgbackrest_commits import last_of
from backup.engines.pgbackrest_info import Backup, Piece, pieces_of
from backup.failure import BackupFailed, ExitClass
from backup.moment import PIECE_BYTES, Moment, chosen, reached, wanted
from backup.moment_work import fetched
from backup.port import Progress

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def backup(label: str, started: float, first: int, last: int, **changes: object) -> Backup:
    fields = {
        'label': label, 'kind': 'full', 'started': minutes(started), 'ended': minutes(started + 1), 'prior': None,
        'references': (), 'first_segment': name(first), 'last_segment': name(last), 'stop': '', 'archive': '17-1',
        'source_bytes': 1000, 'added_bytes': 10, 'stored_bytes': 10, 'damaged': False, 'notes': {},
    }  # fmt: skip
    return Backup(**fields | changes)  # type: ignore[arg-type]


def name(number: int, timeline: int = 1) -> str:
    return f'{timeline:08X}{0:08X}{number:08X}'


def log(count: int, *, without: tuple[int, ...] = ()) -> list[Piece]:
    """A piece a minute; piece 1 is kept at minute 1."""
    return [Piece(name(each), each, minutes(each), 5) for each in range(1, count + 1) if each not in without]


BACKUPS = [backup('A', 1, 2, 3), backup('B', 60, 61, 62), backup('C', 120, 121, 122)]


@pytest.mark.parametrize('text', ['', 'now', '10:42', '2026-13-01T00:00:00Z', '2026-11-26', '2026-11-26T10:42:00',
                                  '0001-01-01T00:00:00+14:00', '2026-11-26T12:00:01Z', '2026-11-26T20:00:01+08:00',
                                  '9999-12-31T23:59:59-12:00'])  # fmt: skip
def test_a_time_that_is_none_has_no_zone_or_lies_in_the_future_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match='--to-time: '):
        wanted(text, NOW)


def test_a_time_of_any_zone_is_taken_and_the_latest_is_no_time() -> None:
    assert wanted('2026-11-26T18:42:00+08:00', NOW) == datetime(2026, 11, 26, 10, 42, tzinfo=UTC)
    assert wanted('2026-11-26 10:42Z', NOW) == datetime(2026, 11, 26, 10, 42, tzinfo=UTC)
    assert wanted('latest', NOW) is None


def test_the_newest_backup_that_ended_before_the_moment_is_taken_and_the_log_up_to_the_next_one() -> None:
    found = chosen(minutes(70), BACKUPS, log(130))
    assert (found.backup.label, found.whole, found.young) == ('B', True, False)
    assert [found.pieces[0].number, found.pieces[-1].number] == [61, 122]
    # Kept a minute after the moment or later, and one more.
    assert found.pieces[found.needed - 1].number == 73
    assert (found.log_bytes, found.stored_bytes) == (13 * PIECE_BYTES, 13 * 5)


def test_a_history_of_timelines_is_got_and_counts_as_no_piece_of_the_log() -> None:
    history = Piece('00000002.history', None, minutes(65), 1)
    found = chosen(minutes(70), BACKUPS, [history, *log(130)])
    assert found.pieces[0] is history
    assert (found.needed, found.log_pieces, found.log_bytes) == (14, 13, 13 * PIECE_BYTES)


def test_a_moment_within_a_backup_is_reached_from_the_one_before() -> None:
    assert chosen(minutes(61), BACKUPS, log(130)).backup.label == 'A'
    assert chosen(minutes(61) + timedelta(seconds=1), BACKUPS, log(130)).backup.label == 'B'


def test_the_latest_takes_the_newest_backup_and_all_of_the_log() -> None:
    found = chosen(None, BACKUPS, log(130))
    assert (found.backup.label, found.needed, found.young) == ('C', 10, True)


def test_a_moment_from_before_all_backups_is_refused_with_what_there_is() -> None:
    with pytest.raises(BackupFailed, match='too long ago: what is kept reaches from 2026-11-26 12:02') as failed:
        chosen(minutes(1), BACKUPS, log(130))
    assert failed.value.exit_class is ExitClass.NO_SNAPSHOT


def test_a_moment_younger_than_the_log_is_young_until_the_leader_has_given_it() -> None:
    found = chosen(minutes(135), BACKUPS, log(130))
    assert found.young
    assert not found.whole
    with pytest.raises(BackupFailed, match='too young: what is kept reaches from'):
        reached(found, minutes(134))
    assert reached(found, minutes(136)).whole


def test_a_log_with_a_gap_on_the_way_is_refused_and_one_elsewhere_is_not() -> None:
    with pytest.raises(BackupFailed, match='pieces between') as failed:
        chosen(minutes(70), BACKUPS, log(130, without=(66,)))
    assert failed.value.exit_class is ExitClass.CORRUPT
    assert chosen(minutes(70), BACKUPS, log(130, without=(10, 125))).backup.label == 'B'


def test_a_damaged_backup_and_one_that_lacks_what_it_builds_on_are_passed_over() -> None:
    damaged = [BACKUPS[0], backup('B', 60, 61, 62, damaged=True), BACKUPS[2]]
    assert chosen(minutes(70), damaged, log(130)).backup.label == 'A'
    orphan = [BACKUPS[0], backup('B', 60, 61, 62, references=('gone',), prior='gone'), BACKUPS[2]]
    assert chosen(minutes(70), orphan, log(130)).backup.label == 'A'
    with pytest.raises(BackupFailed, match='no whole backup'):
        chosen(minutes(70), [], [])


def of(moment: Moment, commits: dict[int, datetime]) -> tuple[bool, list[int], list[Progress]]:
    got: list[int] = []
    told: list[Progress] = []
    numbers = {each.name: each.number for each in moment.pieces}

    def committed(file: Path) -> datetime | None:
        return commits.get(int(file.name[16:], 16))

    seen = fetched(moment, Path('/x'), lambda each: got.append(numbers[each] or 0), told.append, committed)
    return seen, got, told


def test_the_log_is_got_until_one_piece_after_that_with_a_later_transaction() -> None:
    seen, got, told = of(chosen(minutes(70), BACKUPS, log(130)), {70: minutes(69.9), 71: minutes(70.2)})
    assert seen
    assert got == list(range(61, 73))
    assert (told[-1].files, told[-1].total_files) == (12, 13)


def test_a_log_that_came_late_is_got_to_where_the_later_transaction_is() -> None:
    seen, got, told = of(chosen(minutes(70), BACKUPS, log(130)), {100: minutes(71)})
    assert (seen, got[-1], told[-1].total_files) == (True, 101, 41)


def test_without_a_later_transaction_all_is_got_and_none_was_seen() -> None:
    seen, got, _ = of(chosen(minutes(70), BACKUPS, log(130)), {})
    assert (seen, got[-1]) == (False, 122)


def test_pieces_and_histories_are_read_as_the_repository_names_them() -> None:
    said = {
        '.': {'type': 'path'},
        f'0000000100000000/000000010000000000000002-{"a" * 40}.zst': {'type': 'file', 'size': 656, 'time': 1795675183},
        '0000000100000000/000000010000000000000002.00000028.backup': {'type': 'file', 'size': 400, 'time': 1},
        f'0000000100000000/000000010000000000000001-{"b" * 40}.zst': {'type': 'file', 'size': 7, 'time': 1795675123},
        '00000002.history': {'type': 'file', 'size': 40, 'time': 1795675200},
    }
    found = pieces_of(json.dumps(said))
    assert [each.number for each in found] == [None, 1, 2]
    assert (found[2].stored_bytes, found[2].kept) == (656, datetime(2026, 11, 26, 6, 39, 43, tzinfo=UTC))
    with pytest.raises(BackupFailed, match='not understood'):
        pieces_of('[]')


def test_the_last_commit_of_a_piece_is_read_and_an_abort_is_none() -> None:
    said = (
        'rmgr: Transaction len (rec/tot): 34/34, tx: 741, lsn: 0/1, desc: COMMIT 2026-11-26 06:38:43.267877 UTC\n'
        'rmgr: Transaction len (rec/tot): 13/13, tx: 742, desc: COMMIT 2026-11-26 06:38:43.280720 UTC; inval msgs: x\n'
        'rmgr: Transaction len (rec/tot): 34/34, tx: 743, desc: ABORT 2026-11-26 07:00:00.000000 UTC\n'
        'pg_waldump: error: error in WAL record at 0/2: invalid record length\n'
    )
    assert last_of(said) == datetime(2026, 11, 26, 6, 38, 43, 280720, tzinfo=UTC)
    assert last_of('') is None
