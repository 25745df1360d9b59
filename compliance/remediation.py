"""Remediation: how clauses stood before hosts were hardened and how they stand after, and where nothing was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from compliance.result import CheckResult

HARDENED = ('22239-8.1.4.1', '22239-8.1.4.2', '22239-8.1.4.3', '22239-8.1.4.4', '22239-8.1.4.5', '22239-8.1.4.10')
"""Clauses that the hardening of hosts is there for: identity, access, audit, intrusion, malware, leftovers."""


@dataclass(frozen=True)
class ClauseChange:
    """A clause: results by verdict before and after, over all hosts."""

    clause: str
    before: Mapping[str, int]
    after: Mapping[str, int]


@dataclass(frozen=True)
class Remediation:
    """Every clause's change, what still fails, and `idle`: hosts where a check fails and nothing was changed."""

    changes: tuple[ClauseChange, ...]
    failing: tuple[CheckResult, ...]
    idle: Mapping[str, tuple[str, ...]]

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'clauses': [asdict(change) for change in self.changes],
            'failing': [result.document() for result in self.failing],
            'idle': {host: list(checks) for host, checks in self.idle.items()},
        }


def remediation(before: Iterable[CheckResult], after: Iterable[CheckResult], changed: Mapping[str, int]) -> Remediation:
    """Given results before and after, and how many tasks changed something by host, return what came of it."""
    after = tuple(after)
    first, second = _by_clause(before), _by_clause(after)
    changes = tuple(
        ClauseChange(clause, dict(first.get(clause, Counter())), dict(second.get(clause, Counter())))
        for clause in sorted(first.keys() | second.keys())
    )
    failing = tuple(result for result in after if result.verdict == 'fail')
    idle: dict[str, tuple[str, ...]] = {}
    for result in failing:
        if not changed.get(result.host):
            idle[result.host] = (*idle.get(result.host, ()), result.name)
    return Remediation(changes, failing, idle)


def _by_clause(results: Iterable[CheckResult]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for result in results:
        for clause in result.clauses:
            found.setdefault(clause, Counter())[result.verdict] += 1
    return found
