"""A target with a cloud before its edges: the hosts as they are, and what Pulumi makes at the provider."""

from __future__ import annotations

from collections.abc import Callable, Collection

from anlan.errors import AnlanError, BadInput, Problem
from infra.inventory import Inventory
from infra.stack import PlatformStack
from infra.targets.base import HostState, Target
from infra.targets.changes import Drift, Plan, Report, silent


class Clouded:
    """A target whose hosts somebody else made, and the stack of what stands before them at a provider.

    `missing` says what this machine lacks to ask the provider. The hosts are looked at first, and nothing is asked of
    the provider while they will not do: learners are led to hosts that stand.
    """

    def __init__(self, hosts: Target, stack: PlatformStack, missing: Callable[[], list[Problem]]) -> None:
        self._hosts = hosts
        self._stack = stack
        self._missing = missing

    def preflight(self) -> list[Problem]:
        """Return all that stands in the way, of the hosts and of the provider; nothing is touched."""
        return [*self._missing(), *self._hosts.preflight()]

    def plan(self) -> Plan:
        """Return what `up` would do at the provider. Raise BadInput if something lacks to ask it, AnlanError."""
        self._require()
        return Plan((*self._hosts.plan().changes, *self._stack.plan().changes))

    def outdated(self) -> list[str]:
        """Return the hosts that can be made anew one after another."""
        return self._hosts.outdated()

    def up(self, report: Report = silent, only: Collection[str] = ()) -> Inventory:
        """Check the hosts, then make what stands before them, and return the inventory. Raise BadInput, AnlanError."""
        if only:
            return self._hosts.up(report, only)
        self._require()
        inventory = self._hosts.up(report)
        entrance = self._stack.up(report).get('boundary') or {}
        if entrance.get('alias'):
            report(f'entrance {entrance["alias"]}', 'stands')
        return inventory

    def down(self, report: Report = silent) -> None:
        """Refuse as the hosts do, and say how the provider's part is removed. Raise AnlanError."""
        try:
            self._hosts.down(report)
        except AnlanError as error:
            raise AnlanError(
                f'{error}. What stands at the cloud provider goes with `cloud.provider: none` and `anlan up`; '
                'lead the front door back to the edges first'
            ) from None

    def drift(self) -> list[Drift]:
        """Return all that is no longer as `up` left it, of the hosts and at the provider. Raise AnlanError."""
        self._require()
        return [*self._hosts.drift(), *(self._stack.drift() if self._stack.is_known() else [])]

    def clear(self, report: Report = silent) -> None:
        """Clear what a killed run left in the stack's state. Raise AnlanError."""
        self._hosts.clear(report)
        self._stack.clear_leftovers(report, force=True)

    def recover(self, report: Report = silent) -> Inventory:
        """Clear what a killed run left, then do as `up` does. Raise AnlanError."""
        self.clear(report)
        return self.up(report)

    def hosts(self) -> dict[str, HostState]:
        """Return the state of every host."""
        return self._hosts.hosts()

    def _require(self) -> None:
        missing = self._missing()
        if missing:
            raise BadInput('; '.join(problem.reason for problem in missing))
