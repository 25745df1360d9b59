"""What restic is run with: which repository, whose password, how fast; and the command line that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from anlan.errors import BadInput

SHORTEST_SECRET = 6
"""Shorter values of the environment are words such as a region, and stay readable in messages."""


@dataclass(frozen=True)
class ResticSettings:
    """One repository as one user of it sees it. Limits are in KiB/s, 0 is none.

    `environment` holds the credentials of the place (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, RESTIC_REST_USERNAME,
    RESTIC_REST_PASSWORD): only the program sees it. Without `cache_directory` nothing is cached. `read_only`: the
    credentials cannot write, so no lock is set. `options` are restic's extended ones (`s3.bucket-lookup=path`).
    A place that does not answer is given up after `unreachable_seconds` of tries.
    """

    repository: str
    password_file: Path
    program: str = 'restic'
    ca_file: Path | None = None
    cache_directory: Path | None = None
    upload_kib_per_second: int = 0
    download_kib_per_second: int = 0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: tuple[str, ...] = ()
    live_roots: tuple[Path, ...] = ()
    read_only: bool = False
    nice: int = 0
    idle_disk: bool = False
    lock_retry_seconds: float = 5.0
    unreachable_seconds: float = 120.0

    def __post_init__(self) -> None:
        problems = []
        place = self.repository.removeprefix('rest:').removeprefix('s3:')
        if not self.repository:
            problems.append('repository: is empty')
        elif '://' in place and (urlsplit(place).password or '@' in urlsplit(place).netloc):
            problems.append('repository: holds a login, which every user of the host could read; use the environment')
        elif '://' not in place and ':' not in place and not place.startswith('/'):
            problems.append(f'repository: {self.repository} is not an absolute path')
        for name in ('upload_kib_per_second', 'download_kib_per_second', 'nice', 'lock_retry_seconds'):
            if getattr(self, name) < 0:
                problems.append(f'{name}: is below 0')
        forbidden = {'RESTIC_PASSWORD', 'RESTIC_PASSWORD_COMMAND', 'RESTIC_REPOSITORY'} & set(self.environment)
        problems += [f'environment.{name}: the settings say it already' for name in sorted(forbidden)]
        if problems:
            raise BadInput('a restic repository cannot be used: ' + '; '.join(problems))

    def command(self, words: Sequence[str], *, lock: bool = True) -> list[str]:
        """Given a subcommand with its words, return the command line. No secret is in it."""
        argv = ['nice', '-n', str(self.nice)] if self.nice else []
        argv += ['ionice', '-c', '3'] if self.idle_disk else []
        argv += [self.program, '--json', '--repo', self.repository, '--password-file', str(self.password_file)]
        argv += ['--cacert', str(self.ca_file)] if self.ca_file else []
        argv += (
            ['--cache-dir', str(self.cache_directory), '--cleanup-cache'] if self.cache_directory else ['--no-cache']
        )
        argv += ['--limit-upload', str(self.upload_kib_per_second)] if self.upload_kib_per_second else []
        argv += ['--limit-download', str(self.download_kib_per_second)] if self.download_kib_per_second else []
        for option in self.options:
            argv += ['--option', option]
        argv += [] if lock and not self.read_only else ['--no-lock']
        return [*argv, *words]

    def child_environment(self) -> dict[str, str]:
        """Return what the program finds in its environment besides what every program does."""
        # Ten states a second would be ten wake-ups of ours a second, beside a backup that has a core at most.
        return {'RESTIC_PROGRESS_FPS': '2', **self.environment}

    def scrubbed(self, text: str) -> str:
        """Given what the program said, return it without the values of the environment."""
        for name, value in self.environment.items():
            if len(value) >= SHORTEST_SECRET:
                text = text.replace(value, f'<{name}>')
        return text
