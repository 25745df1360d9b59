"""Audits: live and again from the record, whole and in part."""

import gzip
import json

import pytest

from anlan.errors import AnlanError, BadInput
from compliance import judging
from compliance.answer import Silence
from compliance.audit import Selection, audit, commands_of, differences, replay, require_results
from compliance.observation import Observation
from tests.unit.compliance.auditing.sample import CHECKS, OUTPUTS, Platform


@pytest.fixture(autouse=True)
def own_checks(monkeypatch):
    monkeypatch.setattr(judging.judge, '__kwdefaults__', {**judging.judge.__kwdefaults__, 'folder': CHECKS})


def audited(platform, selection=Selection(), known=()):  # noqa: B008
    return audit(OUTPUTS, platform.fetch, selection, dict(known))


def test_a_replay_gives_the_same_verdicts_without_a_host():
    done = audited(Platform(greet='grr', container=True, silent=['db-1']))
    again = replay(Observation.unpacked(done.observation.packed(), 'answers'))
    assert differences(done.results, again.results) == []
    assert {result.verdict for result in again.results} == {'pass', 'fail', 'not-verified', 'not-applicable'}


def test_an_answer_that_was_changed_changes_the_verdict_and_is_named():
    done = audited(Platform())
    document = json.loads(gzip.decompress(done.observation.packed()))
    for said in document['hosts']['app-1']['answers']:
        if said['command'] == 'greet':
            said['out'] = 'grr'
    again = replay(Observation.unpacked(gzip.compress(json.dumps(document).encode()), 'answers'))
    assert any('greeting.it_greets@app-1: was pass' in line for line in differences(done.results, again.results))


def test_what_was_asked_before_is_asked_in_one_round_trip():
    first = audited(Platform())
    second = Platform()
    audited(second, known=commands_of(first.observation).items())
    assert len(second.batches) == 1


def test_what_no_check_asks_any_more_is_not_kept():
    done = audited(Platform(), known={'app-1': ('who asked this',)}.items())
    assert 'who asked this' not in done.observation.hosts['app-1']


def test_clients_are_no_part_of_the_platform():
    done = audited(Platform())
    assert {result.host for result in done.results} == {'app-1', 'db-1'}


def test_a_part_is_chosen_by_host_clause_and_check():
    assert {r.host for r in audited(Platform(), Selection(hosts=('db-1',))).results} == {'db-1'}
    assert {r.check for r in audited(Platform(), Selection(clauses=('test-2',))).results} == {
        'greeting.a_database_greets', 'greeting.the_kernel_greets',
    }  # fmt: skip
    assert {r.check for r in audited(Platform(), Selection(checks=('greeting.it_greets',))).results} == {
        'greeting.it_greets'
    }


def test_a_host_that_is_not_there_and_a_choice_of_nothing_are_bad_input():
    with pytest.raises(BadInput, match='there is no host nobody'):
        audited(Platform(), Selection(hosts=('nobody',)))
    with pytest.raises(BadInput, match='no check is chosen'):
        audited(Platform(), Selection(clauses=('test-99',)))


def test_the_verdict_of_an_audit():
    assert audited(Platform(greet='grr')).verdict() == 'fail'
    assert audited(Platform()).verdict() == 'not-verified', 'one check says that it saw nothing'
    assert audited(Platform(), Selection(checks=('greeting.it_greets',))).verdict() == 'pass'


def test_a_silent_host_is_on_record():
    done = audited(Platform(silent=['db-1']))
    assert done.observation.hosts['db-1'] == Silence('db-1: no route')
    assert 'db-1' not in done.seconds_by_host()


@pytest.mark.parametrize('content', [b'', b'no gzip', gzip.compress(b'{}'), gzip.compress(b'[' * 100_000)])
def test_what_is_no_record_is_refused(content):
    with pytest.raises(BadInput, match='answers: is no record'):
        Observation.unpacked(content, 'answers')


def test_a_record_of_another_format_is_refused():
    with pytest.raises(BadInput, match='format 99'):
        Observation.unpacked(gzip.compress(b'{"format": 99}'), 'answers')


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(monkeypatch):
    monkeypatch.setattr('compliance.observation.MOST_BYTES', 1024 * 1024)
    with pytest.raises(BadInput, match='is larger than 1 MiB'):
        Observation.unpacked(gzip.compress(bytes(1024 * 1024 + 1)), 'answers')


def test_two_checks_of_one_name_are_refused():
    results = audited(Platform()).results
    with pytest.raises(AnlanError, match='the same name'):
        require_results([results[0], results[0]])
