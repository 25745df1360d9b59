"""Small files inside a host: written and read through Docker, whether or not the host runs."""

from __future__ import annotations

import io
import tarfile
import time
from dataclasses import dataclass
from pathlib import PurePosixPath

from docker.errors import NotFound
from docker.models.containers import Container

AUTHORIZED_KEYS = PurePosixPath('/home/anlan/.ssh/authorized_keys')
HOST_KEY = PurePosixPath('/etc/ssh/ssh_host_ed25519_key.pub')
OPERATOR_ID = 1000
"""User and group number of `anlan` in every image."""


@dataclass(frozen=True)
class HostFile:
    """A file to be put into a host. `folder_mode` is of its folder, which is made if it is missing."""

    path: PurePosixPath
    content: str
    mode: int = 0o644
    owner: int = 0
    folder_mode: int = 0o755


def write(container: Container, file: HostFile) -> None:
    """Given a container and a file, put the file into it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w') as tar:
        folder = tarfile.TarInfo(file.path.parent.name)
        folder.type, folder.mode = tarfile.DIRTYPE, file.folder_mode
        data = file.content.encode()
        entry = tarfile.TarInfo(f'{file.path.parent.name}/{file.path.name}')
        entry.size, entry.mode = len(data), file.mode
        for each in (folder, entry):
            each.uid = each.gid = file.owner
            each.mtime = int(time.time())
        tar.addfile(folder)
        tar.addfile(entry, io.BytesIO(data))
    container.put_archive(str(file.path.parent.parent), archive.getvalue())


def read(container: Container, path: PurePosixPath) -> str | None:
    """Given a container and a path, return the file's text, or None if there is no such file."""
    try:
        chunks, _ = container.get_archive(str(path))
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b''.join(chunks))) as tar:
        member = tar.next()
        stream = tar.extractfile(member) if member is not None else None
        return stream.read().decode(errors='replace') if stream is not None else None


def authorize(container: Container, public_key: str, instead_of: str = '') -> None:
    """Given a container and a public key, let its owner log in as anlan; the key `instead_of` no longer may.

    Lines that others added (a role, for instance) are kept.
    """
    lines = (read(container, AUTHORIZED_KEYS) or '').splitlines()
    kept = [line for line in lines if line.strip() and line.strip() != instead_of.strip()]
    if public_key not in kept:
        kept.insert(0, public_key)
    if kept != lines:
        content = '\n'.join(kept) + '\n'
        write(container, HostFile(AUTHORIZED_KEYS, content, mode=0o600, owner=OPERATOR_ID, folder_mode=0o700))


def host_key(container: Container) -> str:
    """Given a container, return its SSH host key as `type key`, empty if it has none yet."""
    words = (read(container, HOST_KEY) or '').split()
    return ' '.join(words[:2])
