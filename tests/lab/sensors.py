"""The intrusion detection of a firewall, as tests see and break it: its figures, its events, its process, its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anlan.deadline import wait_until
from anlan.remote import Remote, Result
from tests.lab.standing import Standing

FIREWALLS = ('fw-1', 'fw-2')
SETTINGS = '/etc/anlan/intrusion'
INLINE = 'anlan-intrusion.service'
FIGURES_SECONDS = 15.0
START_SECONDS = 60.0
"""Both firewalls' sensors started at once, on two cores that are at work, took up to 20 s."""
BLOCK_LIST = ('python3', '-B', '/usr/local/lib/anlan/block_list')
CONNECT = (
    'import socket, sys\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'def asked(port):\n'
    '    with socket.socket() as link:\n'
    '        link.settimeout(2)\n'
    '        return port, link.connect_ex((sys.argv[1], int(port)))\n'
    'for port, code in ThreadPoolExecutor(32).map(asked, sys.argv[2:]): print(port, code)\n'
)


@dataclass
class Sensors:
    """Both firewalls' sensors. Clients are asked past the network, which may shut them out."""

    standing: Standing
    remote: Remote

    def run(self, host: str, *argv: str, deadline_seconds: float = 60, stdin: str | None = None) -> Result:
        if host.startswith('client'):
            words = ['timeout', str(deadline_seconds), *argv]
            code, (out, err) = self.standing.container(host).exec_run(words, demux=True)
            return Result(code, (out or b'').decode(), (err or b'').decode(), 0.0)
        return self.remote.run(host, ['sudo', *argv], deadline_seconds, stdin)

    def done(self, host: str, *argv: str, deadline_seconds: float = 60, stdin: str | None = None) -> str:
        result = self.run(host, *argv, deadline_seconds=deadline_seconds, stdin=stdin)
        assert result.code == 0, f'{host}: {" ".join(argv)}: {result.out}{result.err}'
        return result.out

    def address(self, host: str) -> str:
        return str(self.standing.work.topology.host(host).address)

    def figures(self, firewall: str) -> dict[str, float]:
        """Return a firewall's figures by name and labels."""
        text = self.done(firewall, 'cat', '/run/anlan/metrics/intrusion.prom')
        rows = (line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))
        return {name: float(value) for name, value in rows}

    def wait_for(self, firewall: str, name: str, value: float, seconds: float = FIGURES_SECONDS) -> None:
        """Wait until a firewall tells this value. Raise DeadlineExceeded with what it tells."""

        def reason() -> str | None:
            found = self.figures(firewall).get(name)
            return None if found == value else f'it is {found}'

        wait_until(reason, f'{name} of {firewall} to be {value:g}', seconds, 0.5)

    def inspects(self, firewall: str) -> None:
        """Wait until both sensors of a firewall run, read their queues and say so."""
        for sensor in ('inline', 'refused'):
            self.wait_for(firewall, f'anlan_intrusion_up{{sensor="{sensor}"}}', 1.0, START_SECONDS)
        self.wait_for(firewall, 'anlan_intrusion_queues_read', 2.0, START_SECONDS)

    def events(self, firewall: str, number: int, since: float) -> list[dict[str, Any]]:
        """Return the events of one rule since a moment."""
        words = ('journalctl', '-o', 'json', f'--since=@{since:.3f}', 'ANLAN_EVENT=intrusion', f'ANLAN_TYPE=1:{number}')
        lines = self.run(firewall, *words).out.splitlines()
        return [json.loads(line) for line in lines if line.startswith('{')]

    def event(self, number: int, since: float, seconds: float = 10.0) -> dict[str, Any]:
        """Wait for an event of one rule on either firewall and return the first."""
        found: list[dict[str, Any]] = []

        def reason() -> str | None:
            found[:] = [event for firewall in FIREWALLS for event in self.events(firewall, number, since)]
            return None if found else 'neither firewall has one'

        wait_until(reason, f'an event of rule {number}', seconds, 0.5)
        return found[0]

    def opened(self, source: str, target: str, *ports: int) -> set[int]:
        """Return to which ports of `target` (a host or an address) `source` could open a connection."""
        place = target if target[0].isdigit() else self.address(target)
        out = self.run(source, 'python3', '-c', CONNECT, place, *map(str, ports)).out
        return {int(port) for port, code in (line.split() for line in out.splitlines()) if code == '0'}

    def blocked(self, firewall: str, host: str) -> bool:
        out = self.done(firewall, 'nft', '--json', 'list', 'set', 'inet', 'anlan_blocks', 'blocked_v4')
        return f'"{self.address(host)}"' in out

    def release(self) -> None:
        """Let both clients in again, whoever shut them out."""
        for client in ('client-1', 'client-2'):
            self.run('fw-1', *BLOCK_LIST, 'remove', self.address(client), '--reason', 'end of a test')

            def reason(client: str = client) -> str | None:
                on = [firewall for firewall in FIREWALLS if self.blocked(firewall, client)]
                return f'on {on}' if on else None

            wait_until(reason, f'{client} to be let in', 10.0, 0.3)

    @contextmanager
    def choice(self, on_failure: str) -> Iterator[None]:
        """Have both firewalls follow a choice of `inspection.on_failure`; what they had is put back."""
        kept = {
            firewall: [self.done(firewall, 'cat', f'{SETTINGS}/{file}') for file in ('way', 'inline.yaml')]
            for firewall in FIREWALLS
        }
        try:
            for firewall in FIREWALLS:
                fail_open = 'yes' if on_failure == 'open' else 'no'
                text = kept[firewall][1]
                line = next(line for line in text.splitlines() if line.strip().startswith('fail-open:'))
                self._choose(firewall, on_failure, text.replace(line, f'  fail-open: {fail_open}'))
            yield
        finally:
            for firewall, (way, settings) in kept.items():
                self._choose(firewall, way, settings)

    def _choose(self, firewall: str, way: str, settings: str) -> None:
        self.done(firewall, 'tee', f'{SETTINGS}/way', stdin=way)
        self.done(firewall, 'tee', f'{SETTINGS}/inline.yaml', stdin=settings)
        self.done(firewall, 'systemctl', 'reload', 'anlan-inspection.service')
        self.done(firewall, 'systemctl', 'restart', INLINE)
        self.inspects(firewall)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody reads the queues of either firewall."""
        try:
            for firewall in FIREWALLS:
                self.done(firewall, 'systemctl', 'stop', INLINE)
            yield
        finally:
            for firewall in FIREWALLS:
                self.done(firewall, 'systemctl', 'start', INLINE)
                self.inspects(firewall)
