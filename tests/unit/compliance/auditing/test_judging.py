"""Judging over answers: rounds, verdicts, and what is never taken for a pass."""

import pytest

from anlan.errors import AnlanError
from compliance.answers import Answers
from compliance.judging import judge
from tests.unit.compliance.auditing.sample import CHECKS, HOSTS, OUTPUTS, Platform


def judged(platform, **more):
    found = judge(Answers({}, platform.fetch), OUTPUTS, HOSTS, folder=CHECKS, **more)
    return {result.key: result for result in found.results}


def test_a_host_that_answers_well_passes_and_is_asked_in_rounds():
    platform = Platform()
    results = judged(platform)
    assert results['greeting.it_greets@app-1'].verdict == 'pass'
    assert results['greeting.it_greets_by_name@db-1'].verdict == 'pass'
    assert len(platform.batches) == 2, 'one round for what is asked first, one for what depended on it'
    assert results['greeting.it_greets_by_name@db-1'].commands == ('name', 'greet db-1')


def test_a_wrong_answer_fails_with_the_sentence_of_the_check():
    result = judged(Platform(greet='grr'))['greeting.it_greets@app-1']
    assert (result.verdict, result.reason, result.clauses) == ('fail', 'it says grr', ('test-1',))


def test_a_check_of_one_tier_asks_no_other():
    results = judged(Platform())
    assert 'greeting.a_database_greets@db-1' in results
    assert 'greeting.a_database_greets@app-1' not in results


def test_the_kernel_of_a_container_is_not_verified():
    results = judged(Platform(container=True))
    assert results['greeting.the_kernel_greets@app-1'].verdict == 'not-verified'
    assert 'container' in results['greeting.the_kernel_greets@app-1'].reason
    assert judged(Platform())['greeting.the_kernel_greets@app-1'].verdict == 'pass'


def test_a_host_that_is_silent_is_not_verified_and_not_missing():
    results = judged(Platform(silent=['db-1']))
    of_host = [result for result in results.values() if result.host == 'db-1' and 'breaks' not in result.check]
    judgeable = [
        result
        for result in of_host
        if result.check not in ('greeting.what_cannot_be_seen', 'greeting.what_is_no_concern')
    ]
    assert judgeable
    assert {result.verdict for result in judgeable} == {'not-verified'}
    assert all('no route' in result.reason for result in judgeable)
    assert results['greeting.it_greets@app-1'].verdict == 'pass'


def test_what_a_check_cannot_say_is_no_pass():
    results = judged(Platform())
    dark, none = results['greeting.what_cannot_be_seen@app-1'], results['greeting.what_is_no_concern@app-1']
    assert (dark.verdict, dark.reason) == ('not-verified', 'it is dark')
    assert (none.verdict, none.reason) == ('not-applicable', 'it has no voice')


def test_a_check_that_breaks_has_judged_nothing():
    result = judged(Platform())['greeting.it_breaks@app-1']
    assert result.verdict == 'not-verified'
    assert result.reason.startswith('the check broke: KeyError')


def test_without_a_way_to_ask_what_is_not_on_record_is_not_verified():
    found = judge(Answers({'app-1': {}}), OUTPUTS, ('app-1',), folder=CHECKS)
    result = next(each for each in found.results if each.check == 'greeting.it_greets')
    assert (result.verdict, 'not on record' in result.reason) == ('not-verified', True)


def test_a_file_of_checks_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / 'test_broken.py').write_text('import nowhere_to_be_found\n')
    with pytest.raises(AnlanError, match='cannot be read'):
        judge(Answers({}), OUTPUTS, HOSTS, folder=tmp_path)


def test_the_violation_of_each_check_is_known():
    found = judge(Answers({}, Platform().fetch), OUTPUTS, HOSTS, folder=CHECKS)
    assert found.violations['greeting.it_greets', ''].plant == 'rude'
    assert ('greeting.a_database_greets', '') not in found.violations
