"""Service: the loop around a node. All waiting is in one place; sockets of sensors are held by systemd."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from block_list import control, metrics
from block_list.decisions import Clocks
from block_list.enforcement import Enforcement
from block_list.exchange import Send
from block_list.journal import Journal
from block_list.node import Node
from block_list.settings import Unusable, read_key, read_settings
from block_list.storage import Storage, boot_identity
from block_list.wire import PORT

FIRST_PASSED_DESCRIPTOR = 3
BATCH = 128
"""Datagrams of one socket that are read before what they decide is told."""

DATAGRAM_BYTES = 65536
BUFFER_BYTES = 4 * 1024 * 1024
IDLE_SECONDS = 0.5
BUSY_SECONDS = 0.02
METRICS_SECONDS = 5.0
METRICS_FILE = Path('/run/anlan/metrics/block_list.prom')


def clock() -> Clocks:
    """Return what time it is."""
    return Clocks(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))


class Service:
    """Reads what comes, hands it to the node, and keeps time."""

    def __init__(self, node: Node, talk: socket.socket, sensors: dict[str, socket.socket]) -> None:
        self._node = node
        self._selector = selectors.DefaultSelector()
        self._metrics_at = 0.0
        self._watch(talk, lambda: self._read_talk(talk))
        for name, each in sensors.items():
            self._watch(each, self._reader(name, each))
        door = control.listen()
        self._watch(door, lambda: self._accept(door))

    def run(self) -> None:
        """Run until the process is told to end."""
        self._node.start()
        notify('READY=1')
        while True:
            wait = BUSY_SECONDS if self._node.exchange.busy() else IDLE_SECONDS
            for key, _ in self._selector.select(wait):
                key.data()
                self._node.flush()
            self._node.tick()
            self._node.flush()
            now = time.monotonic()
            if now >= self._metrics_at:
                self._metrics_at = now + METRICS_SECONDS
                metrics.write(METRICS_FILE, metrics.exposition(self._node.values()))
                notify('WATCHDOG=1')

    def _watch(self, each: socket.socket, call: Callable[[], Any]) -> None:
        each.setblocking(False)
        self._selector.register(each, selectors.EVENT_READ, call)

    def _reader(self, name: str, each: socket.socket) -> Callable[[], None]:
        def read() -> None:
            for _ in range(BATCH):
                try:
                    data = each.recv(DATAGRAM_BYTES)
                except OSError:
                    return
                self._node.sensed(name, data)

        return read

    def _read_talk(self, talk: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                data, place = talk.recvfrom(DATAGRAM_BYTES)
            except OSError:
                return
            self._node.received(data, place[0].removeprefix('::ffff:'), place[1])

    def _accept(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            visitor, _ = door.accept()
            visitor.setblocking(False)
            self._selector.register(visitor, selectors.EVENT_READ, lambda: self._serve(visitor))

    def _serve(self, visitor: socket.socket) -> None:
        self._selector.unregister(visitor)
        try:
            question = visitor.recv(control.QUESTION_BYTES)
        except OSError:
            visitor.close()
            return
        answer = control.answered(self._node, question, clock())
        # The decision is in force before whoever asked for it is told so.
        self._node.flush()
        control.reply(visitor, answer)


def passed_sockets() -> dict[str, socket.socket]:
    """Return the sockets that systemd holds for us, by the name of the file that each is bound to."""
    count = int(os.environ.get('LISTEN_FDS', '0')) if os.environ.get('LISTEN_PID') == str(os.getpid()) else 0
    found: dict[str, socket.socket] = {}
    for number in range(FIRST_PASSED_DESCRIPTOR, FIRST_PASSED_DESCRIPTOR + count):
        each = socket.socket(fileno=number)
        found[Path(str(each.getsockname())).name] = each
    return found


def talk_socket() -> socket.socket:
    """Return the socket on which hosts speak with each other, for IPv4 and, where there is any, IPv6."""
    try:
        talk = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        talk.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        talk.bind(('::', PORT))
    except OSError:
        talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        talk.bind(('0.0.0.0', PORT))
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        talk.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return talk


def sender(talk: socket.socket) -> Send:
    """Given the socket, return what sends a datagram to an address; one that cannot be sent counts as lost."""
    mapped = '::ffff:' if talk.family == socket.AF_INET6 else ''

    def send(address: str, data: bytes, port: int = PORT) -> None:
        with contextlib.suppress(OSError):
            talk.sendto(data, (address if ':' in address else mapped + address, port))

    return send


def notify(text: str) -> None:
    """Given a line for systemd, tell it."""
    path = os.environ.get('NOTIFY_SOCKET')
    if path:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(text.encode(), '\0' + path[1:] if path.startswith('@') else path)


def serve(settings_file: Path, key_file: Path, state_file: Path) -> int:
    """Given where the settings, the key and the state are, run. Return 1 if they cannot be used."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    journal = Journal()
    try:
        settings = read_settings(settings_file)
        key = read_key(key_file)
    except Unusable as reason:
        print(reason, flush=True)
        journal.write(str(reason), 3, ANLAN_EVENT='block-list-unusable')
        return 1
    talk = talk_socket()
    addresses = {address for peer in settings.peers for address in (peer.address, *peer.addresses)}
    kernel = Enforcement(addresses) if settings.enforces else None
    storage = Storage(state_file, boot_identity(), time.time)
    node = Node(settings, key, clock=clock, send=sender(talk), kernel=kernel, storage=storage, journal=journal)
    Service(node, talk, passed_sockets()).run()
    return 0
