"""Judging what learners saw: one that is stopped is named, and what was not tried is never taken for well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monitoring.status import Status, judge
from tests.unit.monitoring.test_status import STEPS, journey, whole


def stopped(step: str) -> dict[str, Any]:
    found = journey()
    index = STEPS.index(step)
    found['steps'] = found['steps'][: index + 1]
    found['steps'][index] |= {'ok': False, 'reason': 'answered 503'}
    return found


def with_journeys(size: str = 'full', **journeys: Any) -> Status:
    seen = whole(size)
    new = {name.replace('_', '-'): walked for name, walked in journeys.items()}
    return judge(replace(seen, journeys={**seen.journeys, **new}))


def test_a_journey_that_stops_on_one_client_degrades() -> None:
    status = with_journeys(client_1=stopped('video'))
    assert status.state == 'degraded'
    assert status.reasons == ['client-1: a learner is stopped at video: answered 503']
    assert [row['ok'] for row in status.journey] == [False, True]


def test_journeys_that_stop_on_every_client_are_down() -> None:
    status = with_journeys(client_1=stopped('log_in'), client_2=stopped('other_device'))
    assert status.state == 'down'
    assert len(status.reasons) == 2


def test_a_journey_that_could_not_be_tried_is_not_taken_for_one_that_went_well() -> None:
    seen = whole()
    status = judge(
        replace(seen, journeys={'client-1': None, 'client-2': None}, journey_errors={'client-1': 'no SSH session'})
    )
    assert status.state == 'down'
    assert status.reasons == [
        'client-1: the journey could not be tried: no SSH session',
        'client-2: the journey could not be tried: gave no answer',
    ]


def test_a_journey_without_a_step_is_not_one_that_went_well() -> None:
    nothing = {'steps': [], 'served_by': ''}
    assert with_journeys(client_1=nothing, client_2=nothing).state == 'down'
    assert with_journeys(client_1=nothing).state == 'degraded'


def test_no_client_at_all_is_down() -> None:
    assert judge(replace(whole(), journeys={})).state == 'down'


def test_a_slow_journey_degrades_and_one_at_the_limit_does_not() -> None:
    status = with_journeys(client_2=journey(3.2))
    assert status.state == 'degraded'
    assert status.reasons == ['client-2: an action takes 3.2 s, above 3 s']
    assert with_journeys(client_2=journey(3.0)).state == 'ok'


def test_size_mini_is_down_when_its_only_client_cannot_learn() -> None:
    assert with_journeys('mini', client_1=stopped('open')).state == 'down'
