"""Remediation: clauses before and after, and hosts where nothing was done though a check fails."""

from compliance.remediation import remediation
from compliance.result import CheckResult


def result(host, verdict, check='ssh.one', clause='22239-8.1.4.1-b'):
    return CheckResult(check, '', host, (clause,), verdict, '' if verdict == 'pass' else 'why', ())


def test_a_clause_is_counted_before_and_after():
    before, after = [result('a', 'fail'), result('b', 'pass')], [result('a', 'pass'), result('b', 'pass')]
    found = remediation(before, after, {'a': 1})
    change = found.changes[0]
    assert (change.before, change.after) == ({'fail': 1, 'pass': 1}, {'pass': 2})
    assert not found.failing
    assert not found.idle


def test_a_host_that_fails_and_was_not_changed_is_named():
    results = [result('a', 'fail'), result('b', 'fail')]
    found = remediation(results, results, {'a': 0, 'b': 3})
    assert found.idle == {'a': ('ssh.one',)}
    assert {each.host for each in found.failing} == {'a', 'b'}


def test_a_host_that_the_run_did_not_reach_counts_as_unchanged():
    assert remediation([], [result('a', 'fail')], {}).idle == {'a': ('ssh.one',)}


def test_results_may_come_one_by_one():
    found = remediation(iter([result('a', 'fail')]), iter([result('a', 'fail')]), {})
    assert found.document()['idle'] == {'a': ['ssh.one']}
    assert found.changes[0].after == {'fail': 1}
