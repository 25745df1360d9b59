"""A steady learner on a client: what became of every request, and how long a loss was felt."""

from __future__ import annotations

import copy
import itertools
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from anlan.errors import AnlanError
from anlan.remote import Remote

SCRIPT = Path(__file__).with_name('learner.py')
START_SECONDS = 20.0
READ_BACK_SECONDS = 60.0

Kind = Literal['write', 'read', 'media']


@dataclass(frozen=True)
class Outcome:
    """One request: when it began and ended (Unix time), and why it failed; no reason if it was answered well."""

    started: float
    ended: float
    reason: str

    @property
    def ok(self) -> bool:
        """Return whether it was answered well."""
        return not self.reason


@dataclass(frozen=True)
class SteadyRun:
    """All requests of a run by kind, in order, and the numbers of the writes that were acknowledged."""

    outcomes: Mapping[Kind, Sequence[Outcome]]
    acknowledged: frozenset[str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> SteadyRun:
        """Given what the learner printed, return the run."""
        outcomes = {kind: [Outcome(*row) for row in rows] for kind, rows in document['outcomes'].items()}
        return cls(outcomes, frozenset(document['acknowledged']))

    def longest_gap_seconds(self, kind: Kind) -> float:
        """Return the longest time between two good answers; infinite if there were fewer than two."""
        good = [outcome.ended for outcome in self.outcomes[kind] if outcome.ok]
        if len(good) < 2:
            return float('inf')
        # A run that ends in failure has not come back: that time counts too.
        ends = [*good, max(outcome.ended for outcome in self.outcomes[kind])]
        return max(later - earlier for earlier, later in itertools.pairwise(ends))

    def all(self) -> list[Outcome]:
        """Return every request, of all kinds, in the order in which they began."""
        return sorted((each for rows in self.outcomes.values() for each in rows), key=lambda each: each.started)

    def failures(self, kind: Kind) -> list[Outcome]:
        """Return the requests that were not answered well."""
        return [outcome for outcome in self.outcomes[kind] if not outcome.ok]

    def lost(self, kept: Sequence[str]) -> set[str]:
        """Given the numbers that the platform keeps, return those that it acknowledged and does not have."""
        return set(self.acknowledged - set(kept))


class SteadyLearner:
    """Runs a steady learner on a client while the body of `with` does something to the platform."""

    def __init__(
        self,
        remote: Remote,
        client: str,
        url: str,
        password: str,
        *,
        seconds: float,
        interval_seconds: float = 0.1,
        edge: str = '',
    ) -> None:
        name = uuid.uuid4().hex[:12]
        self._remote = remote
        self._client = client
        self._question = {'url': url, 'user': f'steady-{name}', 'password': password, 'edge': edge}
        self._steady = {
            'mode': 'steady',
            'seconds': seconds,
            'interval_seconds': interval_seconds,
            'stop_file': f'/tmp/steady-{name}.stop',  # noqa: S108 - on a lab client, a name of its own
        }
        self._seconds = seconds
        self._answer: dict[str, Any] | str = 'it was not started'
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SteadyLearner:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the run and wait for it."""
        if self._thread.is_alive():
            self._remote.run(self._client, ['touch', str(self._steady['stop_file'])], START_SECONDS)
            self._thread.join(timeout=START_SECONDS + self._seconds)

    def run(self) -> SteadyRun:
        """Return the run that has ended. Raise AnlanError if the learner could not do its work at all."""
        if isinstance(self._answer, str):
            raise AnlanError(f'the learner on {self._client} said nothing: {self._answer}')
        return SteadyRun.of(self._answer)

    def read_back(self) -> list[str]:
        """Return the number of every event that the platform keeps of this learner. Raise AnlanError."""
        answer = self._ask({'mode': 'read_back'}, READ_BACK_SECONDS)
        if isinstance(answer, str):
            raise AnlanError(f'the events could not be read back: {answer}')
        events: list[str] = answer['events']
        return events

    def over(self, remote: Remote) -> SteadyLearner:
        """Given other connections, return the same learner over them: those before ended with what they led through."""
        again = copy.copy(self)
        again._remote = remote
        return again

    def journey(self) -> dict[str, Any]:
        """Walk a learner's way once, beside the steady run, and return its steps. Raise AnlanError if that fails."""
        # A learner of its own: the steady one saves other positions meanwhile.
        user = f'{self._question["user"]}-journey'
        answer = self._ask({'mode': 'journey', 'user': user}, READ_BACK_SECONDS)
        if isinstance(answer, str):
            raise AnlanError(f'the journey could not be walked: {answer}')
        return answer

    def _run(self) -> None:
        self._answer = self._ask(self._steady, self._seconds + START_SECONDS)

    def _ask(self, mode: Mapping[str, Any], deadline_seconds: float) -> dict[str, Any] | str:
        argv = ['python3', '-I', '-c', SCRIPT.read_text(encoding='utf-8')]
        try:
            result = self._remote.run(self._client, argv, deadline_seconds, json.dumps({**self._question, **mode}))
        except AnlanError as error:
            return str(error)
        if result.code != 0:
            return f'exit code {result.code}: {result.err.strip()[-300:]}'
        try:
            answer: dict[str, Any] = json.loads(result.out)
        except ValueError:
            return f'it answered no JSON: {result.out[:100]!r}'
        return answer


def settle(seconds: float = 2.0) -> None:
    """Let a learner see the platform whole before something is done to it."""
    time.sleep(seconds)
