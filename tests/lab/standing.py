"""A platform that stands: its command line, its hosts' power, and what its clients see. Tests and benchmarks use it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import docker

from anlan.cli.status import check_status
from anlan.cli.work import Work
from anlan.deadline import wait_until
from anlan.errors import AnlanError, DeadlineExceeded
from anlan.paths import ROOT
from anlan.remote import Remote, Result
from anlan.secret_store import read_secret
from infra.connect import connect
from infra.images import image_tag
from infra.lab import hosts, power
from infra.lab.model import LabHost
from infra.outputs_file import read_outputs
from infra.program import lab_hosts
from infra.ssh_files import ensure_key, ssh_files
from monitoring.status import Status
from monitoring.steady import SteadyLearner

PLATFORM_FILE = ROOT / 'infra' / 'platforms' / 'test.yaml'
PROGRAM = [sys.executable, '-m', 'anlan.cli']


@dataclass
class Standing:
    """The platform that the tests break: its command line, its hosts' power, and what its clients see."""

    work: Work
    client: docker.DockerClient
    killed_after_seconds: float | None = None
    _remotes: list[Remote] = field(default_factory=list)

    def anlan(self, *words: str, deadline_seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run the command line on the test platform, as a user does."""
        return subprocess.run(
            [*PROGRAM, *words], cwd=ROOT, env=self.environment(), capture_output=True, text=True,
            timeout=deadline_seconds, check=False,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        return os.environ | {'ANLAN_PLATFORM': str(PLATFORM_FILE), 'COLUMNS': '120'}

    def remote(self) -> Remote:
        """Return connections of their own: those of a host that was lost are of no use."""
        made = connect(self.work.platform, self.work.paths, read_outputs(self.work.paths.outputs))
        self._remotes.append(made)
        return made

    def close(self) -> None:
        while self._remotes:
            self._remotes.pop().close()

    def run(self, host: str, *argv: str, deadline_seconds: float = 30) -> Result:
        with connect(self.work.platform, self.work.paths, read_outputs(self.work.paths.outputs)) as remote:
            return remote.run(host, argv, deadline_seconds)

    def learner(self, client: str = 'client-1', seconds: float = 240) -> SteadyLearner:
        return SteadyLearner(self.remote(), client, self.work.platform.front_door_url(), self.password, seconds=seconds)

    @cached_property
    def password(self) -> str:
        return read_secret(self.work.paths.secrets, 'journey_password')

    def status(self) -> Status:
        return check_status(self.work.platform)

    def host(self, name: str) -> LabHost:
        key = ensure_key(ssh_files(self.work.platform, self.work.paths.ssh))
        images = {tier: image_tag(tier) for tier in self.work.tiers()}
        return next(host for host in lab_hosts(self.work.topology, images, key) if host.name == name)

    def kill(self, name: str) -> None:
        power.kill(self.client, self.host(name))

    def start(self, name: str) -> None:
        power.start(self.client, self.host(name))

    def container(self, name: str) -> Any:
        return hosts.find(self.client, self.host(name).container)

    def wait_whole(self, seconds: float | None = None) -> float:
        """Wait until all is well and return the seconds that it took. Raise DeadlineExceeded with what is missing."""
        limit = self.work.platform.objectives.whole_again_seconds if seconds is None else seconds

        def missing() -> str | None:
            status = self.status()
            return None if status.state == 'ok' else '; '.join([*status.lost_redundancy, *status.reasons])

        try:
            return wait_until(missing, 'the platform to be whole', limit, 1.0)
        except DeadlineExceeded as error:
            error.add_note(self.account_of_the_database())
            raise

    def account_of_the_database(self) -> str:
        """Return what the data hosts say of themselves, for whoever reads a failure later."""
        asked = {
            'members': ('sudo', 'patronictl', '-c', '/etc/patroni/config.yml', 'list'),
            'walreceiver': ('sudo', '-u', 'postgres', 'psql', '-xc', 'select * from pg_stat_wal_receiver'),
            'senders': ('sudo', '-u', 'postgres', 'psql', '-xc', 'select * from pg_stat_replication'),
            'Patroni': ('sudo', 'journalctl', '--no-pager', '-o', 'cat', '-u', 'patroni', '-n', '50', '--grep',
                        'ERROR|FATAL|rewind|reinit|streaming|imeline|bootstrap|recovery|starting|promot|requested'),
        }  # fmt: skip
        lines = []
        for host in (host.name for host in self.work.topology.hosts if host.tier == 'data'):
            for what, argv in asked.items():
                try:
                    done = self.run(host, *argv)
                    answer = done.out + done.err
                except AnlanError as error:
                    answer = str(error)
                lines.append(f'── {host}, {what}:\n{answer}')
        return '\n'.join(lines)

    def with_role(self, role: str) -> str:
        """Return the host that has a role now (`leader`, `cache master`)."""
        return next(host.name for host in self.status().hosts if role in host.roles)

    def holder(self, virtual_address: str) -> str:
        """Return the host that holds a virtual address."""
        rows = {row['name']: row['holders'] for row in self.status().virtual_addresses}
        assert len(rows[virtual_address]) == 1, rows
        holder: str = rows[virtual_address][0]
        return holder
