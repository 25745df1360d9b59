"""Verdicts: what was not observed never passes, a failure stays one, and each says why and by which record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from anlan.ledger import Draft, Ledger
from anlan.ledger.canonical import canonical
from compliance.clause import Clause
from compliance.evidence import AUDIT, EVERY_HOST, RESULTS, Evidence, Found, Reference, evidence_of
from compliance.result import CheckResult
from compliance.score import NO_OFFICIAL_RESULT, percent, score_of
from compliance.verdicts import ClauseVerdict, Situation, judge_clauses
from tests.unit.compliance.samples import CONFIGURATION, NOW, catalogue_of, clause, sample

DAY = timedelta(days=1)
BOTH = {'zh': '中文', 'en': 'English'}
GAP = {'what': BOTH, 'reason': BOTH}


def record(number: int = 7, age: timedelta = DAY, verdict: str | None = 'pass', **values: Any) -> Reference:
    given = {'kind': AUDIT, 'subject': EVERY_HOST, 'configuration': CONFIGURATION, **values}
    return Reference(number, f'{number:064x}', ended=NOW - age, verdict=verdict, **given)


def result(
    host: str, verdict: Any = 'pass', reason: str = '', check: str = 'ssh.is_shut', case: str = ''
) -> CheckResult:
    return CheckResult(check, case, host, (), verdict, reason, ('sshd -T',))


def evidence(*found: CheckResult, by: Reference | None = None, whole: bool = True, **runs: Reference) -> Evidence:
    checks: dict[str, tuple[Found, ...]] = {}
    for each in found:
        checks[each.check] = (*checks.get(each.check, ()), Found(each, by or record()))
    hosts = frozenset(each.host for each in found)
    return Evidence(checks, runs, dict.fromkeys(checks, hosts) if whole else {})


def judged(of: Clause, seen: Evidence, chapter: str = 'x', **values: Any) -> ClauseVerdict:
    situation = Situation(**{
        'now': NOW, 'configuration': CONFIGURATION, 'hosts': ('db-1', 'db-2'), 'on_cloud': False, **values,
    })  # fmt: skip
    (found,) = judge_clauses(catalogue_of(of, chapter=chapter), seen, situation)
    return found


def english(found: ClauseVerdict) -> str:
    return ' | '.join(said.en for said in found.reasons)


CHECKED = clause(proofs={'checks': ['ssh.is_shut']})
TRIED = clause(proofs={'evidence': ['reachability']})


def test_what_passed_on_every_host_in_time_passes_and_says_when_that_ends() -> None:
    found = judged(CHECKED, evidence(result('db-1'), result('db-2')))
    assert (found.verdict, found.reasons) == ('pass', ())
    assert [(each.number, each.sha256) for each in found.records] == [(7, f'{7:064x}')]
    assert found.stale_from == NOW + 29 * DAY


@pytest.mark.parametrize(
    ('seen', 'verdict', 'reason'),
    [
        ((result('db-1'), result('db-2', 'fail', 'port 22 is open')), 'fail', 'fails on db-2: port 22 is open'),
        ((result('db-1'), result('db-2', 'not-verified', 'no answer')), 'not-verified', 'verified on db-2: no answer'),
        ((result('db-1', 'fail', 'x'), result('db-2', 'not-verified', 'y')), 'fail', 'fails on db-1: x'),
        ((result('db-1', 'not-applicable', 'no sshd'), result('db-2')), 'pass', ''),
        ((result('db-1', 'not-applicable', 'n'), result('db-2', 'not-applicable', 'n')), 'not-applicable', 'db-2: n'),
        ((result('db-1', case='a'), result('db-1', 'fail', 'z', case='b'), result('db-2')), 'fail', 'shut[b]: fails'),
        ((), 'not-verified', 'check ssh.is_shut: the ledger holds no result'),
    ],
    ids=['fail', 'unreached', 'both', 'not here', 'nowhere', 'one case', 'never run'],
)  # fmt: skip
def test_the_worst_result_decides_and_is_named(seen: tuple[CheckResult, ...], verdict: str, reason: str) -> None:
    found = judged(CHECKED, evidence(*seen))
    assert (found.verdict, reason in english(found)) == (verdict, True), english(found)


def test_a_host_that_no_audit_looked_at_keeps_a_clause_from_passing() -> None:
    found = judged(CHECKED, evidence(result('db-1'), result('db-2')), hosts=('db-1', 'db-2', 'db-3'))
    assert (found.verdict, english(found)) == ('not-verified', 'ssh.is_shut: was not run on db-3')


def test_a_check_of_one_tier_passes_without_the_hosts_that_it_does_not_concern() -> None:
    seen = evidence(result('db-1'), result('db-2'), result('lb-1', check='other'), whole=False)
    hosts = ('db-1', 'db-2', 'lb-1')
    assert judged(CHECKED, seen, hosts=hosts, applies={'ssh.is_shut': ('db-1', 'db-2')}).verdict == 'pass'
    # Nobody knows whom it concerns: an audit of a part alone has not shown that it leaves lb-1 out.
    assert judged(CHECKED, seen, hosts=hosts).verdict == 'not-verified'


def test_results_of_a_host_that_is_gone_count_for_nothing() -> None:
    seen = evidence(result('db-1'), result('db-2'), result('db-9', 'fail', 'x'))
    assert judged(CHECKED, seen).verdict == 'pass'


@pytest.mark.parametrize(
    ('by', 'values', 'reason'),
    [
        (record(age=31 * DAY), {}, 'older than the 30 days'),
        (record(configuration='d' * 64), {}, 'configuration was changed after record 7'),
        (record(configuration=''), {}, 'configuration was changed'),
        (record(), {'configuration': None}, 'does not stand'),
        (record(age=-DAY), {}, 'is of a time to come'),
    ],
    ids=['old', 'changed', 'unknown', 'not standing', 'of a time to come'],
)
def test_a_pass_of_another_time_or_configuration_is_stale_and_a_failure_stays_one(
    by: Reference, values: dict[str, Any], reason: str
) -> None:
    found = judged(CHECKED, evidence(result('db-1'), result('db-2'), by=by), **values)
    assert (found.verdict, reason in english(found), found.stale_from) == ('stale', True, None), english(found)
    failed = judged(CHECKED, evidence(result('db-1', 'fail', 'x'), result('db-2'), by=by), **values)
    assert (failed.verdict, reason in english(failed)) == ('fail', True), english(failed)


def test_the_last_moment_of_the_period_still_counts() -> None:
    seen = evidence(result('db-1'), result('db-2'), by=record(age=30 * DAY))
    assert judged(CHECKED, seen).verdict == 'pass'
    assert judged(CHECKED, seen, now=NOW + timedelta(seconds=1)).verdict == 'stale'


@pytest.mark.parametrize(
    ('run', 'verdict'),
    [
        (record(), 'pass'), (record(verdict='fail'), 'fail'), (record(verdict='not-verified'), 'not-verified'),
        (record(verdict=None), 'not-verified'), (record(verdict='rubbish'), 'not-verified'),
        (record(age=31 * DAY), 'stale'), (record(age=31 * DAY, verdict='fail'), 'fail'), (None, 'not-verified'),
    ],
)  # fmt: skip
def test_a_record_of_a_run_is_taken_at_its_word_and_no_other_word_passes(run: Reference | None, verdict: str) -> None:
    assert judged(TRIED, evidence(**({'reachability': run} if run else {}))).verdict == verdict


def test_every_proof_has_to_pass_an_alert_that_was_never_evaluated_too() -> None:
    both = clause(proofs={'evidence': ['reachability'], 'alerts': ['Fires']})
    assert judged(both, evidence(reachability=record())).verdict == 'not-verified'
    seen = Evidence(runs={'reachability': record(), 'alert:Fires': record(8)})
    assert judged(both, seen).verdict == 'pass'
    drilled = clause(proofs={'drills': ['power']})
    assert judged(drilled, Evidence(runs={'drill:power': record()})).verdict == 'pass'
    assert judged(drilled, Evidence(runs={'drill:other': record()})).verdict == 'not-verified'


@pytest.mark.parametrize(
    ('values', 'verdict', 'reason'),
    [
        ({'gaps': [GAP], 'proofs': {'checks': ['ssh.is_shut']}}, 'not-verified', 'gap: English (English)'),
        ({}, 'not-verified', 'nothing proves it'),
        ({'proof': 'P', 'proofs': {'checks': ['ssh.is_shut']}}, 'not-verified', 'a person has to judge it'),
        ({'proof': 'M', 'handled': 'manual'}, 'not-verified', 'a person has to look at it'),
        ({'proof': 'M', 'handled': 'document', 'proofs': {'documents': ['README.md']}}, 'not-verified', 'a document'),
        ({'proof': 'M', 'handled': 'inherited'}, 'inherited', 'machine room or the cloud'),
        ({'proofs': {'documents': ['README.md']}}, 'not-verified', 'nothing proves it'),
    ],
)
def test_what_a_machine_cannot_answer_alone_never_passes(values: dict[str, Any], verdict: str, reason: str) -> None:
    found = judged(clause(**values), evidence(result('db-1'), result('db-2')))
    assert (found.verdict, reason in english(found)) == (verdict, True), english(found)


@pytest.mark.parametrize('values', [{'gaps': [GAP]}, {'proof': 'P'}, {'handled': 'inherited'}, {'handled': 'manual'}])
def test_a_failure_that_was_seen_is_one_whoever_answers(values: dict[str, Any]) -> None:
    made = clause(proofs={'checks': ['ssh.is_shut']}, **values)
    assert judged(made, evidence(result('db-1', 'fail', 'x'), result('db-2'))).verdict == 'fail'


def test_the_cloud_chapter_does_not_apply_without_a_cloud() -> None:
    seen = evidence(reachability=record())
    assert judged(TRIED, seen, chapter='22239-8.2').verdict == 'not-applicable'
    assert judged(TRIED, seen, chapter='22239-8.2', on_cloud=True).verdict == 'pass'


def test_the_score_leaves_out_what_others_answer_for_and_counts_only_what_was_seen() -> None:
    seen = Evidence(runs={'reachability': record(), 'canary': record(verdict='fail'), 'mutation': record(age=99 * DAY)})
    clauses = [
        clause('x-1', proofs={'evidence': ['reachability']}),
        clause('x-2', proofs={'evidence': ['canary']}, high_risk=True),
        clause('x-3', proofs={'evidence': ['mutation']}), clause('x-4', gaps=[GAP]),
        clause('x-5', proof='M', handled='inherited'),
    ]  # fmt: skip
    found = judge_clauses(catalogue_of(*clauses), seen, Situation(NOW, CONFIGURATION, (), on_cloud=False))
    score = score_of(found)
    assert (score.applicable, score.verified, score.passed, score.high_risk_failed) == (4, 2, 1, ('x-2',))
    assert [line.en for line in score.lines()] == [
        'verified 50.0 %: 2 of the 4 clauses that apply (pass or fail)', 'passed 50.0 % of what was verified: 1 of 2',
    ]  # fmt: skip
    assert score.document()['note']['en'] == NO_OFFICIAL_RESULT.en
    assert '测评' in NO_OFFICIAL_RESULT.zh


def test_a_share_is_never_rounded_up_to_all_and_nothing_is_no_share() -> None:
    assert (percent(9999, 10_000), percent(0, 5), percent(0, 0)) == ('99.9 %', '0.0 %', '–')
    assert (percent(14, 18), percent(1, 16), percent(1, 2000), percent(7, 7)) == ('77.8 %', '6.3 %', '0.1 %', '100.0 %')


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / 'var' / 'ledger')


Audited = Callable[..., None]


@pytest.fixture
def audited(ledger: Ledger) -> Audited:
    """Give a function that writes an audit to the ledger."""

    def write(subject: str, *results: CheckResult) -> None:
        attached = {RESULTS: ledger.attach(canonical([each.document() for each in results]))}
        ledger.append('x', [Draft(AUDIT, subject, NOW, NOW, 'pass', attachments=attached, configuration=CONFIGURATION)])

    return write


def test_the_newest_result_of_a_check_on_a_host_counts_and_what_an_audit_of_all_left_out_is_gone(
    ledger: Ledger, audited: Audited
) -> None:
    audited(EVERY_HOST, result('db-1', 'fail', 'old', case='gone'), result('db-9', 'fail', 'old'))
    audited(EVERY_HOST, result('db-1', 'fail', 'x'), result('db-2'), result('db-2', check='b'))
    audited('a part: db-1', result('db-1'))
    seen = evidence_of(ledger.records(), ledger.attachment)
    assert [(each.result.host, each.result.verdict) for each in seen.checks['ssh.is_shut']] == [
        ('db-1', 'pass'), ('db-2', 'pass'),
    ]  # fmt: skip
    assert seen.audited == {'ssh.is_shut': {'db-1', 'db-2'}, 'b': {'db-1', 'db-2'}}
    assert judged(CHECKED, seen).verdict == 'pass'


def test_an_audit_of_a_part_does_not_speak_for_hosts_that_it_left_out(ledger: Ledger, audited: Audited) -> None:
    audited('a part: db-1', result('db-1'), result('db-1', check='b'))
    audited('a part: db-2', result('db-2', check='b'))
    found = judged(CHECKED, evidence_of(ledger.records(), ledger.attachment))
    assert (found.verdict, 'was not run on db-2' in english(found)) == ('not-verified', True)


def test_the_start_of_a_run_is_no_result_and_the_newest_run_counts(ledger: Ledger) -> None:
    for kind, verdict in (('reachability', 'fail'), ('reachability', 'pass'), ('reachability begun', None)):
        ledger.append('x', [Draft(kind, 'zones', NOW, NOW, verdict)])  # type: ignore[arg-type]
    seen = evidence_of(ledger.records(), ledger.attachment)
    assert {name: run.verdict for name, run in seen.runs.items()} == {'reachability': 'pass'}


DRILLED = clause(proofs={'evidence': ['restore-drill']})


@pytest.mark.parametrize(
    ('media', 'archive', 'verdict', 'reason'),
    [
        ('pass', 'pass', 'pass', ''),
        ('pass', 'not-verified', 'not-verified', 'restore-drill:archive: not verified'),
        ('pass', 'fail', 'fail', 'restore-drill:archive: fail'),
        ('pass', None, 'not-verified', 'restore-drill:archive: the ledger holds no result'),
    ],
)
def test_a_drill_of_one_policy_does_not_speak_for_another_whichever_was_last(
    ledger: Ledger, media: str, archive: str | None, verdict: str, reason: str
) -> None:
    drills = {'archive': archive, 'media': media, 'etcd': 'fail'}
    for subject, said in drills.items():
        if said is not None:
            draft = Draft('restore-drill', subject, NOW, NOW, said, configuration=CONFIGURATION)  # type: ignore[arg-type]
            ledger.append('x', [draft])
    seen = evidence_of(ledger.records(), ledger.attachment)
    of_it = judged(DRILLED, seen, subjects={'restore-drill': {DRILLED.id: ('archive', 'media'), '*': ('etcd',)}})
    assert of_it.verdict == verdict
    assert reason in english(of_it)
    # A clause that nothing is said of takes those of all.
    assert judged(DRILLED, seen, subjects={'restore-drill': {'*': ('etcd',)}}).verdict == 'fail'
    assert judged(DRILLED, seen).verdict == 'fail'


def test_results_that_cannot_be_read_are_named_by_their_record(ledger: Ledger) -> None:
    for attached in ({}, {RESULTS: b'{'}, {RESULTS: b'[{"check": "x"}]'}):
        files = {name: ledger.attach(content) for name, content in attached.items()}
        ledger.append('x', [Draft(AUDIT, EVERY_HOST, NOW, NOW, 'pass', attachments=files)])
        with pytest.raises(AnlanError, match=r'record \d+: '):
            evidence_of(ledger.records(), ledger.attachment)


def test_a_whole_ledger_gives_each_clause_of_ours_a_verdict_with_its_reason(tmp_path: Path) -> None:
    found = sample(tmp_path / 'var' / 'ledger').assessment
    assert len(found.verdicts) == len(found.catalogue.clauses())
    assert all(each.reasons for each in found.verdicts if each.verdict != 'pass')
    assert all(each.records for each in found.verdicts if each.verdict in {'pass', 'fail', 'stale'})
    assert {'pass', 'fail', 'not-verified', 'inherited', 'not-applicable'} == set(found.score.counts)
    assert {said['zh'] != '' for each in found.document()['verdicts'] for said in each['reasons']} == {True}
