"""Target `onprem`: hosts that exist. They are checked and handed over, never made and never removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import paramiko

from anlan.errors import AnlanError, Problem
from anlan.remote import Remote, RemoteHost, Unreachable
from infra.inventory import Inventory, InventoryHost
from infra.targets.base import HostState
from infra.targets.changes import Drift, Plan, Report, silent
from infra.targets.host_facts import Expected, fetch, judge
from infra.topology import Host, Topology

THREADS = 16


@dataclass(frozen=True)
class Access:
    """How the hosts are reached: user, private key, and the keys that the hosts must show."""

    ssh_user: str
    key_file: Path
    known_hosts_file: Path


@dataclass(frozen=True)
class Verdict:
    """What a check of one host found. No reasons: it will do."""

    host: str
    reachable: bool
    reasons: tuple[str, ...]


class Onprem:
    """The hosts of one topology, which somebody else made."""

    def __init__(self, topology: Topology, access: Access, maximum_clock_offset_seconds: float = 2.0) -> None:
        self._topology = topology
        self._access = access
        self._maximum_clock_offset_seconds = maximum_clock_offset_seconds

    def preflight(self) -> list[Problem]:
        """Return all that is wrong, by host; every host is looked at over SSH and nothing is touched."""
        problems = self._file_problems()
        if problems:
            return problems
        return [
            Problem(f'target.hosts.{verdict.host}', reason)
            for verdict in self._check_all()
            for reason in verdict.reasons
        ]

    def plan(self) -> Plan:
        """Return that nothing is to be made."""
        return Plan()

    def outdated(self) -> list[str]:
        """Return none: nothing is made here."""
        return []

    def up(self, report: Report = silent, only: Collection[str] = ()) -> Inventory:
        """Check every host and return the inventory. Raise AnlanError with all that is wrong."""
        problems = self._file_problems()
        verdicts = [] if problems else self._check_all(report)
        problems += [Problem(verdict.host, reason) for verdict in verdicts for reason in verdict.reasons]
        if problems:
            lines = '\n'.join(f'  {problem}' for problem in problems)
            raise AnlanError(f'the hosts of {self._topology.platform} will not do; nothing was touched:\n{lines}')
        return Inventory(
            self._topology.platform, {host.name: self._inventory_host(host) for host in self._topology.hosts}
        )

    def down(self, report: Report = silent) -> None:
        """Refuse: the hosts are not ours. Raise AnlanError."""
        raise AnlanError(
            f'the hosts of {self._topology.platform} exist without Anlan, so it does not remove them; '
            'take them out of the platform file, or remove them where they were made'
        )

    def drift(self) -> list[Drift]:
        """Check every host again and return what is no longer right. Raise AnlanError if no check is possible."""
        problems = self._file_problems()
        if problems:
            raise AnlanError('; '.join(map(str, problems)))
        return [
            Drift(f'host {verdict.host}', 'changed' if verdict.reachable else 'unreachable', reason)
            for verdict in self._check_all()
            for reason in verdict.reasons
        ]

    def clear(self, report: Report = silent) -> None:
        """Do nothing: a killed run leaves nothing, for nothing is made."""

    def recover(self, report: Report = silent) -> Inventory:
        """Do as `up` does: a killed run leaves nothing, for nothing is made. Raise AnlanError."""
        return self.up(report)

    def hosts(self) -> dict[str, HostState]:
        """Return which hosts answer."""
        if self._file_problems():
            return dict.fromkeys((host.name for host in self._topology.hosts), 'unreachable')
        return {verdict.host: 'running' if verdict.reachable else 'unreachable' for verdict in self._check_all()}

    def _check_all(self, report: Report = silent) -> list[Verdict]:
        hosts = self._topology.hosts
        places = {
            host.name: RemoteHost(host.name, str(host.address), host.ssh_port, self._access.ssh_user) for host in hosts
        }
        bastion = self._topology.bastion.name
        with (
            Remote(places, bastion, self._access.key_file, self._access.known_hosts_file) as remote,
            ThreadPoolExecutor(max_workers=THREADS) as pool,
        ):
            first = self._check(remote, self._topology.bastion, report)
            if not first.reachable:
                # One sentence instead of one for every host behind it.
                return [
                    first,
                    *(
                        Verdict(host.name, False, (f'not looked at: the bastion {bastion} was not reached',))
                        for host in hosts
                        if host.name != bastion
                    ),
                ]
            rest = [host for host in hosts if host.name != bastion]
            return [first, *pool.map(lambda host: self._check(remote, host, report), rest)]

    def _check(self, remote: Remote, host: Host, report: Report) -> Verdict:
        name = f'host {host.name}'
        report(name, 'reading')
        network = self._topology.network(host.zone)
        expected = Expected.of(host, network, self._maximum_clock_offset_seconds)
        try:
            verdict = Verdict(host.name, True, tuple(judge(fetch(remote, host.name), expected)))
        except Unreachable as error:
            verdict = Verdict(host.name, False, (str(error).removeprefix(f'{host.name}: '),))
        except AnlanError as error:
            verdict = Verdict(host.name, True, (str(error).removeprefix(f'{host.name}: '),))
        report(name, 'failed' if verdict.reasons else 'read')
        return verdict

    def _file_problems(self) -> list[Problem]:
        problems = []
        if not self._access.key_file.is_file():
            problems.append(Problem('target.ssh_key_file', f'{self._access.key_file}: there is no such file'))
        if not self._access.known_hosts_file.is_file():
            problems.append(
                Problem('target.known_hosts_file', f'{self._access.known_hosts_file}: there is no such file')
            )
            return problems
        for host in self._topology.hosts:
            if not self._host_key(host):
                problems.append(
                    Problem(
                        f'target.hosts.{host.name}',
                        f'the key of {_known_name(host)} is not in {self._access.known_hosts_file}; unknown hosts are '
                        'refused. Compare its fingerprint at its console, then add it',
                    )
                )
        return problems

    def _host_key(self, host: Host) -> str:
        every = paramiko.HostKeys(str(self._access.known_hosts_file))
        known: Mapping[str, paramiko.PKey] = every.lookup(_known_name(host)) or {}
        for kind in ('ssh-ed25519', *known):
            key = known.get(kind)
            if key is not None:
                return f'{key.get_name()} {key.get_base64()}'
        return ''

    def _inventory_host(self, host: Host) -> InventoryHost:
        return InventoryHost(
            address=str(host.address),
            ssh_port=host.ssh_port,
            ssh_user=self._access.ssh_user,
            ssh_host_key=self._host_key(host),
            tier=host.tier,
            zone=host.zone,
            addresses={zone: str(address) for zone, address in host.addresses.items()},
            fault_domain=host.fault_domain,
        )


def _known_name(host: Host) -> str:
    return str(host.address) if host.ssh_port == 22 else f'[{host.address}]:{host.ssh_port}'
