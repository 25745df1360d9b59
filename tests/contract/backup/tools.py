"""restic and its REST server as the hosts have them, taken out of their image once and kept in the user's cache."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import docker

from anlan.paths import cache_directory
from infra.images.build import ensure_images

VERSION = '0.18'
PROGRAMS = {'restic': VERSION, 'restic-rest-server': '0.13'}
TIER = 'operations'


def program(name: str) -> str:
    """Given a program's name, return where it is on this machine: a Go program, so any machine of the kind runs it.

    The image of the host is built if need be. Raise AssertionError if the image has it not, or in another version.
    """
    file = cache_directory() / 'tools' / f'restic-{VERSION}' / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _extract(name, file)
    option = 'version' if name == 'restic' else '--version'
    said = subprocess.run([str(file), option], capture_output=True, text=True, check=False, timeout=30)
    assert f' {PROGRAMS[name]}.' in said.stdout + said.stderr, f'{file} is not {name} {PROGRAMS[name]}: {said}'
    return str(file)


def _extract(name: str, file: Path) -> None:
    tag = ensure_images([TIER], cache_directory() / 'packages', print)[TIER]
    client = docker.from_env()
    container = client.containers.create(tag)
    try:
        chunks, _ = container.get_archive(f'/usr/bin/{name}')
        with tarfile.open(fileobj=io.BytesIO(b''.join(chunks))) as tar:
            content = tar.extractfile(name)
            assert content is not None, f'{tag} has no program {name}'
            temporary = file.with_suffix('.part')
            temporary.write_bytes(content.read())
    finally:
        container.remove(force=True)
    temporary.chmod(0o755)
    temporary.replace(file)
