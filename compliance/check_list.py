"""The list of checks: what there is, what each serves and which fault it must see; no host is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from anlan.errors import AnlanError
from compliance.answers import Answers
from compliance.expected import NOT_OF_THE_PLATFORM
from compliance.judging import CHECKS, run_pytest
from compliance.plugin import AuditPlugin, case_of, check_of, clauses_of, tiers_of
from compliance.violation import PlantedAnswer

TIERS = ('app', 'balancer', 'data', 'edge', 'firewall', 'monitoring', 'offsite', 'operations')


@dataclass(frozen=True)
class Check:
    """A check as it is written. `tiers`: whose hosts it concerns; `planted` how its violation is: '' if it has none."""

    name: str
    cases: tuple[str, ...]
    clauses: tuple[str, ...]
    tiers: tuple[str, ...]
    kernel_wide: bool
    planted: str


class _Lister(AuditPlugin):
    """Notes what was collected in place of running it."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Note every check."""
        self.items: Sequence[pytest.Item] = list(session.items)
        return True


@cache
def list_checks(folder: Path = CHECKS) -> tuple[Check, ...]:
    """Given the folder of checks, return each by name. Raise AnlanError if a file cannot be read."""
    plugin = _Lister(Answers({}), {}, (), lambda check, host, clauses: True)
    run_pytest(plugin, folder)
    found: dict[str, Check] = {}
    for item in plugin.items:
        name, case = check_of(item), case_of(item)
        known = found.get(name)
        mark = item.get_closest_marker('violation')
        planted = '' if mark is None else 'answer' if isinstance(mark.args[0], PlantedAnswer) else 'host'
        found[name] = Check(
            name,
            tuple(dict.fromkeys((*(known.cases if known else ()), case))),
            tuple(dict.fromkeys((*(known.clauses if known else ()), *clauses_of(item)))),
            tiers_of(item, (*TIERS, *NOT_OF_THE_PLATFORM)),
            item.get_closest_marker('kernel_wide') is not None,
            planted if known is None or known.planted else known.planted,
        )
    if not found:
        raise AnlanError(f'{folder}: there are no checks')
    return tuple(found[name] for name in sorted(found))
