"""Mutation: whether each check sees the fault that it names, planted on a host that may be spoilt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from anlan.errors import AnlanError
from compliance.answer import Answer
from compliance.answers import Answers, Planted
from compliance.collecting import Collector
from compliance.judging import Judgement, judge
from compliance.plugin import CONTAINER
from compliance.result import CheckResult
from compliance.violation import PlantedAnswer, Violation

How = Literal['on the host', 'in the answer', 'as it stands']
Found = Literal['caught', 'missed', 'not planted', 'not applicable']
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Outcome:
    """What a check made of its violation.

    `how`: a fault on a host, an answer in its place, or a fault that is there already. `not applicable`: what
    it is about is nowhere on this platform.
    """

    check: str
    case: str
    host: str
    how: How
    found: Found
    reason: str


@dataclass(frozen=True)
class Mutation:
    """Every outcome."""

    outcomes: tuple[Outcome, ...]

    def count(self, found: Found, how: How | None = None) -> int:
        """Given what became of them, return how many outcomes there are, of one way to plant or of both."""
        return sum(1 for each in self.outcomes if each.found == found and how in (None, each.how))

    @property
    def applicable(self) -> int:
        """Return how many violations concern this platform."""
        return len(self.outcomes) - self.count('not applicable')

    @property
    def whole(self) -> bool:
        """Return whether there were violations, and each that concerns this platform was caught."""
        return self.count('caught') == self.applicable > 0

    @property
    def score(self) -> float:
        """Return the share of violations that were caught. What could not be planted was not caught."""
        return self.count('caught') / self.applicable if self.applicable else 0.0

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {'score': round(self.score, 4), 'outcomes': [asdict(each) for each in self.outcomes]}


@dataclass(frozen=True)
class _Mutant:
    result: CheckResult
    violation: Violation

    @property
    def how(self) -> How:
        return 'in the answer' if isinstance(self.violation, PlantedAnswer) else 'on the host'

    def outcome(self, found: Found, reason: str) -> Outcome:
        return Outcome(self.result.check, self.result.case, self.result.host, self.how, found, reason)


def mutate(
    collector: Collector, outputs: Mapping[str, Any], answers: Answers, judgement: Judgement,
    on_planted: Callable[[int, int], None] = lambda done, of: None,
) -> Mutation:  # fmt: skip
    """Given a way to the hosts, their answers and how they were judged, plant each violation once and judge again.

    A violation goes to one host that passed its check; one that nobody passed cannot show anything and is `not
    planted`, as is a check without a violation. The hosts are left as they were. `on_planted` is told how many of how
    many are done.
    """
    chosen, outcomes = _choose(judgement)
    on_hosts = [each for each in chosen if each.how == 'on the host']
    in_answers = [each for each in chosen if each.how == 'in the answer']
    planted, failed = _plant(collector, on_hosts, on_planted)
    outcomes += failed
    for _ in range(MOST_ROUNDS):
        judged, unclear = _judged(planted, on_hosts, outputs)
        if not unclear:
            break
        # A fault led the check to ask more: it is planted again, and all that it asked is asked meanwhile.
        more, failed = _plant(collector, unclear, on_planted)
        planted |= more
        outcomes += failed
    outcomes += [_outcome(mutant, judged.get(mutant.result.key)) for mutant in on_hosts if mutant.result.key in planted]
    outcomes += _judge_answers(in_answers, outputs, answers)
    return Mutation(tuple(sorted(outcomes, key=lambda each: (each.check, each.case))))


def _choose(judgement: Judgement) -> tuple[list[_Mutant], list[Outcome]]:
    by_case: dict[tuple[str, str], list[CheckResult]] = defaultdict(list)
    for result in judgement.results:
        by_case[result.check, result.case].append(result)
    load: dict[str, int] = defaultdict(int)
    chosen, outcomes = [], []
    for case, results in by_case.items():
        violation = judgement.violations.get(case)
        if violation is None:
            outcomes.append(Outcome(*case, '', 'on the host', 'not planted', 'the check names no violation'))
            continue
        wanted = 'not-verified' if isinstance(violation, PlantedAnswer) else 'pass'
        fit = [result for result in results if result.verdict in ('pass', wanted)]
        if not fit:
            outcomes.append(_unfit(results))
            continue
        best = min(fit, key=lambda result: load[result.host])
        load[best.host] += 1
        chosen.append(_Mutant(best, violation))
    return chosen, outcomes


def _unfit(results: Sequence[CheckResult]) -> Outcome:
    """Return what is known of a check that no host passes: one that says no needs no planted fault to be seen so."""
    worst = next((result for result in results if result.verdict == 'fail'), None)
    if worst is not None:
        return Outcome(worst.check, worst.case, worst.host, 'as it stands', 'caught', worst.reason)
    first = results[0]
    applies = next((result for result in results if result.verdict != 'not-applicable'), None)
    if applies is None:
        return Outcome(first.check, first.case, first.host, 'on the host', 'not applicable', first.reason)
    reason = f'no host passes it: {applies.host}: {applies.reason}'
    return Outcome(applies.check, applies.case, applies.host, 'on the host', 'not planted', reason)


def _plant(
    collector: Collector, mutants: Sequence[_Mutant], on_planted: Callable[[int, int], None]
) -> tuple[dict[str, Mapping[str, Answer]], list[Outcome]]:
    by_host: dict[str, list[_Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_host[mutant.result.host].append(mutant)
    planted: dict[str, Mapping[str, Answer]] = {}
    failed: list[Outcome] = []

    def one_host(every: Iterable[_Mutant]) -> None:
        # One fault at a time on a host: two would be taken for each other's.
        for mutant in every:
            try:
                planted[mutant.result.key] = collector.with_violation(
                    mutant.result.host, mutant.violation, mutant.result.commands
                )
            except AnlanError as error:
                failed.append(mutant.outcome('not planted', str(error)))
            on_planted(len(planted) + len(failed), len(mutants))

    if by_host:
        with ThreadPoolExecutor(max_workers=len(by_host)) as pool:
            list(pool.map(one_host, by_host.values()))
    return planted, failed


def _judged(
    planted: Mapping[str, Mapping[str, Answer]], mutants: Sequence[_Mutant], outputs: Mapping[str, Any]
) -> tuple[dict[str, CheckResult], list[_Mutant]]:
    if not planted:
        return {}, []
    said: dict[str, Planted] = {key: every.get for key, every in planted.items()}
    hosts = sorted({mutant.result.host for mutant in mutants})
    found = judge(
        Answers({}, None, said), outputs, hosts, lambda check, host, clauses: True, wanted_keys=frozenset(planted)
    )
    judged = {result.key: result for result in found.results}
    unclear = []
    for mutant in mutants:
        result = judged.get(mutant.result.key)
        if result is not None and set(result.commands) - set(planted[result.key]):
            unclear.append(replace(mutant, result=replace(mutant.result, commands=result.commands)))
    return judged, unclear


def _judge_answers(mutants: Sequence[_Mutant], outputs: Mapping[str, Any], answers: Answers) -> list[Outcome]:
    if not mutants:
        return []
    answers.plant({mutant.result.key: _instead(mutant.violation) for mutant in mutants})
    hosts = sorted({mutant.result.host for mutant in mutants})
    keys = frozenset(mutant.result.key for mutant in mutants)
    found = judge(answers, outputs, hosts, lambda check, host, clauses: True, wanted_keys=keys)
    answers.plant({})
    judged = {result.key: result for result in found.results}
    return [_outcome(mutant, judged.get(mutant.result.key)) for mutant in mutants]


def _instead(violation: Violation) -> Planted:
    assert isinstance(violation, PlantedAnswer)

    def answer(command: str) -> Answer | None:
        if command == CONTAINER:
            return Answer(command, 1, 'none\n', '', '', 0.0)
        if violation.command in command:
            return Answer(command, violation.code, violation.out, '', '', 0.0)
        return None

    return answer


def _outcome(mutant: _Mutant, result: CheckResult | None) -> Outcome:
    if result is None:
        return mutant.outcome('not planted', 'it was not judged')
    if result.verdict == 'fail':
        return mutant.outcome('caught', result.reason)
    return mutant.outcome('missed', f'{result.verdict}: {result.reason}' if result.reason else result.verdict)
