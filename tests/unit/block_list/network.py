"""Nodes of the block list in one process, with kernels and clocks of their own, over a network that loses on demand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anlan.paths import ROOT

sys.path.insert(0, str(ROOT / 'playbooks' / 'roles' / 'block_list' / 'files'))

from block_list.decisions import Clocks
from block_list.enforcement import Failed
from block_list.entries import Entry
from block_list.node import Node
from block_list.settings import PeerSettings, Settings
from block_list.storage import Storage
from block_list.wire import PORT

KEY = b'k' * 43
ADDRESSES = {
    'fw-1': '198.18.60.2',
    'fw-2': '198.18.60.3',
    'edge-1': '198.18.1.11',
    'edge-2': '198.18.2.12',
    'app-1': '198.18.20.11',
}
ENFORCERS = ('fw-1', 'fw-2', 'edge-1', 'edge-2')
ATTACKER = '198.18.2.32'
START = 1_800_000_000.0


class Kernel:
    """What nftables would hold; `refuses` makes it fail as nftables does."""

    def __init__(self) -> None:
        self.elements: dict[str, float] = {}
        self.refuses = ''
        self.rebuilt = 0

    def rebuild(self, entries: Sequence[Entry], now: float) -> None:
        self._check()
        self.rebuilt += 1
        self.elements = {entry.prefix: entry.ends - now for entry in entries}

    def apply(self, entries: Sequence[Entry], now: float) -> None:
        self._check()
        for entry in entries:
            self.elements.pop(entry.prefix, None)
            if not entry.removed:
                self.elements[entry.prefix] = entry.ends - now

    def present(self) -> dict[str, float]:
        self._check()
        return dict(self.elements)

    def dropped(self) -> dict[str, int]:
        self._check()
        return {'v4': 0, 'v6': 0}

    def _check(self) -> None:
        if self.refuses:
            raise Failed(self.refuses)


@dataclass
class Journal:
    """Keeps what would be in the journal."""

    entries: list[dict[str, str]] = field(default_factory=list)
    lost: int = 0

    def write(self, message: str, priority: int = 5, **fields: str) -> None:
        self.entries.append({'MESSAGE': message, 'PRIORITY': str(priority), **fields})

    def events(self, kind: str) -> list[dict[str, str]]:
        return [entry for entry in self.entries if entry.get('ANLAN_EVENT') == kind]


def settings_of(name: str, **changes: object) -> Settings:
    peers = tuple(
        PeerSettings(peer, address, (address,), peer in ENFORCERS)
        for peer, address in ADDRESSES.items()
        if peer != name and (name in ENFORCERS or peer in ENFORCERS)
    )
    given: dict[str, object] = {
        'name': name, 'enforces': name in ENFORCERS, 'seconds': 600.0, 'window_seconds': 120.0,
        'maximum_entries': 64, 'never': tuple(ADDRESSES.values()), 'edges': frozenset({'198.18.1.11', '198.18.2.12'}),
        'proxies': frozenset({'198.18.1.11'}), 'peers': peers,
    }  # fmt: skip
    return Settings(**(given | changes))  # type: ignore[arg-type]


class Network:
    """Several nodes. `lost` says which datagrams do not arrive; `captured` has every one that was sent.

    `skew`: by how many seconds a look at the clock differs from the network's time.
    """

    def __init__(self, folder: Path, names: Sequence[str] = tuple(ADDRESSES), **changes: object) -> None:
        self.now = 1000.0
        self.folder = folder
        self.changes = changes
        self.offsets = dict.fromkeys(names, 0.0)
        self.kernels = {name: Kernel() for name in names}
        self.journals = {name: Journal() for name in names}
        self.lost: Callable[[str, str], bool] = lambda sender, receiver: False
        self.skew: Callable[[], float] = lambda: 0.0
        self.captured: list[tuple[str, str, bytes]] = []
        self.ports: list[int] = []
        self._under_way: list[tuple[str, str, bytes]] = []
        self.keys = dict.fromkeys(names, KEY)
        self.nodes: dict[str, Node] = {}
        for name in names:
            self.restart(name)

    def restart(self, name: str) -> Node:
        """Start a node as after SIGKILL: what it had in memory is gone; the kernel and the disk are as they were."""
        node = Node(
            settings_of(name, **self.changes),
            self.keys[name],
            clock=lambda: Clocks(START + self.now + self.offsets[name], self.now + self.skew()),
            send=lambda address, data, port=PORT: self._send(name, address, data, port),
            kernel=self.kernels[name] if name in ENFORCERS else None,
            storage=Storage(self.folder / name, 'boot', lambda: START + self.now + self.offsets[name]),
            journal=self.journals[name],  # type: ignore[arg-type]
        )
        self.nodes[name] = node
        node.start()
        return node

    def _send(self, sender: str, address: str, data: bytes, port: int) -> None:
        receiver = next((name for name, each in ADDRESSES.items() if each == address), address)
        self.captured.append((sender, receiver, data))
        self.ports.append(port)
        if receiver in self.nodes and not self.lost(sender, receiver):
            self._under_way.append((sender, receiver, data))

    def settle(self) -> None:
        """Let all that is under way arrive, and all that follows from it."""
        for _ in range(1000):
            for node in self.nodes.values():
                node.flush()
            if not self._under_way:
                return
            arriving, self._under_way = self._under_way, []
            for sender, receiver, data in arriving:
                self.nodes[receiver].received(data, ADDRESSES[sender], PORT)
        raise AssertionError('the nodes never fall silent')

    def run(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            for node in self.nodes.values():
                node.tick()
            self.settle()

    def blocked(self, prefix: str = ATTACKER) -> set[str]:
        """Return the hosts whose kernel shuts a prefix out."""
        return {name for name, kernel in self.kernels.items() if prefix in kernel.elements}


def report(source: str = ATTACKER, points: int = 100) -> bytes:
    return json.dumps({'source': source, 'type': 'waf', 'reason': 'SQL injection', 'points': points}).encode()


def sense(network: Network, host: str = 'edge-1', source: str = ATTACKER, points: int = 100) -> None:
    network.nodes[host].sensed('report', report(source, points))
    network.settle()
