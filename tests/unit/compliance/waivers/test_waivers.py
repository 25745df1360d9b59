"""Waivers: all that is wrong with the file at once; a waiver changes no verdict; one that is over fails."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from anlan.errors import BadInput, InvalidFile
from compliance.assessment import Assessment, Source, assess
from compliance.evidence import Evidence
from compliance.verdicts import Situation, judge_clauses
from compliance.waivers import Waiver, load_waivers, parse_waivers, waivers_file
from tests.unit.compliance.samples import CONFIGURATION, NOW, catalogue_of, clause
from tests.unit.compliance.verdicts.test_verdicts import evidence, record, result

OURS = catalogue_of(
    clause('x-1', proofs={'checks': ['ssh.is_shut'], 'evidence': ['reachability']}), clause('x-2', high_risk=True)
)
HOSTS = ('db-1', 'db-2')
TODAY = NOW.date()
GOOD = """
waivers:
  - {clause: x-1, check: ssh.is_shut, host: db-1, reason: replaced in March, owner: Li Wei, expires: 2026-11-25}
"""


def waiver(**values: object) -> Waiver:
    return Waiver.model_validate({
        'clause': 'x-1', 'reason': 'replaced in March', 'owner': 'Li Wei', 'expires': date(2027, 3, 1), **values,
    })  # fmt: skip


def problems(text: str) -> dict[str, str]:
    with pytest.raises(InvalidFile) as caught:
        parse_waivers(text, 'lab.waivers.yaml', OURS, HOSTS, TODAY)
    return {problem.path: problem.reason for problem in caught.value.problems}


def test_a_good_file_is_read_and_without_one_there_are_none(tmp_path: Path) -> None:
    file = waivers_file(tmp_path / 'lab.yaml')
    assert file.name == 'lab.waivers.yaml'
    assert load_waivers(file, OURS, HOSTS, TODAY) == ()
    file.write_text(GOOD)
    (found,) = load_waivers(file, OURS, HOSTS, TODAY)
    assert (found.host, found.holds(TODAY), found.holds(date(2026, 11, 26))) == ('db-1', True, False)
    file.write_bytes(b'\xff')
    with pytest.raises(BadInput, match='cannot be read'):
        load_waivers(file, OURS, HOSTS, TODAY)


def test_a_high_risk_that_cannot_be_downgraded_cannot_be_waived() -> None:
    text = 'waivers:\n  - {clause: x-2, reason: replaced in March, owner: Li Wei, expires: 2027-01-01}\n'
    assert problems(text) == {'waivers.0.clause': 'x-2 is a high risk that cannot be downgraded: nobody can waive it'}


def test_all_that_is_wrong_is_said_at_once_with_its_path() -> None:
    text = """
waivers:
  - {clause: x-9, host: db-9, reason: replaced in March, owner: Li Wei, expires: 2028-01-01}
  - {clause: x-1, check: ssh.other, reason: replaced in March, owner: Li Wei, expires: 2027-01-01}
  - {clause: x-1, reason: replaced in March, owner: Li Wei, expires: 2027-01-01}
  - {clause: x-1, reason: another reason, owner: Wang Fang, expires: 2027-02-01}
"""
    assert problems(text) == {
        'waivers.0.clause': 'there is no clause x-9', 'waivers.0.host': 'there is no host db-9',
        'waivers.0.expires': '2028-01-01 is more than a year ahead',
        'waivers.1.check': 'x-1 is not proved by ssh.other', 'waivers.3': 'says the same as waivers.2',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('text', 'path'),
    [
        ('waivers: [{clause: x-1}]', 'waivers.0.owner'),
        ('waivers: [{clause: x-1}]', 'waivers.0.expires'),
        ('waivers: [{clause: x-1, why: x}]', 'waivers.0.why'),
        ('waivers: {}', 'waivers'),
        ('', ''),
        ('[]', ''),
        ('waivers: [', ''),
        ('waivers: []\nmore: 1', 'more'),
        ('waivers: [{clause: x-1, owner: Li Wei, reason: because, expires: 2027-01-01}]', 'waivers.0.reason'),
        ('waivers: [{clause: x-1, owner: Li Wei, reason: a good reason, expires: never}]', 'waivers.0.expires'),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_path(text: str, path: str) -> None:
    assert path in problems(text)


def assessed(seen: Evidence, *waivers: Waiver) -> Assessment:
    situation = Situation(NOW, CONFIGURATION, HOSTS, on_cloud=False)
    found = judge_clauses(OURS, seen, situation, waivers)
    return assess('x', OURS, situation, Source(1, '0' * 64, '0' * 64), verdicts=found, waivers=waivers)


FAILING = evidence(result('db-1', 'fail', 'x'), result('db-2'), reachability=record())


@pytest.mark.parametrize('values', [{}, {'check': 'ssh.is_shut', 'host': 'db-1'}, {'host': 'db-1'}])
def test_a_waived_failure_still_fails_and_is_counted_apart(values: dict[str, str]) -> None:
    found = assessed(FAILING, waiver(**values))
    assert (found.verdicts[0].verdict, found.verdicts[0].waived, found.good) == ('fail', True, True)
    assert (found.score.passed, found.score.verified, found.score.waived) == (0, 1, 1)
    assert '1 failed and are waived' in found.score.lines()[1].en or '1 failed' in found.score.lines()[1].en
    assert [each.use for each in found.waivers] == ['in force']


@pytest.mark.parametrize('values', [{'host': 'db-2'}, {'check': 'reachability'}, {'clause': 'x-2'}])
def test_a_waiver_of_something_else_waives_nothing_and_is_named(values: dict[str, str]) -> None:
    found = assessed(FAILING, waiver(**values))
    assert (found.verdicts[0].verdict, found.verdicts[0].waived, found.good) == ('fail', False, False)
    assert [each.use for each in found.waivers] == ['matches nothing']


def test_one_failure_more_than_is_waived_is_not_waived() -> None:
    both = evidence(result('db-1', 'fail', 'x'), result('db-2', 'fail', 'x'), reachability=record())
    assert not assessed(both, waiver(host='db-1')).verdicts[0].waived
    assert assessed(both, waiver(host='db-1'), waiver(host='db-2')).verdicts[0].waived
    also = evidence(result('db-1', 'fail', 'x'), result('db-2'), reachability=record(verdict='fail'))
    assert not assessed(also, waiver(check='ssh.is_shut')).verdicts[0].waived
    assert assessed(also, waiver()).verdicts[0].waived


def test_a_waiver_that_is_over_waives_nothing_and_fails_even_where_nothing_does() -> None:
    over = waiver(expires=date(2026, 11, 24))
    found = assessed(FAILING, over)
    assert (found.verdicts[0].waived, found.good, [each.use for each in found.waivers]) == (False, False, ['expired'])
    fine = assessed(evidence(result('db-1'), result('db-2'), reachability=record()), over)
    assert (fine.verdicts[0].verdict, fine.good, len(fine.expired())) == ('pass', False, 1)


def test_no_waiver_makes_a_pass_of_what_was_not_seen() -> None:
    found = assessed(evidence(reachability=record()), waiver())
    assert (found.verdicts[0].verdict, found.verdicts[0].waived) == ('not-verified', False)
    assert [each.use for each in found.waivers] == ['matches nothing']


def test_an_empty_file_is_told_in_plain_words_how_it_begins() -> None:
    with pytest.raises(InvalidFile, match='the file begins with `waivers:`'):
        parse_waivers('', 'x.waivers.yaml', catalogue_of(clause()), (), date(2026, 11, 25))
