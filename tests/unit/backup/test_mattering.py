"""What matters of records: the states and the metrics of what is left are those of all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from backup.judgement import judge
from backup.mattering import PLANTINGS, UNFINISHED, mattering
from backup.metrics import exposition
from backup.record import Begun, Looked, PlantingEnded, Record
from tests.unit.backup.policy_samples import DAY, HOUR, MINUTE, NOW, PROMISES, drilled, end, look, run, six_weeks, well


def text_of(records: list[Record]) -> str:
    return exposition(PROMISES, judge(PROMISES, records, NOW), records, NOW)


def test_the_states_and_metrics_of_what_is_left_are_those_of_all_and_much_less_is_left() -> None:
    records = [*six_weeks(), *(each for promise in PROMISES for each in well(promise))]
    records = sorted(set(records), key=str)
    left = mattering(records, NOW)
    assert judge(PROMISES, left, NOW) == judge(PROMISES, records, NOW)
    assert text_of(left) == text_of(records)
    assert len(left) < len(records) / 3


def test_what_is_left_piece_by_piece_is_what_is_left_of_all_at_once() -> None:
    records = six_weeks()
    left: list[Record] = []
    for first in range(0, len(records), 37):
        left = mattering([*left, *records[first : first + 37]], NOW)
    assert sorted(map(str, left)) == sorted(map(str, mattering(records, NOW)))


def test_a_failure_that_nothing_followed_stays_and_one_that_was_mended_goes() -> None:
    failed, mended = run(DAY, failure='unreachable', recovery_point=None), run(HOUR)
    assert mattering([failed], NOW) == [failed]
    assert failed not in mattering([failed, mended], NOW)


def test_the_first_and_the_last_success_stay_for_ever() -> None:
    runs: list[Record] = [run(hours * HOUR) for hours in range(100, 0, -1)]
    assert mattering(runs, NOW) == [runs[0], runs[-1]]


def test_the_last_drill_of_stolen_credentials_and_the_last_that_passed_stay() -> None:
    drills: list[Record] = [
        drilled(days * DAY, **({} if days > 40 else {'succeeded': ('delete',)})) for days in (100, 70, 35, 5)
    ]
    assert mattering(drills, NOW) == [drills[1], drills[3]]


def test_what_never_ended_stays_until_something_later_ended() -> None:
    begun = Begun('x', 'run', 'media', 'app-1', 'local', NOW - DAY)
    assert mattering([begun], NOW) == [begun]
    assert begun not in mattering([begun, run(HOUR)], NOW)
    many: list[Record] = [replace(begun, identity=str(n), at=begun.at + n * MINUTE) for n in range(50)]
    assert mattering(many, NOW) == [*many[:UNFINISHED], *many[-UNFINISHED:]]


def test_plantings_are_bounded() -> None:
    many: list[Record] = [
        PlantingEnded(**end(n * HOUR), planted=('x',), caught=('x',)) for n in range(PLANTINGS + 20, 0, -1)
    ]
    assert len(mattering(many, NOW)) == PLANTINGS


def test_a_record_of_the_future_is_newer_than_nothing_is_said_and_goes_when_the_clock_is_right_again() -> None:
    """One that would be believed would hide every failure until that day comes."""
    ahead = run(-30 * DAY, identity='ahead')
    failed = run(HOUR, failure='unreachable', recovery_point=None)
    left = mattering([ahead, failed], NOW)
    assert left == [failed]
    left = mattering([failed, ahead], NOW)
    assert left == [failed, ahead]
    status = next(each for each in judge(PROMISES, left, NOW) if each.name == 'media')
    sentences = ' '.join(each.en for each in status.reasons)
    assert 'a clock is wrong' in sentences
    assert 'unreachable' in sentences
    assert status.last_success is None
    assert 'last_exit_code{host="app-1",place="local",policy="media",what="run"} 13' in text_of(left)
    # Once the time has come that it told, it is a record like any other.
    assert mattering([ahead], NOW + timedelta(days=31)) == [ahead]


def test_a_look_that_saw_a_snapshot_of_the_future_says_nothing_of_the_recovery_point() -> None:
    seen: list[Record] = [look(MINUTE, newest=NOW + DAY)]
    status = next(each for each in judge(PROMISES, seen, NOW) if each.name == 'media')
    assert status.recovery_points['local'] is None
    assert any('a clock is wrong' in each.en for each in status.reasons)
    assert isinstance(seen[0], Looked)
