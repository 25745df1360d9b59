"""What every target can do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol

from anlan.errors import Problem
from infra.inventory import Inventory
from infra.targets.changes import Drift, Plan, Report, silent

HostState = Literal['running', 'stopped', 'missing', 'unreachable']


class Target(Protocol):
    """A place for the hosts of one topology. tests/contract/test_target.py holds every target to this."""

    def preflight(self) -> list[Problem]:
        """Return all that stands in the way, by path or host; nothing is touched. Empty if `up` may start."""

    def plan(self) -> Plan:
        """Return what `up` would do. Nothing is touched."""

    def outdated(self) -> list[str]:
        """Return the hosts that stand and can be made anew one after another. Nothing is touched. Raise AnlanError."""

    def up(self, report: Report = silent, only: Collection[str] = ()) -> Inventory:
        """Make the topology so and return the inventory. Done twice it changes nothing. Raise AnlanError.

        `only`: these hosts of one that stands, and nothing else.
        """

    def down(self, report: Report = silent) -> None:
        """Remove what `up` made, and nothing else. Raise AnlanError."""

    def drift(self) -> list[Drift]:
        """Return all that is no longer as `up` left it. Nothing is touched. Raise AnlanError."""

    def clear(self, report: Report = silent) -> None:
        """Clear what a killed run left, a lock in a shared state too. Raise AnlanError."""

    def recover(self, report: Report = silent) -> Inventory:
        """Clear what a killed run left, then do as `up` does. Raise AnlanError."""

    def hosts(self) -> dict[str, HostState]:
        """Return the state of every host."""
