"""SSH files: the operator's key, the hosts' keys, and a client configuration that goes through the bastion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from anlan.errors import AnlanError
from anlan.files import write_atomically
from anlan.paths import cache_directory
from anlan.platform import Platform
from anlan.platform.targets import OnpremTarget
from infra.inventory import Inventory
from infra.topology import Topology


@dataclass(frozen=True)
class SshFiles:
    """Paths of the files of one platform."""

    key: Path
    known_hosts: Path
    configuration: Path


def ssh_files(platform: Platform, directory: Path) -> SshFiles:
    """Given a platform and its SSH folder, return the paths; for existing hosts, key and known hosts are the user's."""
    key, known_hosts = directory / 'id_ed25519', directory / 'known_hosts'
    if isinstance(platform.target, OnpremTarget):
        key = Path(platform.target.ssh_key_file).expanduser()
        known_hosts = Path(platform.target.known_hosts_file).expanduser()
    return SshFiles(key, known_hosts, directory / 'config')


def ensure_key(files: SshFiles) -> str:
    """Given the paths, make the operator's key if there is none, and return its public half as one line."""
    files.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    public_file = files.key.with_name(f'{files.key.name}.pub')
    if not files.key.exists():
        key = ed25519.Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_atomically(files.key, private)
    try:
        private_key = serialization.load_ssh_private_key(files.key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise AnlanError(f'{files.key} cannot be used ({error}); put it back from a backup of var/') from None
    public = private_key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    ).decode() + ' anlan'  # fmt: skip
    if not public_file.exists():
        write_atomically(public_file, public + '\n', 0o644)
    return public


def write_ssh_files(files: SshFiles, platform: Platform, topology: Topology, inventory: Inventory) -> None:
    """Given what stands, write the client configuration and, for hosts that we made, the known hosts."""
    control = cache_directory() / 'ssh'
    control.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.configuration.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    bastion = topology.bastion.name
    blocks = []
    for host in topology.hosts:
        reached = inventory.hosts[host.name]
        lines = [
            f'Host {host.name} {reached.address}',
            f'  HostName {reached.address}',
            f'  Port {reached.ssh_port}',
            f'  User {reached.ssh_user}',
        ]
        if host.name == bastion:
            lines += ['  ControlMaster auto', '  ControlPersist 60s', f'  ControlPath "{control}/%C"']
        else:
            lines += [f'  ProxyJump {bastion}']
        blocks.append('\n'.join(lines))
    blocks.append(
        '\n'.join(
            [
                'Host *',
                f'  IdentityFile "{files.key}"',
                '  IdentitiesOnly yes',
                f'  UserKnownHostsFile "{files.known_hosts}"',
                '  GlobalKnownHostsFile /dev/null',
                '  StrictHostKeyChecking yes',
                '  PasswordAuthentication no',
                '  ConnectTimeout 10',
                '  ServerAliveInterval 5',
                '  ServerAliveCountMax 3',
                '  LogLevel ERROR',
            ]
        )
    )
    write_atomically(files.configuration, '\n\n'.join(blocks) + '\n')
    if not isinstance(platform.target, OnpremTarget):
        lines = [
            f'{name},{reached.address} {reached.ssh_host_key}' for name, reached in sorted(inventory.hosts.items())
        ]
        write_atomically(files.known_hosts, '\n'.join(lines) + '\n')
