"""Remote commands: what can be said before anything is connected."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.errors import BadInput
from anlan.remote import Remote, RemoteHost, Unreachable


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError('a host was to be reached')

    monkeypatch.setattr('paramiko.SSHClient.connect', refuse)


HOSTS = {name: RemoteHost(name, '192.0.2.1', 22, 'anlan') for name in ('ops-1', 'app-1')}


def test_a_host_that_is_none_is_bad_input_and_named_with_those_that_are(tmp_path: Path) -> None:
    """As the contract of `Remote.run` says."""
    remote = Remote(HOSTS, 'ops-1', tmp_path / 'key', tmp_path / 'known')
    with pytest.raises(BadInput, match='there is no host db-9; hosts are app-1, ops-1'):
        remote.run('db-9', ['true'], 1)


def test_lost_known_hosts_are_a_reason_and_no_traceback(tmp_path: Path) -> None:
    """Nothing is connected: the file is read before."""
    remote = Remote(HOSTS, 'ops-1', tmp_path / 'key', tmp_path / 'none')
    with pytest.raises(Unreachable, match='none'):
        remote.run('ops-1', ['true'], 1)


@pytest.mark.parametrize(
    'content', [b'\xa5\xff\x00', b'ops-1 ssh-ed25519 AAAAC3NzaC1\n'], ids=['random bytes', 'half a key']
)
def test_damaged_known_hosts_are_named_with_what_to_do_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    known = tmp_path / 'known'
    known.write_bytes(content)
    with pytest.raises(Unreachable, match=r'known cannot be used .*; `anlan up` writes it anew'):
        Remote(HOSTS, 'ops-1', tmp_path / 'key', known).run('ops-1', ['true'], 1)


def test_a_bastion_that_refused_is_not_asked_again_for_every_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sshd shuts out an address that fails again and again (PerSourcePenalties)."""
    asked = []

    def refuse(*arguments: object, **options: object) -> None:
        asked.append(arguments)
        raise OSError('refused')

    monkeypatch.setattr('paramiko.SSHClient.connect', refuse)
    (tmp_path / 'known').touch()
    remote = Remote(HOSTS, 'ops-1', tmp_path / 'key', tmp_path / 'known')
    for host in ('app-1', 'ops-1', 'app-1'):
        with pytest.raises(Unreachable, match='ops-1: no SSH session'):
            remote.run(host, ['true'], 1)
    assert len(asked) == 1
    monkeypatch.setattr('anlan.remote.BASTION_PAUSE_SECONDS', 0.0)
    with pytest.raises(Unreachable):
        remote.run('app-1', ['true'], 1)
    assert len(asked) == 2
