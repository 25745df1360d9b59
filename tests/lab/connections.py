"""Connections that a client keeps trying or keeps open while a firewall of the pair is lost, and what came of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.lab.standing import Standing

LEASE_SECONDS = 30
"""A fault reverts itself on its host after this, whatever becomes of us."""

# One connection every 20 ms; how long none succeeded at the longest, how many failed and how many there were.
NEW = """
import json, socket, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])
end, good, count, failed, longest = time.monotonic() + seconds, time.monotonic(), 0, 0, 0.0
while time.monotonic() < end:
    began = time.monotonic()
    try:
        socket.create_connection((address, 443), 0.3).close()
        longest, good, count = max(longest, time.monotonic() - good), time.monotonic(), count + 1
    except OSError:
        failed += 1
    time.sleep(max(0.0, 0.02 - (time.monotonic() - began)))
print(json.dumps({'longest_seconds': max(longest, time.monotonic() - good), 'connections': count, 'failed': failed}))
"""

# Connections that each ask for the same file again and again; which were lost, and the longest time without a byte.
KEPT = """
import http.client, json, socket, ssl, sys, threading, time
name, address, path, number, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
end = time.monotonic() + seconds
found = []
class Kept(http.client.HTTPSConnection):
    def connect(self):
        raw = socket.create_connection((address, 443), 3)
        raw.settimeout(15)
        self.sock = self._context.wrap_socket(raw, server_hostname=name)
def download():
    connection, longest, received = Kept(name), 0.0, 0
    last = time.monotonic()
    try:
        connection.connect()
        connection.auto_open = 0
        while time.monotonic() < end:
            connection.request('GET', path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f'answered {answer.status}')
            while part := answer.read1(16384):
                now = time.monotonic()
                longest, last, received = max(longest, now - last), now, received + len(part)
                time.sleep(0.01)
                last = time.monotonic()
        found.append((longest, received, ''))
    except (OSError, http.client.HTTPException) as error:
        found.append((longest, received, f'{type(error).__name__}: {error}'))
threads = [threading.Thread(target=download) for _ in range(number)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps({
    'connections': number, 'lost': [why for _, _, why in found if why], 'bytes': sum(size for _, size, _ in found),
    'longest_seconds': max(longest for longest, _, _ in found),
}))
"""


@dataclass
class Watch:
    """What a client's program says when it has ended."""

    found: dict[str, Any] = field(default_factory=dict)
    error: str = ''


@contextmanager
def watched(standing: Standing, client: str, program: str, *words: str, seconds: float) -> Iterator[Watch]:
    """Run a program on a client beside the body, from 2 s before it; what it found is there after the body."""
    watch = Watch()

    def run() -> None:
        done = standing.run(client, 'python3', '-c', program, *words, str(seconds), deadline_seconds=seconds + 30)
        watch.error = done.err
        watch.found.update(json.loads(done.out or '{}'))

    thread = threading.Thread(target=run)
    thread.start()
    threading.Event().wait(2)
    try:
        yield watch
    finally:
        thread.join(timeout=seconds + 40)
    assert watch.found, f'{client} saw nothing: {watch.error}'


@contextmanager
def partitioned(standing: Standing, firewall: str, zone: str) -> Iterator[None]:
    """Cut a firewall off from one zone without a word: its link stays up, and nothing goes or comes."""
    address = standing.work.topology.host(firewall).addresses[zone]
    found = standing.run(firewall, 'ip', '-o', '-4', 'address', 'show', 'to', f'{address}/32')
    link = found.out.split()[1]
    remove = 'nft delete table inet anlan_partition'
    rules = (
        'table inet anlan_partition { '
        f'chain in {{ type filter hook prerouting priority -450; iifname "{link}" counter drop; }}; '
        f'chain out {{ type filter hook output priority -450; oifname "{link}" counter drop; }}; '
        f'chain through {{ type filter hook postrouting priority 450; oifname "{link}" counter drop; }}; }}'
    )
    lease = f'systemd-run --quiet --unit=anlan-partition --on-active={LEASE_SECONDS} {remove}'
    done = standing.run(firewall, 'sudo', 'sh', '-c', f"{lease} && nft '{rules}'")
    assert done.code == 0, done.err
    try:
        yield
    finally:
        standing.run(firewall, 'sudo', 'sh', '-c', f'{remove}; systemctl stop anlan-partition.timer')


@contextmanager
def handed_over(standing: Standing, firewall: str) -> Iterator[None]:
    """Have a firewall give its addresses up in order, as before planned work on it."""
    done = standing.run(firewall, 'sudo', 'systemctl', 'stop', 'keepalived.service')
    assert done.code == 0, done.err
    try:
        yield
    finally:
        standing.run(firewall, 'sudo', 'systemctl', 'start', 'keepalived.service')


def largest_segment(standing: Standing) -> str:
    """Return the address, at the front door, of the largest file among the published media."""
    script = "cd /var/lib/anlan && find media -name '*.ts' -printf '%s /%p\\n' | sort -n | tail -n 1"
    done = standing.run('app-1', 'sudo', 'sh', '-c', script)
    assert done.code == 0 and done.out, done.err
    return done.out.split()[1]
