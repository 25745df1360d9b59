"""The plugin of pytest that runs checks: a host for each, rounds until nothing more is to be asked, results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from testinfra.host import Host

from compliance.answers import Answers
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
    """Runs the collected checks. `results` are there when pytest has ended, `violations` by the name of a result."""

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
        self._asked: dict[str, RecordedBackend] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the marks."""
        for mark in MARKS:
            config.addinivalue_line('markers', mark)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each check that takes a host every host that it concerns."""
        if 'host' not in metafunc.fixturenames:
            return
        wanted = {name for mark in metafunc.definition.iter_markers('tiers') for name in mark.args}
        tier_of = {name: self.outputs['hosts'][name]['tier'] for name in self.hosts}
        names = [
            name for name in self.hosts
            if (tier_of[name] in wanted if wanted else tier_of[name] not in NOT_OF_THE_PLATFORM)
        ]  # fmt: skip
        metafunc.parametrize('host', names, indirect=True, ids=names)

    @pytest.fixture
    def host(self, request: pytest.FixtureRequest) -> Host:
        """Return the host that a check asks; what it asks is looked up among the answers."""
        backend = RecordedBackend(request.param, self.answers, key_of(request.node))
        self._asked[request.node.nodeid] = backend
        host = Host(backend)
        if request.node.get_closest_marker('kernel_wide') and self.is_container(host):
            pytest.skip(f'{NOT_VERIFIED}the host is a container: this belongs to the kernel of the machine beneath it')
        return host

    @pytest.fixture
    def expected(self, request: pytest.FixtureRequest) -> Expected:
        """Return what the platform declares of the host."""
        return Expected(request.node.callspec.params['host'], self.outputs)

    @staticmethod
    def is_container(host: Host) -> bool:
        """Return whether a host is a container; asked of the host itself."""
        return bool(host.run(CONTAINER).rc == 0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file of checks that cannot be read."""
        if report.failed:
            self.errors.append(str(report.longrepr))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what is to run."""
        items[:] = [
            item for item in items
            if self._chosen(check_of(item), host_of(item), clauses_of(item))
            and (self._wanted_keys is None or key_of(item) in self._wanted_keys)
        ]  # fmt: skip

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every check; those that wanted to know more again, once it is known. Never asks while judging."""
        if self.errors:
            return True
        pending, number = list(session.items), 0
        while pending:
            number += 1
            self._on_round(number, len(pending))
            pending = [item for item in pending if not self._judged(item, number >= MOST_ROUNDS)]
            if pending and not self.answers.fetch_missing():
                for item in pending:
                    self._judged(item, True)
                break
        return True

    def _judged(self, item: pytest.Item, last: bool) -> bool:
        if hasattr(item, '_request') and not item._request:
            item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, log=False, nextitem=None)
        failed = next((report for report in reports if report.outcome != 'passed'), None)
        kind = '' if failed is None else _kind(failed)
        if kind == 'Unanswered' and not last:
            item._initrequest()  # type: ignore[attr-defined]
            return False
        self.results.append(self._result(item, failed, kind))
        return True

    def _result(self, item: pytest.Item, failed: pytest.TestReport | None, kind: str) -> CheckResult:
        verdict, reason = _verdict(failed, kind)
        backend = self._asked.pop(item.nodeid, None)
        check, case = check_of(item), case_of(item)
        mark = item.get_closest_marker('violation')
        if mark is not None:
            self.violations[check, case] = mark.args[0]
        return CheckResult(
            check, case, host_of(item), clauses_of(item), verdict, reason[:LONGEST_REASON],
            tuple(backend.asked) if backend else (),
        )  # fmt: skip


def check_of(item: pytest.Item) -> str:
    """Given a collected check, return its name: file and function, without `test_`."""
    function = getattr(item, 'originalname', item.name)
    return f'{item.path.stem.removeprefix("test_")}.{function.removeprefix("test_")}'


def case_of(item: pytest.Item) -> str:
    """Given a collected check, return the id of its parameters, its host left out; empty if it has none."""
    callspec = getattr(item, 'callspec', None)
    host = host_of(item)
    ids = [] if callspec is None else [each for each in callspec._idlist if each != host]
    return '-'.join(ids)


def host_of(item: pytest.Item) -> str:
    """Given a collected check, return its host's name; empty if it asks none."""
    callspec = getattr(item, 'callspec', None)
    return str(callspec.params.get('host', '')) if callspec is not None else ''


def key_of(item: pytest.Item) -> str:
    """Given a collected check, return the key of its result."""
    return CheckResult(check_of(item), case_of(item), host_of(item), (), 'pass', '', ()).key


def clauses_of(item: pytest.Item) -> tuple[str, ...]:
    """Given a collected check, return the clauses that it serves."""
    return tuple(dict.fromkeys(name for mark in item.iter_markers('clauses') for name in mark.args))


def _kind(report: pytest.TestReport) -> str:
    text = _message(report)
    name = text.partition(':')[0].rpartition('.')[2]
    return name if name in {'Unanswered', 'Silent'} else ''


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, 'reprcrash', None)
    if crash is not None:
        return str(crash.message)
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longrepr)


def _verdict(failed: pytest.TestReport | None, kind: str) -> tuple[CheckVerdict, str]:
    if failed is None:
        return 'pass', ''
    message = _message(failed)
    if kind == 'Silent':
        return 'not-verified', message.partition(': ')[2]
    if kind == 'Unanswered':
        return 'not-verified', f'it is not on record what the host says to: {message.partition(": ")[2]}'
    if failed.outcome == 'skipped':
        text = message.removeprefix('Skipped: ')
        if text.startswith(NOT_APPLICABLE):
            return 'not-applicable', text.removeprefix(NOT_APPLICABLE)
        return 'not-verified', text.removeprefix(NOT_VERIFIED)
    text = message.removeprefix('AssertionError: ')
    if failed.when != 'call' or not message.startswith(('AssertionError', 'assert')):
        # The check itself broke: nothing was judged.
        return 'not-verified', f'the check broke: {" ".join(message.split())}'
    return 'fail', ' '.join(text.split('\nassert ')[0].split())
