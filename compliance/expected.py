"""What a platform declares of one of its hosts: what checks hold the host against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_OF_THE_PLATFORM = ('client',)
"""Tiers whose hosts stand for people outside: no audit looks at them."""


@dataclass(frozen=True)
class Expected:
    """A host's name and the outputs of the platform's last `up`."""

    name: str
    outputs: Mapping[str, Any]

    @property
    def tier(self) -> str:
        """Return the host's tier."""
        return str(self.outputs['hosts'][self.name]['tier'])

    @property
    def platform(self) -> Mapping[str, Any]:
        """Return the platform file, defaults filled in."""
        document: Mapping[str, Any] = self.outputs['variables']['platform']
        return document

    @property
    def hardening(self) -> Mapping[str, Any]:
        """Return the section `hardening` of the platform file."""
        section: Mapping[str, Any] = self.platform['hardening']
        return section

    @property
    def topology(self) -> Mapping[str, Any]:
        """Return networks, virtual addresses and declared flows."""
        document: Mapping[str, Any] = self.outputs['variables']['topology']
        return document

    @property
    def variables(self) -> Mapping[str, Any]:
        """Return the host's own variables, as its roles have them (anlan_address, anlan_zone, …)."""
        every: Mapping[str, Any] = self.outputs['hosts'][self.name]['variables']
        return every

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that the host's tier needs; what these depend on is not among them."""
        return tuple(self.outputs['variables']['packages_by_tier'][self.tier])

    def hosts(self, *tiers: str) -> tuple[str, ...]:
        """Given tiers, return the names of their hosts; of every tier without any."""
        return tuple(name for name, host in self.outputs['hosts'].items() if not tiers or host['tier'] in tiers)

    def addresses(self, *tiers: str) -> tuple[str, ...]:
        """Given tiers, return every IPv4 address of their hosts."""
        return tuple(
            str(address)
            for name in self.hosts(*tiers)
            for address in self.outputs['hosts'][name]['variables']['anlan_addresses'].values()
        )
