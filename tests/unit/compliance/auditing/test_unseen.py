"""What was not seen is never a pass: half answers, hosts that fall silent, checks that ask nothing or are left out."""

import os
import subprocess
import sys

import pytest

from anlan.paths import ROOT
from compliance import judging
from compliance.answer import Answer, Silence
from compliance.answers import Answers
from compliance.audit import Selection, audit, differences, replay
from compliance.judging import judge
from compliance.plugin import CONTAINER
from compliance.result import CheckResult
from tests.unit.compliance.auditing.sample import CHECKS, HOSTS, OUTPUTS, Platform, answer
from tests.unit.compliance.checks.asked import outputs


def judged(fetch, folder=CHECKS):
    return {result.key: result for result in judge(Answers({}, fetch), OUTPUTS, HOSTS, folder=folder).results}


@pytest.mark.parametrize(
    ('code', 'err', 'more', 'said'),
    [(124, '\nno end within 20 s', '', 'did not end'), (0, '', '\n[cut: 300000 bytes in all]', 'more than is kept')],
)
def test_a_half_answer_is_not_judged(tmp_path, code, err, more, said):
    (tmp_path / 'test_half.py').write_text(
        'from compliance.checking import clauses\n\n\n@clauses("x")\ndef test_nothing_bad_is_found(host):\n'
        '    assert "bad" not in host.run("find").stdout\n'
    )

    def fetch(commands):
        return {host: {each: Answer(each, code, f'good{more}', err, '', 1.0) for each in every}
                for host, every in commands.items()}  # fmt: skip

    result = judged(fetch, tmp_path)['half.nothing_bad_is_found@app-1']
    assert (result.verdict, said in result.reason) == ('not-verified', True)


def test_a_check_that_asks_nothing_has_seen_nothing(tmp_path):
    (tmp_path / 'test_idle.py').write_text('def test_it_is_fine(host):\n    assert True\n')
    result = judged(Platform().fetch, tmp_path)['idle.it_is_fine@app-1']
    assert (result.verdict, result.reason) == ('not-verified', 'it asked the host nothing')


@pytest.mark.parametrize('said', [answer(CONTAINER, '', 127), answer(CONTAINER, '', 1)])
def test_who_does_not_say_whether_it_is_a_container_is_not_taken_for_none(said):
    platform = Platform()

    def fetch(commands):
        return {host: {**every, **({CONTAINER: said} if CONTAINER in every else {})}
                for host, every in platform.fetch(commands).items()}  # fmt: skip

    assert judged(fetch)['greeting.the_kernel_greets@app-1'].verdict == 'not-verified'


def test_a_host_that_falls_silent_between_two_rounds_is_judged_as_its_record_will_be(monkeypatch):
    monkeypatch.setattr(judging.judge, '__kwdefaults__', {**judging.judge.__kwdefaults__, 'folder': CHECKS})
    platform = Platform()

    def fetch(commands):
        found = platform.fetch(commands)
        return found if len(platform.batches) == 1 else {host: Silence(f'{host}: gone') for host in found}

    done = audit(OUTPUTS, fetch, Selection(), {})
    assert {result.verdict for result in done.results if result.check == 'greeting.it_greets'} == {'not-verified'}
    assert differences(done.results, replay(done.observation).results) == []


def test_a_host_that_leaves_every_command_out_is_not_asked_for_ever():
    batches = []

    def fetch(commands):
        batches.append(commands)
        return {host: {} for host in commands}

    assert {result.verdict for result in judged(fetch).values()} == {'not-verified', 'not-applicable'}
    assert len(batches) == 1


def test_options_of_pytest_in_the_environment_leave_no_check_out(monkeypatch):
    every = judged(Platform().fetch)
    monkeypatch.setenv('PYTEST_ADDOPTS', '-k it_greets')
    assert judged(Platform().fetch).keys() == every.keys()
    assert os.environ['PYTEST_ADDOPTS'] == '-k it_greets'


def test_a_python_that_takes_assertions_out_runs_no_check():
    done = subprocess.run(
        [sys.executable, '-O', '-c', 'from compliance.check_list import list_checks; list_checks()'],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode
    assert 'which `python -O` and PYTHONOPTIMIZE take out' in done.stderr


def test_a_word_that_is_no_verdict_is_refused():
    document = CheckResult('a', '', 'db-1', (), 'pass', '', ()).document()
    assert CheckResult.of(document)
    with pytest.raises(ValueError, match='is no verdict'):
        CheckResult.of({**document, 'verdict': 'passed'})


@pytest.mark.parametrize(('code', 'err'), [(0, ''), (127, 'sh: not found'), (124, '\nno end within 20 s')])
def test_a_host_that_answers_nothing_passes_none_of_our_checks(code, err):
    """Also none that looks for what must not be there."""

    def fetch(commands):
        return {
            host: {
                each: answer(each, 'none\n', 1) if each == CONTAINER else Answer(each, code, '', err, '', 0.1)
                for each in every
            }
            for host, every in commands.items()
        }

    found = judge(Answers({}, fetch), outputs(), list(outputs()['hosts']))
    assert [result.key for result in found.results if result.verdict == 'pass'] == []
    assert len(found.results) > 5000
