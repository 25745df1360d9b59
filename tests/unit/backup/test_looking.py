"""Looking: every place is looked at, one that does not answer hides no other, and nothing is noted of it."""

from __future__ import annotations

import pytest

from backup.failure import BackupFailed, ExitClass
from backup.judgement import LOOK_SECONDS
from backup.looking import look_at_all
from backup.on_calendar import longest_gap_seconds, parse
from backup.record import Looked
from backup.schedule import LOOK
from tests.unit.backup.policy_samples import NOW, host_plans
from tests.unit.backup.test_file_work import House, house

__all__ = ['house']


def test_the_keeper_looks_at_each_place_of_each_policy_well_before_a_look_is_too_old() -> None:
    plan = host_plans()['ops-1']
    tasks = [each for each in plan.tasks if each.kind == 'look']
    assert {each.policy for each in tasks} == {each.policy for each in plan.promises}
    # One may fail, or come to nothing because others hold the repository.
    delay_seconds = max(each.randomised_delay_seconds for each in tasks)
    assert 2 * longest_gap_seconds(parse(LOOK), NOW) + delay_seconds < LOOK_SECONDS


def test_a_look_notes_what_both_places_hold_and_nothing_else(house: House) -> None:
    house.do('incremental')
    house.do('copy')
    house.records.clear()
    assert house.do('look', places=('local', 'offsite')) == []
    assert [(type(each), each.place) for each in house.records] == [(Looked, 'local'), (Looked, 'offsite')]


def test_a_place_that_does_not_answer_hides_no_other_and_leaves_no_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.do('incremental')
    house.do('copy')
    house.records.clear()

    def gone(*_: object) -> None:
        raise BackupFailed(ExitClass.UNREACHABLE, 'the local place does not answer')

    monkeypatch.setattr(house.places['local'], 'list', gone)
    with pytest.raises(BackupFailed, match='the local place does not answer'):
        house.do('look', places=('local', 'offsite'))
    assert [each.place for each in house.records] == ['offsite']


def test_the_first_failure_is_raised_after_all_were_looked_at() -> None:
    seen: list[int] = []

    def look(number: int) -> None:
        seen.append(number)
        if number != 1:
            raise BackupFailed(ExitClass.UNREACHABLE, f'place {number}')

    with pytest.raises(BackupFailed, match='place 0'):
        look_at_all([lambda: look(0), lambda: look(1), lambda: look(2)])
    assert seen == [0, 1, 2]
