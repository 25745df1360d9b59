"""Deadlines, on a clock of the test's own: nobody waits here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anlan import deadline as module
from anlan.deadline import Deadline, wait_until
from anlan.errors import AnlanError, DeadlineExceeded


class Clock:
    """A monotonic clock that moves only by sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        assert len(self.slept) < 1000, 'the wait has no end'
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, 'time', clock)
    monkeypatch.setattr(module, 'Deadline', lambda seconds: Deadline(seconds, clock.now))
    return clock


def after(tries: int, reason: str = 'not yet') -> Callable[[], str | None]:
    """Return a condition that is met at its nth asking."""
    left = iter([*[f'{reason} ({number})' for number in range(1, tries)], None])
    return lambda: next(left)


def test_what_is_left_shrinks_to_nothing_and_no_further(clock: Clock) -> None:
    deadline = Deadline(10, clock.now)
    assert (deadline.remaining_seconds(), deadline.passed()) == (10, False)
    clock.now += 9.5
    assert (deadline.remaining_seconds(), deadline.passed()) == (0.5, False)
    clock.now += 0.5
    assert (deadline.remaining_seconds(), deadline.passed()) == (0, True)
    clock.now += 100
    assert deadline.remaining_seconds() == 0


def test_a_deadline_begins_when_it_is_made() -> None:
    assert not Deadline(3600).passed()
    assert Deadline(0).passed()


def test_a_condition_that_is_met_is_not_waited_for(clock: Clock) -> None:
    assert wait_until(lambda: None, 'nothing', 5) == 0
    assert clock.slept == []


def test_a_condition_is_asked_until_it_is_met(clock: Clock) -> None:
    assert wait_until(after(4), 'the fourth time', 60, interval_seconds=2) == 6
    assert clock.slept == [2, 2, 2]


def test_a_wait_that_gives_up_says_what_it_waited_for_and_the_last_reason(clock: Clock) -> None:
    with pytest.raises(DeadlineExceeded, match=r'^waited 5 s for a leader; still: not yet \(4\)$'):
        wait_until(after(100), 'a leader', 5, interval_seconds=2)
    assert clock.now == 1005


def test_a_condition_is_asked_once_more_when_the_time_is_up(clock: Clock) -> None:
    assert wait_until(after(4), 'the last moment', 5, interval_seconds=2) == 5


def test_no_time_is_still_one_try(clock: Clock) -> None:
    assert wait_until(lambda: None, 'nothing', 0) == 0
    with pytest.raises(DeadlineExceeded, match='still: no'):
        wait_until(lambda: 'no', 'nothing', 0)


def test_a_condition_that_fails_is_not_hidden(clock: Clock) -> None:
    def broken() -> str | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wait_until(broken, 'nothing', 5)
    assert issubclass(DeadlineExceeded, AnlanError)
