"""A steady learner's run: what was felt, what failed, and what was lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from anlan.errors import AnlanError
from anlan.remote import Result, Unreachable
from monitoring.steady import Outcome, SteadyLearner, SteadyRun


def run_of(*rows: tuple[float, float, str], acknowledged: Sequence[str] = ()) -> SteadyRun:
    return SteadyRun.of(
        {'outcomes': {'write': list(rows), 'read': [], 'media': []}, 'acknowledged': list(acknowledged)}
    )


def test_a_request_without_a_reason_was_answered_well() -> None:
    assert Outcome(1.0, 1.1, '').ok
    assert not Outcome(1.0, 1.1, 'timed out').ok


def test_the_longest_gap_is_between_two_good_answers() -> None:
    run = run_of((0, 1, ''), (1, 2, ''), (2, 4, 'refused'), (4, 6, 'refused'), (6, 7.5, ''), (8, 8.5, ''))
    assert run.longest_gap_seconds('write') == 5.5


def test_a_slow_answer_is_a_gap_too() -> None:
    assert run_of((0, 1, ''), (1, 9, ''), (9, 10, '')).longest_gap_seconds('write') == 8


def test_a_run_without_a_fault_has_the_gap_of_its_rhythm() -> None:
    assert run_of((0, 1, ''), (1, 2, ''), (2, 3, '')).longest_gap_seconds('write') == 1


def test_a_run_that_ends_in_failure_has_not_come_back() -> None:
    assert run_of((0, 1, ''), (1, 2, ''), (2, 12, 'timed out')).longest_gap_seconds('write') == 10


@pytest.mark.parametrize('rows', [[], [(0, 1, '')], [(0, 1, 'refused'), (1, 2, 'refused'), (2, 3, '')]])
def test_fewer_than_two_good_answers_are_a_gap_without_end(rows: list[tuple[float, float, str]]) -> None:
    assert run_of(*rows).longest_gap_seconds('write') == float('inf')


def test_kinds_are_judged_apart() -> None:
    run = SteadyRun.of(
        {
            'outcomes': {'write': [(0, 1, ''), (1, 5, '')], 'read': [(0, 1, ''), (1, 2, '')], 'media': [(0, 1, 'x')]},
            'acknowledged': [],
        }
    )
    assert run.longest_gap_seconds('write') == 4
    assert run.longest_gap_seconds('read') == 1
    assert [len(run.failures(kind)) for kind in ('write', 'read', 'media')] == [0, 0, 1]


def test_failures_are_those_with_a_reason_in_order() -> None:
    run = run_of((0, 1, 'first'), (1, 2, ''), (2, 3, 'second'))
    assert [outcome.reason for outcome in run.failures('write')] == ['first', 'second']


def test_what_was_acknowledged_and_is_not_kept_is_lost() -> None:
    run = run_of(acknowledged=['a', 'b', 'c'])
    assert run.lost(['c', 'a']) == {'b'}
    assert run.lost([]) == {'a', 'b', 'c'}


def test_what_is_kept_without_having_been_acknowledged_is_no_loss() -> None:
    assert run_of(acknowledged=['a']).lost(['a', 'was never answered']) == set()


class FakeRemote:
    """Answers what it was given; notes what it was asked."""

    def __init__(self, answer: Result | Unreachable) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.argv: list[list[str]] = []

    def run(self, host: str, argv: list[str], deadline_seconds: float, stdin: str | None = None) -> Result:
        self.argv.append(argv)
        if stdin is not None:
            self.asked.append(json.loads(stdin))
        if isinstance(self.answer, Unreachable):
            raise self.answer
        return self.answer


def answered(document: Any) -> Result:
    return Result(0, json.dumps(document), '', 0.1)


def learner(remote: FakeRemote) -> SteadyLearner:
    return SteadyLearner(remote, 'client-1', 'https://learn.sample.test/', 'journey-secret', seconds=1)  # type: ignore[arg-type]


def test_a_learner_runs_beside_the_body_and_returns_its_run() -> None:
    remote = FakeRemote(answered({'outcomes': {'write': [(0, 1, '')]}, 'acknowledged': ['a']}))
    with learner(remote) as steady:
        pass
    assert steady.run().acknowledged == {'a'}
    assert remote.asked[0]['mode'] == 'steady'


def test_the_password_goes_by_standard_input_alone() -> None:
    remote = FakeRemote(answered({'outcomes': {}, 'acknowledged': []}))
    with learner(remote):
        pass
    assert remote.asked[0]['password'] == 'journey-secret'
    assert 'journey-secret' not in json.dumps(remote.argv)


def test_what_the_platform_keeps_is_read_back() -> None:
    remote = FakeRemote(answered({'events': ['a', 'b']}))
    assert learner(remote).read_back() == ['a', 'b']
    assert remote.asked[0]['mode'] == 'read_back'


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (Result(1, '', 'Traceback: LookupError: no course', 0.1), 'exit code 1: Traceback: LookupError: no course'),
        (Result(124, '', 'the deadline of 21 s passed', 21.0), 'the deadline of 21 s passed'),
        (Unreachable('client-1: the connection broke'), 'the connection broke'),
        (Result(0, 'no JSON', '', 0.1), 'no JSON'),
    ],
    ids=['failed', 'deadline', 'unreachable', 'nonsense'],
)
@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_learner_that_could_not_work_is_an_error_and_not_an_empty_run(answer: Any, reason: str) -> None:
    steady = learner(FakeRemote(answer))
    with steady:
        steady._thread.join()
    with pytest.raises(AnlanError, match=reason):
        steady.run()
    with pytest.raises(AnlanError, match=reason):
        steady.read_back()


def test_a_learner_that_was_never_started_says_so() -> None:
    with pytest.raises(AnlanError, match='it was not started'):
        learner(FakeRemote(answered({}))).run()
