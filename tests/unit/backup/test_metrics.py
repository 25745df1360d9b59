"""Metrics: well formed, whole, from the records alone; what is not known has no sample."""

from __future__ import annotations

import re

import pytest
import yaml

from anlan.paths import ROOT
from backup.judgement import judge
from backup.metrics import Family, exposition, render
from backup.record import Lagged, PlantingEnded, Record
from tests.contract.alerting.rules import IDENTIFIER, NOT_METRICS
from tests.unit.backup.policy_samples import DAY, HOUR, MINUTE, NOW, PROMISES, end, look, run, six_weeks, well

LINE = re.compile(
    r'^(anlan_backup_[a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[n"\\])*",?)+)\})? (-?\d+(?:\.\d+)?(?:e-?\d+)?)$'
)


def text_of(records: list[Record]) -> str:
    return exposition(PROMISES, judge(PROMISES, records, NOW), records, NOW)


def samples(records: list[Record]) -> dict[tuple[str, str], float]:
    found = {}
    for line in text_of(records).splitlines():
        if not line.startswith('#'):
            match = LINE.match(line)
            assert match is not None, line
            key = (match[1].removeprefix('anlan_backup_'), match[2] or '')
            assert key not in found
            found[key] = float(match[3])
    return found


WELL = [record for promise in PROMISES for record in well(promise)]


def test_every_line_is_well_formed_and_the_text_has_its_end() -> None:
    assert len(samples(six_weeks())) > 200
    text = text_of(six_weeks())
    assert text.endswith('# EOF\n')
    assert text.count('# EOF') == 1
    for name, unit in re.findall(r'^# UNIT (\S+) (\S+)$', text, re.MULTILINE):
        assert name.endswith(f'_{unit}')


def test_every_metric_that_an_alert_asks_for_is_among_them() -> None:
    rules = yaml.safe_load((ROOT / 'monitoring/rules/backup.yaml').read_text(encoding='utf-8'))
    asked = {
        name for rule in rules['groups'][0]['rules'] for name in IDENTIFIER.findall(NOT_METRICS.sub(' ', rule['expr']))
    }
    told = re.findall(r'^# TYPE (\S+) (\S+)$', text_of([]), re.MULTILINE)
    known = {f'{name}_total' if kind == 'counter' else name for name, kind in told}
    assert asked
    assert asked - known == set()


def test_the_numbers_are_those_of_the_records() -> None:
    found = samples(WELL)
    assert found['last_success_timestamp_seconds', 'policy="media"'] == (NOW - 40 * MINUTE).timestamp()
    assert found['last_verified_restore_timestamp_seconds', 'policy="media"'] == (NOW - 4 * DAY).timestamp()
    assert found['recovery_point_age_seconds', 'place="offsite",policy="media"'] == 2400
    assert found['stored_bytes', 'host="app-1",place="local",policy="media"'] == 10**9
    assert found['state', 'policy="media",state="ok"'] == 1
    assert found['state', 'policy="media",state="never"'] == 0
    assert found['real_time_lag_seconds', 'place="offsite",policy="database"'] == 0.4
    assert found['real_time_lag_rows', 'place="offsite",policy="database"'] == 0
    assert found['promised_real_time_lag_seconds', 'policy="database"'] == 120
    assert found['corruption_planted_total', 'damage="flipped-byte",policy="media"'] == 1
    assert found['corruption_missed', 'policy="media"'] == 0
    assert found['place_used_ratio', 'place="local"'] == 0.4
    assert found['written_timestamp_seconds', ''] == NOW.timestamp()


def test_what_is_not_known_has_no_sample_rather_than_a_zero() -> None:
    found = {name for name, _ in samples([])}
    assert found == {
        'state', 'promised_recovery_point_seconds', 'promised_recovery_time_seconds', 'promised_real_time_lag_seconds',
        'written_timestamp_seconds',
    }  # fmt: skip


def test_what_was_seen_too_long_ago_says_nothing_of_now() -> None:
    old = [look(7 * HOUR), Lagged('database', 'ops-1', 'offsite', NOW - HOUR, 1.0)]
    names = {name for name, _ in samples(old)}
    assert 'looked_timestamp_seconds' in names
    assert not names & {'stored_bytes', 'snapshots', 'place_used_ratio', 'lock_age_seconds', 'real_time_lag_seconds'}


def test_the_last_exit_counts_and_damage_is_counted() -> None:
    records: list[Record] = [
        run(2 * HOUR, failure='no-space', recovery_point=None), run(HOUR),
        run(HOUR, host='app-2', failure='clock', recovery_point=None),
        PlantingEnded(**end(DAY), planted=('flip', 'cut'), caught=('cut',)),
    ]  # fmt: skip
    found = samples(records)
    assert found['last_exit_code', 'host="app-1",place="local",policy="media",what="run"'] == 0
    assert found['last_exit_code', 'host="app-2",place="local",policy="media",what="run"'] == 19
    assert found['corruption_caught_total', 'damage="flip",policy="media"'] == 0
    assert found['corruption_missed', 'policy="media"'] == 1


def test_what_others_wrote_is_escaped_and_what_is_no_number_refused() -> None:
    family = Family('x', 'gauge', 'a "b"\nc')
    family.add(1.5, host='a"b\\c\nd')
    assert render([family]).splitlines()[2] == r'anlan_backup_x{host="a\"b\\c\nd"} 1.5'
    family.add(float('nan'), host='x')
    with pytest.raises(ValueError, match='no number'):
        render([family])
