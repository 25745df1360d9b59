"""What brings a bucket back to a moment: said of its versions alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backup.object_store import Version
from backup.rewind import Rewind, planned

MOMENT = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def version(
    key: str,
    identity: str,
    minutes: float,
    *,
    latest: bool = False,
    marker: bool = False,
    etag: str = '',
    size: int = 5,
) -> Version:
    return Version(key, identity, MOMENT + timedelta(minutes=minutes), 0 if marker else size, etag or f'e-{identity}',
                   latest, marker)  # fmt: skip


def of(*versions: Version, keep_new: bool = False, origins: dict[str, str] | None = None) -> Rewind:
    return planned(
        'restic',
        versions,
        MOMENT,
        MOMENT + timedelta(hours=2),
        keep_new=keep_new,
        came_from=lambda each: (origins or {}).get(each.identity),
    )


def test_what_was_not_touched_is_left_alone() -> None:
    found = of(version('a', '1', -5, latest=True))
    assert (found.same, found.empty, found.changed) == (1, True, {})


def test_what_was_overwritten_is_put_back_as_it_was() -> None:
    found = of(version('a', '1', -9), version('a', '2', -5), version('a', '3', 5, latest=True))
    assert [each.identity for each in found.put_back] == ['2']
    assert (found.put_back_bytes, found.same, found.changed) == (5, 0, {'2026-11-26 10:00': 1})


def test_what_was_only_deleted_is_uncovered_without_a_byte() -> None:
    found = of(version('a', '1', -5), version('a', '2', 5, marker=True), version('a', '3', 6, marker=True, latest=True))
    assert found.uncover == {'a': ('2', '3')}
    assert (found.put_back, found.put_back_bytes) == ((), 0)


def test_what_was_overwritten_and_then_deleted_is_put_back() -> None:
    found = of(version('a', '1', -5), version('a', '2', 5), version('a', '3', 6, marker=True, latest=True))
    assert [each.identity for each in found.put_back] == ['1']


def test_what_was_not_there_is_hidden_unless_it_is_to_stay() -> None:
    new = version('a', '1', 5, latest=True)
    back = (version('b', '1', -9), version('b', '2', -5, marker=True), version('b', '3', 5, latest=True))
    gone = version('c', '1', 5), version('c', '2', 6, latest=True, marker=True)
    assert of(new, *back, *gone).hide == ('a', 'b')
    assert of(new, *back, *gone, keep_new=True).empty


def test_what_was_deleted_then_stays_deleted() -> None:
    assert of(version('a', '1', -9), version('a', '2', -5, marker=True, latest=True)).empty


def test_what_was_put_back_is_not_put_back_twice() -> None:
    again = version('a', '1', -5, etag='x'), version('a', '2', 5), version('a', '3', 9, latest=True, etag='x')
    assert (of(*again).same, of(*again).empty) == (1, True)
    parts = version('a', '1', -5, etag='x-2'), version('a', '2', 5), version('a', '3', 9, latest=True, etag='y')
    assert not of(*parts).empty
    assert of(*parts, origins={'3': '1'}).empty
    assert not of(*parts, origins={'3': '0'}).empty


def test_locks_probes_and_copies_of_drills_are_nothing_that_is_put_back() -> None:
    keys = (f'ops-1/media/locks/{"a1" * 32}', 'drill-0a/config', 'anlan-probe')
    assert of(*(version(key, '1', -5) for key in keys), *(version(key, '2', 110, latest=True) for key in keys)).empty
    assert of(*(version(key, '1', -5, latest=True) for key in keys)).empty
    assert of(version('locks/mine', '1', 5, latest=True)).hide == ('locks/mine',)


def test_a_lock_or_a_copy_that_a_thief_left_is_hidden_once_nobody_can_be_at_work_by_it() -> None:
    lock, copy = f'ops-1/media/locks/{"a1" * 32}', 'drill-0a/config'
    left = version(lock, '2', 5, latest=True), version(copy, '2', 5, latest=True)
    fresh = version(f'ops-1/media/locks/{"b2" * 32}', '2', 100, latest=True)
    assert of(*left, fresh).hide == (lock, copy)


def test_each_hour_says_how_much_was_changed_in_it() -> None:
    versions = [version(f'{number}', '1', -5) for number in range(3)]
    versions += [version('0', '2', 61, latest=True), version('1', '2', 62, latest=True, marker=True)]
    versions += [version('2', '2', 1), version('2', '3', 99, latest=True)]
    assert of(*versions).document()['changed_by_hour'] == {'2026-11-26 10:00': 1, '2026-11-26 11:00': 2}
