"""The plugin of pytest that runs checks: a host for each, rounds until nothing more is to be asked, results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pytest
from testinfra.host import Host

from compliance.answer import Silence
from compliance.answers import Answers, Silent, Unanswered
from compliance.backend import RecordedBackend
from compliance.checking import NOT_APPLICABLE, NOT_VERIFIED
from compliance.expected import NOT_OF_THE_PLATFORM, Expected
from compliance.result import CheckResult, CheckVerdict
from compliance.violation import Violation

CONTAINER = 'systemd-detect-virt --container'
MARKS = (
    'clauses(*ids): the clauses that a check serves',
    'tiers(*names): the tiers whose hosts it concerns',
    'violation(planted): the fault that it must see',
    'kernel_wide: about the kernel; not verified inside a container',
)
MOST_ROUNDS = 8
LONGEST_REASON = 600

Chosen = Callable[[str, str, tuple[str, ...]], bool]
"""Given a check, its host and its clauses, whether it is to run."""


class AuditPlugin:
    """Collects the checks with pytest and runs each on every host that it concerns, without pytest's own protocol.

    That one is made for thousands of tests with fixtures to set up; here are ten thousand short judgements over what is
    known already. `results` are there when pytest has ended, `violations` by check and case.
    """

    def __init__(
        self, answers: Answers, outputs: Mapping[str, Any], hosts: Sequence[str], chosen: Chosen, *,
        on_round: Callable[[int, int], None] = lambda number, checks: None,
        wanted_keys: frozenset[str] | None = None,
    ) -> None:  # fmt: skip
        self.answers = answers
        self.outputs = outputs
        self.hosts = tuple(hosts)
        self.results: list[CheckResult] = []
        self.violations: dict[tuple[str, str], Violation] = {}
        self.errors: list[str] = []
        self._chosen = chosen
        self._on_round = on_round
        self._wanted_keys = wanted_keys

    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the marks."""
        for mark in MARKS:
            config.addinivalue_line('markers', mark)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file of checks that cannot be read."""
        if report.failed:
            self.errors.append(str(report.longrepr))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every check; those that wanted to know more again, once it is known. Never asks while judging."""
        if self.errors:
            return True
        pending = every = [case for item in session.items for case in self._cases(item)]
        number = 0
        while pending:
            number += 1
            self._on_round(number, len(pending))
            pending = [case for case in pending if not self._judged(case, number >= MOST_ROUNDS)]
            if pending and not self.answers.fetch_missing():
                for case in pending:
                    self._judged(case, True)
                break
        self._take_back(every)
        return True

    def _take_back(self, cases: Sequence[_Case]) -> None:
        """Judge again what was judged on a host before it fell silent: what it said until then is not on record."""
        silent = {host for host, said in self.answers.known.items() if isinstance(said, Silence)}
        self.results = [result for result in self.results if result.host not in silent]
        for case in cases:
            if case.host in silent:
                self._judged(case, True)

    def _cases(self, item: pytest.Item) -> Iterator[_Case]:
        """Yield an item for each host that it concerns and that is wanted."""
        check, case, clauses = check_of(item), case_of(item), clauses_of(item)
        mark = item.get_closest_marker('violation')
        kernel_wide = item.get_closest_marker('kernel_wide') is not None
        wanted = {name for each in item.iter_markers('tiers') for name in each.args}
        for host in self.hosts:
            tier = self.outputs['hosts'][host]['tier']
            concerns = tier in wanted if wanted else tier not in NOT_OF_THE_PLATFORM
            if not concerns or not self._chosen(check, host, clauses):
                continue
            made = _Case(item, check, case, host, clauses, kernel_wide)
            if self._wanted_keys is not None and made.key not in self._wanted_keys:
                continue
            if mark is not None:
                self.violations[check, case] = mark.args[0]
            yield made

    def _judged(self, case: _Case, last: bool) -> bool:
        backend = RecordedBackend(case.host, self.answers, case.key)
        verdict, reason = case.verdict(Host(backend), Expected(case.host, self.outputs), last)
        if verdict is None:
            return False
        if verdict == 'pass' and not backend.asked:
            verdict, reason = 'not-verified', 'it asked the host nothing'
        self.results.append(
            CheckResult(case.check, case.case, case.host, case.clauses, verdict, reason[:LONGEST_REASON],
                        tuple(backend.asked))
        )  # fmt: skip
        return True


@dataclass(frozen=True)
class _Case:
    item: pytest.Item
    check: str
    case: str
    host: str
    clauses: tuple[str, ...]
    kernel_wide: bool

    @cached_property
    def key(self) -> str:
        return CheckResult(self.check, self.case, self.host, (), 'pass', '', ()).key

    def verdict(self, host: Host, expected: Expected, last: bool) -> tuple[CheckVerdict | None, str]:
        """Return the verdict and its reason; None if it wants to know more and it is not the `last` time."""
        try:
            if self.kernel_wide and (among := is_container(host)) is None:
                return 'not-verified', 'the host does not say whether it is a container'
            if self.kernel_wide and among:
                return 'not-verified', 'the host is a container: this belongs to the kernel of the machine beneath it'
            given = {**getattr(self.item, 'callspec', _NONE).params, 'host': host, 'expected': expected}
            function = self.item.obj  # type: ignore[attr-defined]
            function(**{name: given[name] for name in self.item._fixtureinfo.argnames})  # type: ignore[attr-defined]
        except Unanswered as error:
            return ('not-verified', f'it is not on record what the host says to: {error}') if last else (None, '')
        except Silent as error:
            return 'not-verified', str(error)
        except pytest.skip.Exception as error:
            text = str(error)
            if text.startswith(NOT_APPLICABLE):
                return 'not-applicable', text.removeprefix(NOT_APPLICABLE)
            return 'not-verified', text.removeprefix(NOT_VERIFIED)
        except AssertionError as error:
            return 'fail', ' '.join(str(error).split('\nassert ')[0].split()) or 'it does not hold'
        except Exception as error:
            # The check itself broke: nothing was judged.
            return 'not-verified', f'the check broke: {type(error).__name__}: {" ".join(str(error).split())}'
        return 'pass', ''


class _NoParameters:
    params: ClassVar[dict[str, Any]] = {}


_NONE = _NoParameters()


def is_container(host: Host) -> bool | None:
    """Return whether a host is a container, asked of the host itself; None if it does not say."""
    said = host.run(CONTAINER)
    if said.rc == 0:
        return True
    return False if said.stdout.strip() == 'none' else None


def check_of(item: pytest.Item) -> str:
    """Given a collected check, return its name: file and function, without `test_`."""
    function = getattr(item, 'originalname', item.name)
    return f'{item.path.stem.removeprefix("test_")}.{function.removeprefix("test_")}'


def case_of(item: pytest.Item) -> str:
    """Given a collected check, return the id of its parameters; empty if it has none."""
    callspec = getattr(item, 'callspec', None)
    return '' if callspec is None else str(callspec.id)


def clauses_of(item: pytest.Item) -> tuple[str, ...]:
    """Given a collected check, return the clauses that it serves."""
    return tuple(dict.fromkeys(name for mark in item.iter_markers('clauses') for name in mark.args))


def tiers_of(item: pytest.Item, tiers: Sequence[str]) -> tuple[str, ...]:
    """Given a collected check and all tiers, return those whose hosts it concerns."""
    wanted = {name for each in item.iter_markers('tiers') for name in each.args}
    return tuple(tier for tier in tiers if (tier in wanted if wanted else tier not in NOT_OF_THE_PLATFORM))
