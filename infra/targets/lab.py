"""Target `lab`: systemd hosts in Docker on this machine, through Pulumi."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

import docker

from anlan.errors import Problem
from infra import program
from infra.inventory import Inventory
from infra.lab import hosts, networks, preflight
from infra.lab import platform as standing
from infra.lab.engine import connect
from infra.lab.kinds import HOST_TYPE
from infra.lab.model import LabHost
from infra.stack import PlatformStack, StackPlace
from infra.targets.base import HostState
from infra.targets.changes import Drift, Plan, Report, silent
from infra.topology import Topology


class Lab:
    """The lab of one topology. `images` are the image tags by tier."""

    def __init__(
        self,
        topology: Topology,
        place: StackPlace,
        images: Mapping[str, str],
        ssh_public_key: str,
        *,
        ssh_user: str = 'anlan',
        headroom_mib: int = 1024,
        free_disk_gib: int = 8,
    ) -> None:
        self._topology = topology
        self._images = images
        self._ssh_public_key = ssh_public_key
        self._headroom_mib = headroom_mib
        self._free_disk_gib = free_disk_gib
        self._stack = PlatformStack(place, lambda: program.declare(topology, images, ssh_public_key, ssh_user))

    @cached_property
    def _client(self) -> docker.DockerClient:
        return connect()

    def preflight(self) -> list[Problem]:
        """Return all that stands in the way on this machine; nothing is touched."""
        return preflight.problems(
            program.lab_networks(self._topology),
            self._wanted(),
            self._headroom_mib,
            self._free_disk_gib,
        )

    def plan(self) -> Plan:
        """Return what `up` would do. What stands without a state will be imported. Raise AnlanError."""
        standing_now = self._standing()
        return Plan(
            tuple(
                replace(change, operation='import')
                if change.operation == 'create' and change.resource in standing_now
                else change
                for change in self._stack.plan().changes
            )
        )

    def outdated(self) -> list[str]:
        """Return the hosts that stand and that `up` would make anew one after another, from Docker itself.

        None if a network must be made anew: that takes every host in it at once.
        """
        for network in program.lab_networks(self._topology):
            present_network = networks.read(self._client, network.name)
            if present_network is not None and present_network != network:
                return []
        found = []
        for wanted in self._wanted():
            present = hosts.read(self._client, wanted.container, wanted)
            if present is not None and present.fixed_document() != wanted.fixed_document():
                found.append(wanted.name)
        return found

    def up(self, report: Report = silent, only: Collection[str] = ()) -> Inventory:
        """Make the topology so and return the inventory; `only` these hosts of one that stands. Raise AnlanError."""
        return Inventory.of(self._stack.up(report, [(HOST_TYPE, name) for name in only])['inventory'])

    def down(self, report: Report = silent) -> None:
        """Remove hosts and networks, those too that no state knows. Raise AnlanError."""
        self._stack.down(report)
        for name in standing.remove(self._client, self._topology.platform):
            report(name, 'deleted')

    def drift(self) -> list[Drift]:
        """Return all that is no longer as `up` left it. Raise AnlanError."""
        if self._stack.is_known():
            return self._stack.drift()
        return [
            Drift(resource, 'changed', 'it stands, but the state that knew it is lost; `anlan up` imports it')
            for resource in self._standing()
        ]

    def clear(self, report: Report = silent) -> None:
        """Clear what a killed run left, a lock in a shared state too. Raise AnlanError."""
        self._stack.clear_leftovers(report, force=True)

    def recover(self, report: Report = silent) -> Inventory:
        """Clear what a killed run left, then do as `up` does. Raise AnlanError."""
        self.clear(report)
        return self.up(report)

    def hosts(self) -> dict[str, HostState]:
        """Return the state of every host, from Docker itself."""
        running = standing.host_states(self._client, self._topology.platform)
        states: dict[bool | None, HostState] = {True: 'running', False: 'stopped', None: 'missing'}
        return {host.name: states[running.get(host.name)] for host in self._topology.hosts}

    def _wanted(self) -> list[LabHost]:
        return program.lab_hosts(self._topology, self._images, self._ssh_public_key)

    def _standing(self) -> list[str]:
        platform = self._topology.platform
        return [
            *(f'network {zone}' for zone in standing.zones(self._client, platform)),
            *(f'host {name}' for name in sorted(standing.host_states(self._client, platform))),
        ]
