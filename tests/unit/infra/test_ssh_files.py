"""SSH files: one way in, every host key known, and the operator's key made once."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from anlan.errors import AnlanError
from infra.ssh_files import ensure_key, ssh_files, write_ssh_files
from tests.unit.samples import inventory_of, lab, onprem, platform_of, topology_from, with_values


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def written(folder: Path, document: dict[str, object]) -> str:
    platform, topology = platform_of(document), topology_from(document)
    files = ssh_files(platform, folder)
    write_ssh_files(files, platform, topology, inventory_of(topology))
    return files.configuration.read_text(encoding='utf-8')


def settings(folder: Path, host: str) -> dict[str, str]:
    """Given a written configuration and a host, return what OpenSSH itself makes of it (nothing is connected)."""
    done = subprocess.run(['ssh', '-G', '-F', folder / 'config', host], capture_output=True, text=True, check=True)
    return dict(line.split(' ', 1) for line in done.stdout.splitlines() if ' ' in line)


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    files = ssh_files(platform_of(lab()), tmp_path / 'ssh')
    public = ensure_key(files)
    private = files.key.read_bytes()
    assert public.startswith('ssh-ed25519 ')
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700
    assert files.key.with_name('id_ed25519.pub').read_text() == public + '\n'
    assert ensure_key(files) == public
    assert files.key.read_bytes() == private


def test_a_lost_public_half_is_made_from_the_private_one(tmp_path: Path) -> None:
    files = ssh_files(platform_of(lab()), tmp_path / 'ssh')
    public = ensure_key(files)
    files.key.with_name('id_ed25519.pub').unlink()
    assert ensure_key(files) == public
    assert files.key.with_name('id_ed25519.pub').exists()


def test_a_damaged_key_is_said_and_not_replaced(tmp_path: Path) -> None:
    files = ssh_files(platform_of(lab()), tmp_path / 'ssh')
    ensure_key(files)
    files.key.write_text('damaged')
    with pytest.raises(AnlanError):
        ensure_key(files)
    assert files.key.read_text() == 'damaged'


def test_every_host_but_the_bastion_is_reached_through_the_bastion(tmp_path: Path) -> None:
    blocks = written(tmp_path, lab()).split('\n\n')
    by_host = {block.split()[1]: block for block in blocks}
    assert set(by_host) == {host.name for host in topology_from(lab()).hosts} | {'*'}
    for name, block in by_host.items():
        assert ('ProxyJump ops-1' in block) == (name not in ('ops-1', '*')), name
    assert 'ControlMaster auto' in by_host['ops-1']


def test_openssh_itself_reads_the_configuration_as_it_is_meant(tmp_path: Path) -> None:
    written(tmp_path, lab())
    found = settings(tmp_path, 'db-1')
    assert (found['hostname'], found['user'], found['port']) == ('198.18.30.11', 'anlan', '22')
    assert found['proxyjump'] == 'ops-1'
    assert found['stricthostkeychecking'] == 'true'
    assert found['passwordauthentication'] == 'no'
    assert found['identityfile'] == str(tmp_path / 'id_ed25519')
    assert found['userknownhostsfile'] == str(tmp_path / 'known_hosts')


def test_a_host_is_known_by_its_address_too(tmp_path: Path) -> None:
    written(tmp_path, lab())
    assert settings(tmp_path, '198.18.30.11')['proxyjump'] == 'ops-1'


def test_a_folder_with_a_space_in_its_name_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / 'two words'
    written(folder, lab())
    assert settings(folder, 'db-1')['userknownhostsfile'].strip('"') == str(folder / 'known_hosts')


def test_host_keys_of_hosts_that_we_made_are_known(tmp_path: Path) -> None:
    written(tmp_path, lab())
    lines = (tmp_path / 'known_hosts').read_text().splitlines()
    assert len(lines) == 17
    assert 'db-1,198.18.30.11 ssh-ed25519 KEY-OF-db-1' in lines


def test_for_hosts_that_exist_the_users_own_key_and_known_hosts_are_used_and_not_written(tmp_path: Path) -> None:
    known = tmp_path / 'users-known-hosts'
    known.write_text('as it was\n')
    values = {'target.known_hosts_file': str(known), 'target.ssh_key_file': '~/.ssh/mine'}
    text = written(tmp_path / 'ssh', with_values(onprem(), values))
    assert f'IdentityFile "{Path.home()}/.ssh/mine"' in text
    assert f'UserKnownHostsFile "{known}"' in text
    assert known.read_text() == 'as it was\n'


def test_the_configuration_names_the_port_of_each_host(tmp_path: Path) -> None:
    written(tmp_path, with_values(onprem(), {'target.hosts.app-1.ssh_port': 2222}))
    assert settings(tmp_path, 'app-1')['port'] == '2222'
    assert settings(tmp_path, 'app-2')['port'] == '22'
