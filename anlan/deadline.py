"""Deadlines: every wait has one and says what it waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from anlan.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, `seconds` after it was made."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def remaining_seconds(self) -> float:
        """Return the seconds left, never below 0."""
        return max(0.0, self.started + self.seconds - time.monotonic())

    def passed(self) -> bool:
        """Return whether the moment has come."""
        return self.remaining_seconds() == 0.0


def wait_until(
    condition: Callable[[], str | None],
    what: str,
    seconds: float,
    interval_seconds: float = 0.5,
) -> float:
    """Given a condition that returns None when met or else the reason why not, wait for it.

    Return the seconds that it took. Raise DeadlineExceeded with `what` and the last reason if
    `seconds` pass first.
    """
    deadline = Deadline(seconds)
    while True:
        reason = condition()
        if reason is None:
            return seconds - deadline.remaining_seconds()
        if deadline.passed():
            raise DeadlineExceeded(f'waited {seconds:.0f} s for {what}; still: {reason}')
        time.sleep(min(interval_seconds, max(deadline.remaining_seconds(), 0.01)))
