"""What the contract tests stand on: the Pulumi CLI, a host image, an SSH key, a small topology of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import docker
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from anlan.paths import cache_directory
from infra.images import image_tag
from infra.images.build import ensure_images
from infra.lab import platform as standing
from infra.lab.engine import connect
from infra.pulumi_cli import pulumi_root as installed_pulumi_root

IMAGE_TIER = 'offsite'
"""Its image is the base and nothing else, which is all that these tests need."""


@pytest.fixture(scope='session')
def pulumi_root() -> Path:
    given = os.environ.get('ANLAN_PULUMI_ROOT')
    return Path(given) if given else installed_pulumi_root()


@pytest.fixture(scope='session')
def client() -> docker.DockerClient:
    return connect()


@pytest.fixture(scope='session')
def image(client: docker.DockerClient) -> str:
    tag = image_tag(IMAGE_TIER)
    if not client.images.list(name=tag):
        ensure_images([IMAGE_TIER], cache_directory() / 'packages', print)
    return tag


@pytest.fixture(scope='session')
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key of the operator, made for this session."""
    file = tmp_path_factory.mktemp('ssh') / 'id_ed25519'
    key = ed25519.Ed25519PrivateKey.generate()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    file.chmod(0o600)
    return file


@pytest.fixture(scope='session')
def public_key(key_file: Path) -> str:
    key = serialization.load_ssh_private_key(key_file.read_bytes(), None)
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f'{text.decode()} contract'


@pytest.fixture
def swept(client: docker.DockerClient) -> Iterator[None]:
    """Nothing of the provider tests' platform stands before a test, and nothing after."""
    standing.remove(client, PROVIDER_PLATFORM)
    try:
        yield
    finally:
        standing.remove(client, PROVIDER_PLATFORM)


PROVIDER_PLATFORM = 'contract-engine'
PROVIDER_SUBNET = IPv4Network('198.19.212.0/24')
PROVIDER_GATEWAY = IPv4Address('198.19.212.254')
