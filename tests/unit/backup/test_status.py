"""The state of policies: ok only where everything was observed and right; each reason is seen alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backup.judgement import judge, spoken
from backup.port import Snapshot
from backup.record import (
    Begun,
    CopyEnded,
    Lagged,
    Looked,
    PlantingEnded,
    Record,
    RestoreEnded,
    RunEnded,
    VerificationEnded,
)
from backup.status import document_of
from tests.unit.backup.policy_samples import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    PROMISES,
    drilled,
    end,
    judged,
    look,
    promise,
    restore,
    run,
    well,
)

WELL = well(promise('media'))
KINDS = (RunEnded, Looked, VerificationEnded, PlantingEnded, RestoreEnded)


def without(*kinds: type) -> list[Record]:
    return [each for each in WELL if type(each) not in kinds]


def said(records: list[Record], **options: Any) -> str:
    status = judged('media', records, **options)
    return f'{status.state}: ' + '; '.join(each.en for each in status.reasons)


@pytest.mark.parametrize('name', [each.policy for each in PROMISES])
def test_a_policy_of_which_all_was_observed_and_right_is_ok(name: str) -> None:
    status = judged(name, well(promise(name)))
    assert (status.state, status.reasons) == ('ok', ())
    assert status.last_success is not None
    assert status.last_verified_restore == NOW - 4 * DAY


def test_without_any_record_nothing_is_ok() -> None:
    for status in judge(PROMISES, [], NOW):
        assert status.state == 'never'
        assert status.last_success is status.last_verified_restore is status.recovery_point_age_seconds is None


@pytest.mark.parametrize('kind', KINDS)
def test_whatever_was_not_observed_makes_a_policy_not_ok(kind: type) -> None:
    status = judged('media', without(kind))
    assert status.state in {'unproven', 'late', 'never'}
    assert status.reasons
    # Once it is due, it is late.
    old = run(40 * DAY), run(40 * DAY, host='app-2')
    if kind is not RunEnded:
        assert judged('media', [*without(kind), *old]).state == 'late'


def test_what_never_ran_is_said_once_and_nothing_that_follows_from_it() -> None:
    (reason,) = judged('records', []).reasons
    assert reason.state == 'never'
    assert reason.en.startswith('no run of app-1, app-2, ')
    assert reason.zh.startswith('从未成功备份（app-1、app-2、')


def test_what_would_be_lost_of_a_database_is_how_far_its_log_is_behind_not_what_a_drill_brought_back() -> None:
    old = restore(HOUR, policy='database', recovery_point=NOW - 9 * HOUR)
    status = judged('database', [*well(promise('database')), old])
    assert (status.state, status.measured_recovery_point_seconds) == ('ok', None)


def test_a_place_that_does_not_come_back_is_not_covered_by_the_other() -> None:
    differs = restore(2 * MINUTE, place='local', problems=('row 7 differs',))
    assert 'failed: the last restore did not pass: row 7 differs' in said(
        [*WELL, differs, restore(MINUTE, place='offsite')]
    )


def test_a_restore_of_what_is_newer_than_its_beginning_lost_nothing() -> None:
    assert restore(HOUR, recovery_point=NOW).lost_seconds == 0.0


@pytest.mark.parametrize('record', WELL)
def test_each_record_alone_that_is_taken_away_is_missed_except_that_of_the_copy(record: Record) -> None:
    left = [each for each in WELL if each is not record]
    # Whether the copy is there is seen by looking off-site, not by what the copy says.
    assert (judged('media', left).state == 'ok') is isinstance(record, CopyEnded)


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        ([run(5 * MINUTE, failure='no-space', sentence='the disk is full', recovery_point=None)],
         'failed: app-1, local: the disk is full (no-space)'),
        ([CopyEnded(**end(5 * MINUTE, host='ops-1', place='offsite', failure='unreachable'))],
         'failed: ops-1, off-site: the place does not answer'),
        ([restore(HOUR, problems=('row 7 differs',))], 'failed: the last restore did not pass: row 7 differs'),
        ([restore(HOUR, checks=0)], 'failed: the last restore did not pass: nothing was compared'),
        ([restore(HOUR, recovery_point=NOW - 9 * HOUR)],
         'late: the last restore of the newest snapshot lacked 8 h, promised are 5 h'),
        ([restore(HOUR, 7200.0)], 'late: the last restore took 2 h, promised are 60 min'),
        ([VerificationEnded(**end(HOUR, host='ops-1', place='offsite'), depth='data', problems=('pack 7 is bad',))],
         'failed: data, off-site, is wrong: pack 7 is bad'),
        ([PlantingEnded(**end(HOUR), planted=('flip', 'cut'), caught=('cut',))],
         'failed: planted damage was not caught: flip'),
        ([Begun('x', 'run', 'media', 'app-2', 'local', NOW - 9 * HOUR)], 'failed: run on app-2 began 11-26 03:00'),
        ([look(-HOUR)], 'failed: there are records of the future: a clock is wrong'),
        ([look(MINUTE, place='offsite', newest=NOW - 2 * DAY)], 'late: the recovery point, off-site, is 2 days old'),
    ],
)  # fmt: skip
def test_each_thing_that_goes_wrong_is_said(more: list[Record], expected: str) -> None:
    assert said(WELL + more).startswith(expected) or expected in said(WELL + more)


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'succeeded': ('delete a version (2 of 2)',)}, 'did not pass: delete a version (2 of 2)'),
        ({'problems': ('config is damaged',)}, 'did not pass: config is damaged'),
        ({'unproven': ('the attack had no effect',)}, 'did not pass: the attack had no effect'),
        ({'checks': 0}, 'did not pass: not everything was tried'),
        ({'failure': 'unreachable', 'sentence': 'no answer'}, 'no answer (unreachable)'),
    ],
)
def test_a_drill_of_stolen_credentials_that_did_not_pass_makes_a_policy_failed(
    changes: dict[str, Any], expected: str
) -> None:
    drill = drilled(HOUR, **changes)
    assert expected in said([*WELL, drill])
    assert judged('media', [*WELL, drill]).state == 'failed'
    assert judged('media', [*WELL, drill, drilled(MINUTE)]).state == 'ok'


def test_where_the_drill_of_stolen_credentials_is_promised_one_of_long_ago_is_late() -> None:
    given = promise('platform')
    good = well(given)
    old = run(40 * DAY, policy='platform', host='ops-1')

    def state(*more: Record) -> str:
        return judge([given], [*good, *more], NOW)[0].state

    assert state() == 'ok'
    assert state(old) == 'late'
    assert state(old, drilled(DAY, policy='platform')) == 'ok'
    assert state(old, drilled(36 * DAY, policy='platform')) == 'late'


def test_a_failure_that_has_been_made_good_is_none() -> None:
    failed = run(2 * HOUR, failure='locked', recovery_point=None)
    assert judged('media', [failed, *WELL]).state == 'ok'


def test_a_host_that_fails_is_no_matter_where_another_has_kept_the_same_since() -> None:
    failed = run(50 * MINUTE, host='app-2', failure='locked', recovery_point=None)
    assert judged('media', [failed, *WELL]).state == 'ok'
    later = run(5 * MINUTE, host='app-2', failure='locked', recovery_point=None)
    assert judged('media', [later, *WELL]).state == 'failed'


def test_of_hosts_that_each_have_their_own_the_one_without_is_said() -> None:
    records = [each for each in well(promise('records')) if getattr(each, 'host', '') != 'mon-2']
    status = judged('records', records)
    assert status.state == 'never'
    assert any('mon-2' in each.en for each in status.reasons)
    assert status.recovery_point_age_seconds is None


def test_a_restore_of_long_ago_is_late_after_eight_days() -> None:
    records = [*without(RestoreEnded), restore(8 * DAY + MINUTE)]
    assert said(records).startswith('late: the last verified restore is 8 days old')
    assert judged('media', [*without(RestoreEnded), restore(8 * DAY - MINUTE)]).state == 'ok'


def test_only_a_restore_of_the_newest_says_what_would_be_lost() -> None:
    old = restore(DAY, choice='oldest', recovery_point=NOW - 90 * DAY)
    status = judged('media', [*WELL, old])
    assert status.measured_recovery_point_seconds == 40 * 60
    assert status.measured_recovery_time_seconds == 40


def snapshot(ago: timedelta, host: str = 'app-1') -> Snapshot:
    return Snapshot('a', 'media', host, NOW - ago, NOW - ago)


def test_what_a_place_holds_counts_not_what_a_run_says() -> None:
    fresh, stale = (snapshot(HOUR),), (snapshot(DAY),)
    both = {('media', 'local'): fresh, ('media', 'offsite'): fresh}
    assert judged('media', without(Looked), held=both).state == 'ok'
    assert 'off-site, is 24 h old' in said(without(Looked), held=both | {('media', 'offsite'): stale})
    assert 'no recovery point is known, off-site' in said(WELL, held=both | {('media', 'offsite'): ()})
    assert 'off-site did not answer' in said(WELL, held=both | {('media', 'offsite'): None})
    assert 'no recovery point is known, off-site' in said(WELL, held={('media', 'local'): fresh})


def test_a_copy_in_real_time_counts_while_it_is_measured() -> None:
    records = [each for each in well(promise('database')) if not isinstance(each, Lagged)]

    def lags(ago: timedelta, seconds: float) -> list[Record]:
        return [Lagged('database', 'ops-1', place, NOW - ago, seconds) for place in ('local', 'offsite')]

    assert judged('database', records + lags(MINUTE, 2.0)).recovery_point_age_seconds == 2.0
    assert judged('database', records + lags(MINUTE, 150.0)).state == 'late'
    assert judged('database', records + lags(10 * MINUTE, 2.0)).recovery_point_age_seconds == 602
    assert judged('database', records).state == 'late'


def test_the_status_is_plain_json_with_what_the_command_line_promises() -> None:
    document = json.loads(json.dumps(document_of(judge(PROMISES, WELL, NOW), 'sample', NOW)))
    media = next(each for each in document['policies'] if each['name'] == 'media')
    assert media['state'] == 'ok'
    assert media['last_success'] == '2026-11-26T11:20:00+00:00'
    assert media['last_verified_restore'] == '2026-11-22T12:00:00+00:00'
    assert media['promised'] == {'recovery_point_seconds': 18000, 'recovery_time_seconds': 3600}
    assert media['measured'] == {'recovery_point_seconds': 2400.0, 'recovery_time_seconds': 40.0}


def test_every_reason_is_said_in_both_languages() -> None:
    status = judge([replace(promise('media'), policy='media')], [], NOW)[0]
    assert all(each.zh and each.en and each.zh != each.en for each in status.reasons)


@pytest.mark.parametrize(
    ('seconds', 'en', 'zh'), [(0.4, '0.4 s', '0.4 秒'), (60, '60 s', '60 秒'), (600, '10 min', '10 分钟'),
                              (7200, '2 h', '2 小时'), (864000, '10 days', '10 天'), (-3, '-3 s', '-3 秒')],
)  # fmt: skip
def test_spans_are_written_as_people_do(seconds: float, en: str, zh: str) -> None:
    assert (spoken(seconds), spoken(seconds, 'zh')) == (en, zh)


def test_what_of_a_repository_was_never_looked_at_is_said_in_plain_chinese() -> None:
    records = [each for each in well(promise('media')) if not isinstance(each, VerificationEnded)]
    said = {each.zh for each in judged('media', records).reasons}
    assert {'异地仓库与本地的一致性从未核查', '异地仓库的结构从未核查', '本地仓库的数据从未核查'} <= said
