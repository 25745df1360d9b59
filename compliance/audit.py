"""An audit: every check on every host, live or again from what is on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anlan.errors import AnlanError, BadInput
from anlan.ledger import Verdict
from anlan.ledger.canonical import canonical
from compliance.answer import Answer, Silence
from compliance.answers import Answers, Fetch
from compliance.evidence import ANSWERS, RESULTS
from compliance.expected import NOT_OF_THE_PLATFORM
from compliance.judging import Judgement, judge
from compliance.observation import Observation
from compliance.plugin import Chosen
from compliance.result import CheckResult


@dataclass(frozen=True)
class Audit:
    """What was observed, and how it was judged."""

    observation: Observation
    judgement: Judgement

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Return what each check found, by host and name."""
        return tuple(sorted(self.judgement.results, key=lambda each: (each.host, each.check, each.case)))

    def counts(self) -> dict[str, int]:
        """Return how many results there are of each verdict."""
        return dict(Counter(result.verdict for result in self.judgement.results))

    def verdict(self) -> Verdict:
        """Return `fail` if a check failed, `pass` if at least one passed and none was not verified."""
        counts = self.counts()
        if counts.get('fail'):
            return 'fail'
        return 'pass' if counts.get('pass') and not counts.get('not-verified') else 'not-verified'

    def seconds_by_host(self) -> dict[str, float]:
        """Return how long each host worked on its commands, in seconds."""
        return {
            host: round(sum(answer.seconds for answer in said.values()), 2)
            for host, said in self.observation.hosts.items()
            if not isinstance(said, Silence)
        }

    def attachments(self) -> dict[str, bytes]:
        """Return the files of its record: results, and all that is needed to judge again."""
        documents = [result.document() for result in self.results]
        return {RESULTS: canonical(documents), ANSWERS: self.observation.packed()}


@dataclass(frozen=True)
class Selection:
    """Which checks to run on which hosts; what is empty keeps nothing out."""

    hosts: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Return whether it is every check on every host."""
        return not (self.hosts or self.clauses or self.checks)

    def hosts_of(self, outputs: Mapping[str, Any]) -> list[str]:
        """Given a platform's outputs, return the hosts to ask. Raise BadInput if there is none of a name."""
        every = {name: host['tier'] for name, host in outputs['hosts'].items()}
        for name in self.hosts:
            if name not in every:
                raise BadInput(f'there is no host {name}; hosts are {", ".join(sorted(every))}')
        platform = [name for name, tier in every.items() if tier not in NOT_OF_THE_PLATFORM]
        return [name for name in every if name in self.hosts] if self.hosts else platform

    def chosen(self) -> Chosen:
        """Return the choice that pytest is given. A clause or check may be given by its beginning."""

        def choose(check: str, host: str, clauses: tuple[str, ...]) -> bool:
            return _begins(clauses, self.clauses) and _begins((check,), self.checks)

        return choose


def _begins(names: Iterable[str], wanted: Sequence[str]) -> bool:
    return not wanted or any(name == each or name.startswith((f'{each}.', f'{each}-'))
                             for name in names for each in wanted)  # fmt: skip


def audit(
    outputs: Mapping[str, Any],
    fetch: Fetch,
    selection: Selection,
    known_commands: Mapping[str, Iterable[str]],
    on_round: Callable[[int, int], None] = lambda number, checks: None,
) -> Audit:
    """Given a platform's outputs, a way to ask its hosts and what to check, ask and judge.

    `known_commands`: what an earlier audit asked each host; asked at once, so that little is left to ask. Raise
    AnlanError if nothing was chosen.
    """
    started = datetime.now(UTC)
    hosts = selection.hosts_of(outputs)
    answers = Answers({}, fetch)
    if selection.whole or not (selection.checks or selection.clauses):
        answers.fetch({host: known_commands.get(host, ()) for host in hosts})
    judgement = judge(answers, outputs, hosts, selection.chosen(), on_round=on_round)
    if not judgement.results:
        raise BadInput('no check is chosen; `anlan audit checks` lists them')
    observation = Observation(
        outputs['variables']['platform']['name'], _moment(started), _moment(datetime.now(UTC)), outputs,
        {host: answers.known.get(host, {}) for host in hosts},
    )  # fmt: skip
    return Audit(_asked_only(observation, judgement), judgement)


def replay(
    observation: Observation, recorded: Sequence[CheckResult] | None = None,
    on_round: Callable[[int, int], None] = lambda number, checks: None,
) -> Audit:  # fmt: skip
    """Given what an audit observed, judge it again; no host is asked, and what is not on record is `not-verified`.

    `recorded`: only the results that were recorded then, for an audit of a part asked nothing else. Raise BadInput if
    it does not say which hosts it is of.
    """
    try:
        tiers = {str(observation.outputs['hosts'][host]['tier']) for host in observation.hosts}
    except (KeyError, TypeError):
        tiers = set()
    if not tiers:
        raise BadInput('this is no record of an audit: it does not say which hosts were asked, and what they are for')
    answers = Answers(observation.hosts)
    keys = None if recorded is None else frozenset(result.key for result in recorded)
    judgement = judge(answers, observation.outputs, list(observation.hosts), on_round=on_round, wanted_keys=keys)
    return Audit(observation, judgement)


def differences(before: Iterable[CheckResult], after: Iterable[CheckResult]) -> list[str]:
    """Given results as they were recorded and as they are judged again, return what differs, a sentence each."""
    old, new = ({result.key: result for result in results} for results in (before, after))
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            found.append(f'{key}: {"was not judged then" if was is None else "is not judged now"}')
        elif (was.verdict, was.reason) != (now.verdict, now.reason):
            found.append(f'{key}: was {was.verdict} {was.reason!r}, is {now.verdict} {now.reason!r}')
    return found


def commands_of(observation: Observation) -> dict[str, tuple[str, ...]]:
    """Given an observation, return the commands that each host was asked."""
    return {host: () if isinstance(said, Silence) else tuple(said) for host, said in observation.hosts.items()}


def _asked_only(observation: Observation, judgement: Judgement) -> Observation:
    """Leave out what only an earlier version of a check asked: it would be asked for ever."""
    asked: dict[str, set[str]] = {}
    for result in judgement.results:
        asked.setdefault(result.host, set()).update(result.commands)
    hosts: dict[str, Mapping[str, Answer] | Silence] = {
        host: said
        if isinstance(said, Silence)
        else {command: answer for command, answer in said.items() if command in asked.get(host, ())}
        for host, said in observation.hosts.items()
    }
    return Observation(observation.platform, observation.started, observation.ended, observation.outputs, hosts)


def _moment(time: datetime) -> str:
    return time.isoformat(timespec='seconds')


def require_results(results: Sequence[CheckResult]) -> None:
    """Raise AnlanError if the same check is there twice for a host: names of checks have to tell them apart."""
    repeated = [key for key, count in Counter(result.key for result in results).items() if count > 1]
    if repeated:
        raise AnlanError(f'checks have the same name: {", ".join(repeated[:5])}')
