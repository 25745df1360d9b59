"""Places: where a host's copies lie and what opens them. Plain data that hosts read; no secret is in it, only files.

`places.json` on a host names, for each repository of files, its address and the files with its password and its login.
"""

from __future__ import annotations

import contextlib
import json
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anlan.errors import AnlanError, BadInput
from backup.engines.restic import ResticEngine
from backup.engines.restic_settings import ResticSettings
from backup.task import Place

VERSION = 1
UNREACHABLE_SECONDS = 30.0
"""So long a place that does not answer is tried again: the next run of the timer is not far."""

PLACES = Path('/etc/anlan/backup/places.json')
CACHE = Path('/var/cache/anlan/restic')
LIVE_ROOTS = tuple(
    map(
        Path,
        (
            '/home', '/opt', '/root', '/run', '/var/cache', '/var/log', '/var/lib/etcd', '/var/lib/ceph',
            '/var/lib/postgresql', '/var/lib/pgbackrest', '/var/lib/valkey', '/var/lib/anlan/media',
            '/var/lib/anlan/backup/repositories', '/var/lib/anlan/backup/incoming', '/var/lib/anlan/second-factor',
        ),
    )
)  # fmt: skip
"""What is in use on some host: nothing is restored into it, above it or below it."""

SCRATCH = Path('/var/lib/anlan/backup/scratch')
"""The only folder on a host that anything is restored into on trial; each restore has one of its own below it."""


@dataclass(frozen=True)
class FilePlace:
    """One repository of files in one place: of which host's data, under which address, opened by what.

    `login_file` has a line `NAME=value` for each variable that the place asks for; with `read_only` nothing is written.
    """

    repository: str
    host: str
    place: Place
    address: str
    password_file: str
    login_file: str | None = None
    ca_file: str | None = None
    options: tuple[str, ...] = ()
    upload_kib_per_second: int = 0
    read_only: bool = False

    def engine(self) -> ResticEngine:
        """Return the engine of it. Raise AnlanError if what opens it cannot be read."""
        if self.address.startswith('/'):
            _share(Path(self.address) / 'config')
        return ResticEngine(
            ResticSettings(
                repository=self.address,
                unreachable_seconds=UNREACHABLE_SECONDS,
                password_file=Path(self.password_file),
                ca_file=Path(self.ca_file) if self.ca_file else None,
                cache_directory=CACHE,
                upload_kib_per_second=self.upload_kib_per_second,
                environment=_login(self.login_file) if self.login_file else {},
                options=self.options,
                live_roots=LIVE_ROOTS,
                read_only=self.read_only,
            )
        )


@dataclass(frozen=True)
class Places:
    """All that a host has a way to. `database` is the file that pgBackRest's engine reads, where there is one."""

    host: str
    files: tuple[FilePlace, ...]
    database: str | None = None
    restorer_file: str | None = None
    """The login that reads every version of the off-site store and writes nothing, where this host has it."""

    def of(self, repository: str, place: Place | None = None) -> tuple[FilePlace, ...]:
        """Given a repository and a place, or none for all, return what there is of it, by host and place."""
        found = [each for each in self.files if each.repository == repository and place in {None, each.place}]
        return tuple(sorted(found, key=lambda each: (each.host, each.place)))

    def one(self, repository: str, host: str, place: Place) -> FilePlace:
        """Given a repository, whose data and a place, return it. Raise BadInput if this host has no way there."""
        found = next((each for each in self.of(repository, place) if each.host == host), None)
        if found is None:
            raise BadInput(f'{self.host} has no way to the {place} repository {repository} of {host}')
        return found

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {'version': VERSION, **asdict(self)}


def read_places(file: Path = PLACES) -> Places:
    """Given the file, return the places of this host. Raise BadInput if it is not what `document` made."""
    try:
        document = json.loads(file.read_text(encoding='utf-8'))
        if document.get('version') != VERSION:
            raise ValueError(f'its version is {document.get("version")!r}')
        return Places(
            document['host'],
            tuple(FilePlace(**each | {'options': tuple(each['options'])}) for each in document['files']),
            document['database'],
            document.get('restorer_file'),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f'{file} cannot be used ({error}); `anlan up` writes it anew') from None


def _share(configuration: Path) -> None:
    """Have what root makes in a repository be the group's too: restic gives its files the mode of this one.

    The account that takes snapshots from hosts owns the folders, and has to read what a prune here has written.
    """
    with contextlib.suppress(FileNotFoundError):
        if not configuration.stat().st_mode & stat.S_IRGRP:
            configuration.chmod(0o440)


def _login(file: str) -> dict[str, str]:
    try:
        lines = Path(file).read_text(encoding='utf-8').splitlines()
    except OSError as error:
        raise AnlanError(f'{file} cannot be read ({error.strerror}); `anlan up` writes it anew') from None
    return dict(line.split('=', 1) for line in lines if '=' in line)
