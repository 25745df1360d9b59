"""Remote commands on a host that means ill: it holds the connection and says nothing, or writes without an end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from anlan import remote
from anlan.remote import Remote, RemoteHost, Unreachable


class Server(paramiko.ServerInterface):
    """Lets everybody in. `mute` is asked to run a command and never says whether it does."""

    def __init__(self, mute: threading.Event | None, says: bytes = b'') -> None:
        self.mute = mute
        self.says = says
        self.told = threading.Event()

    def check_channel_request(self, kind: str, number: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_auth_publickey(self, user: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def get_allowed_auths(self, user: str) -> str:
        return 'publickey'

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self.mute is not None:
            self.mute.wait(20)
            return False
        work = threading.Thread(target=say, args=(channel, self), daemon=True) if self.says else None
        (work or threading.Thread(target=write, args=(channel,), daemon=True)).start()
        return True


def say(channel: paramiko.Channel, server: Server) -> None:
    """Write the first line, and the rest only when somebody was told of the first."""
    first, _, rest = server.says.partition(b'\n')
    channel.sendall(first + b'\n')
    if server.told.wait(10):
        channel.sendall(rest)
    channel.send_exit_status(0)
    channel.close()


def write(channel: paramiko.Channel) -> None:
    try:
        while True:
            channel.sendall(bytes(65536))
    except (OSError, EOFError):
        pass


@pytest.fixture
def mute() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def connected(folder: Path, server: Server) -> Remote:
    key, host_key = paramiko.RSAKey.generate(2048), paramiko.RSAKey.generate(2048)
    key.write_private_key_file(str(folder / 'key'))
    listener = socket.create_server(('127.0.0.1', 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(host_key)
        transport.start_server(server=server)

    threading.Thread(target=serve, daemon=True).start()
    line = f'[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n'
    (folder / 'known').write_text(line)
    return Remote({'ops-1': RemoteHost('ops-1', '127.0.0.1', port, 'anlan')}, 'ops-1', folder / 'key', folder / 'known')


def test_a_host_that_never_answers_a_request_is_not_waited_for_without_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mute: threading.Event
) -> None:
    with connected(tmp_path, Server(mute)) as hosts:
        hosts._client('ops-1')
        monkeypatch.setattr(remote, 'CONNECT_SECONDS', 0.5)
        started = time.monotonic()
        with pytest.raises(Unreachable, match='ops-1: the connection broke'):
            hosts.run('ops-1', ['true'], 0.5)
        assert time.monotonic() - started < 5


def test_a_host_that_writes_without_an_end_does_not_fill_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, 'MOST_BYTES', 4 * 1024 * 1024)
    with connected(tmp_path, Server(None)) as hosts, pytest.raises(Unreachable, match='more than 4 MiB were written'):
        hosts.run('ops-1', ['true'], 30)


def test_a_line_is_told_when_it_is_there_and_not_when_the_command_has_ended(tmp_path: Path) -> None:
    server, told = Server(None, '第一\nsecond\ncut'.encode()), list[str]()

    def line(text: str) -> None:
        told.append(text)
        server.told.set()

    with connected(tmp_path, server) as hosts:
        done = hosts.run('ops-1', ['true'], 20, on_line=line)
    assert told == ['第一', 'second']
    assert done.out == '第一\nsecond\ncut'
