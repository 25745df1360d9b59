"""Remote commands: over SSH, through the bastion, one connection a host kept open, a deadline on each."""

from __future__ import annotations

import contextlib
import logging
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import paramiko

from anlan.errors import AnlanError, BadInput

CONNECT_SECONDS = 8.0
READ_BYTES = 65536
MOST_BYTES = 256 * 1024 * 1024
"""What a command may write in all: a host that writes without an end must not fill this machine's memory."""

BASTION_PAUSE_SECONDS = 10.0
"""A bastion that refused is not asked again for so long: one try a host would have it shut this machine out."""

# What goes wrong is raised, as one sentence; paramiko would print its tracebacks besides.
logging.getLogger('paramiko').addHandler(logging.NullHandler())


class Unreachable(AnlanError):
    """A host could not be reached over SSH."""


@dataclass(frozen=True)
class RemoteHost:
    """Where and as whom a host is reached."""

    name: str
    address: str
    port: int
    user: str


@dataclass(frozen=True)
class Result:
    """What a command left: exit code (124 if its deadline passed), output, errors, and seconds."""

    code: int
    out: str
    err: str
    seconds: float


class Remote:
    """Runs commands on hosts. Safe to use from several threads; close it when done."""

    def __init__(self, hosts: Mapping[str, RemoteHost], bastion: str, key_file: Path, known_hosts_file: Path) -> None:
        self._hosts = dict(hosts)
        self.bastion = bastion
        self._key_file = key_file
        self._known_hosts_file = known_hosts_file
        self._clients: dict[str, paramiko.SSHClient] = {}
        self._refused: tuple[float, str] | None = None
        self._locks = {name: threading.Lock() for name in hosts}

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def run(
        self, host: str, argv: Sequence[str], deadline_seconds: float, stdin: str | bytes | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:  # fmt: skip
        """Given a host's name, a command and a deadline, run it there and return its result.

        `on_line` is called with each line of its standard output, as soon as that is there. Raise Unreachable if the
        host does not answer, BadInput if there is no such host.
        """
        started = time.monotonic()
        client = self._client(host)
        transport = client.get_transport()
        assert transport is not None
        # A host that holds the connection and says nothing would be waited for without an end.
        guard = threading.Timer(deadline_seconds + CONNECT_SECONDS, transport.close)
        guard.daemon = True
        guard.start()
        try:
            channel = transport.open_session(timeout=CONNECT_SECONDS)
            channel.settimeout(deadline_seconds)
            channel.exec_command(shlex.join(argv))
            if stdin is not None:
                channel.sendall(stdin.encode() if isinstance(stdin, str) else stdin)
            channel.shutdown_write()
            return self._collect(channel, started, deadline_seconds, on_line)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._forget(host)
            raise Unreachable(f'{host}: the connection broke: {error or type(error).__name__}') from None
        finally:
            guard.cancel()

    def run_on_all(
        self, hosts: Sequence[str], argv: Sequence[str], deadline_seconds: float, stdin: str | None = None
    ) -> dict[str, Result | Unreachable]:
        """Given hosts and a command, run it on all at once and return, by host, its result or why there is none."""

        def one(host: str) -> Result | Unreachable:
            try:
                return self.run(host, argv, deadline_seconds, stdin)
            except Unreachable as error:
                return error

        with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
            return dict(zip(hosts, pool.map(one, hosts), strict=True))

    @staticmethod
    def _collect(
        channel: paramiko.Channel, started: float, deadline_seconds: float, on_line: Callable[[str], None] | None
    ) -> Result:
        out, err, told = bytearray(), bytearray(), 0
        while True:
            while channel.recv_ready() and len(out) <= MOST_BYTES:
                out += channel.recv(READ_BYTES)
            while on_line is not None and (end := out.find(b'\n', told)) >= 0:
                on_line(out[told:end].decode(errors='replace'))
                told = end + 1
            while channel.recv_stderr_ready() and len(err) <= MOST_BYTES:
                err += channel.recv_stderr(READ_BYTES)
            seconds = time.monotonic() - started
            if len(out) + len(err) > MOST_BYTES:
                raise EOFError(f'more than {MOST_BYTES // 1024 // 1024} MiB were written')
            if channel.exit_status_ready() and not channel.recv_ready() and not channel.recv_stderr_ready():
                if channel.eof_received or seconds > deadline_seconds:
                    code = channel.recv_exit_status()
                    break
            elif seconds > deadline_seconds:
                code = 124
                err += f'the deadline of {deadline_seconds:g} s passed'.encode()
                break
            time.sleep(0.005)
        channel.close()
        return Result(code, out.decode(errors='replace'), err.decode(errors='replace'), time.monotonic() - started)

    def _client(self, host: str) -> paramiko.SSHClient:
        if host not in self._hosts:
            raise BadInput(f'there is no host {host}; hosts are {", ".join(sorted(self._hosts))}')
        with self._locks[host]:
            known = self._clients.get(host)
            if known is not None:
                transport = known.get_transport()
                if transport is not None and transport.is_active():
                    return known
            if host == self.bastion and self._refused and time.monotonic() - self._refused[0] < BASTION_PAUSE_SECONDS:
                raise Unreachable(self._refused[1])
            try:
                client = self._connect(host)
            except Unreachable as error:
                if host == self.bastion:
                    self._refused = (time.monotonic(), str(error))
                raise
            self._clients[host] = client
            return client

    def _connect(self, host: str) -> paramiko.SSHClient:
        place = self._hosts[host]
        channel: paramiko.Channel | socket.socket | None = None
        if host != self.bastion:
            transport = self._client(self.bastion).get_transport()
            assert transport is not None
            try:
                channel = transport.open_channel(
                    'direct-tcpip', (place.address, place.port), ('127.0.0.1', 0), timeout=CONNECT_SECONDS
                )
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise Unreachable(f'{host}: not reached through {self.bastion}: {error}') from None
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.load_host_keys(str(self._known_hosts_file))
        except (OSError, ValueError, paramiko.hostkeys.InvalidHostKey) as error:
            raise Unreachable(
                f'{host}: {self._known_hosts_file} cannot be used ({error}); `anlan up` writes it anew'
            ) from None
        try:
            client.connect(
                place.address,
                port=place.port,
                username=place.user,
                key_filename=str(self._key_file),
                sock=channel,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
                allow_agent=False,
                look_for_keys=False,
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            client.close()
            raise Unreachable(f'{host}: no SSH session at {place.address}: {error or type(error).__name__}') from None
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(5)
        return client

    def _forget(self, host: str) -> None:
        client = self._clients.pop(host, None)
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()
