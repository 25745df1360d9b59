"""Where things are: everything that a platform makes stands under `var/<platform>/`, all caches in the user's cache."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


def cache_directory() -> Path:
    """Return the folder for what can be rebuilt, shared by checkouts: $XDG_CACHE_HOME/anlan or ~/.cache/anlan."""
    base = os.environ.get('XDG_CACHE_HOME')
    return (Path(base) if base else Path.home() / '.cache') / 'anlan'


@dataclass(frozen=True)
class PlatformPaths:
    """The files of one platform."""

    directory: Path

    @classmethod
    def of(cls, platform_name: str) -> PlatformPaths:
        """Given a platform's name, return its paths. `ANLAN_VAR` moves them out of the checkout."""
        base = os.environ.get('ANLAN_VAR')
        return cls((Path(base) if base else ROOT / 'var') / platform_name)

    def make(self) -> None:
        """Make the folder, readable by its owner alone: it holds keys."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)

    @property
    def lock(self) -> Path:
        """Return the file that the running command locks."""
        return self.directory / 'lock'

    @property
    def faults_lock(self) -> Path:
        """Return the file that who plants faults locks for itself alone, and who looks at hosts locks with others."""
        return self.directory / 'faults-lock'

    @property
    def outputs(self) -> Path:
        """Return what the infrastructure hands to Ansible and to every command."""
        return self.directory / 'outputs.anlan.json'

    @property
    def secrets(self) -> Path:
        """Return the encrypted file of generated secrets; earlier versions had it plain, without `.age`."""
        return self.directory / 'secrets.json.age'

    @property
    def ssh(self) -> Path:
        """Return the folder of the operator's key, known hosts and client configuration."""
        return self.directory / 'ssh'

    @property
    def certificates(self) -> Path:
        """Return the folder of the platform's certificate authority."""
        return self.directory / 'certificates'

    @property
    def pulumi(self) -> Path:
        """Return the folder of Pulumi's state."""
        return self.directory / 'pulumi'

    @property
    def logs(self) -> Path:
        """Return the folder of logs of runs."""
        return self.directory / 'logs'

    @property
    def ledger(self) -> Path:
        """Return the folder of the evidence ledger; it outlives the hosts."""
        return self.directory / 'ledger'

    @property
    def journal_keys(self) -> Path:
        """Return the folder of the keys that verify the hosts' sealed journals; no host has its own."""
        return self.directory / 'journal-keys'

    @property
    def run(self) -> Path:
        """Return the folder of what only a running configuration needs; it is removed at its end.

        Secrets are in it while it is there, so it is in memory: the user's runtime folder or /dev/shm, where there are.
        """
        places = [os.environ.get('XDG_RUNTIME_DIR'), '/dev/shm']  # noqa: S108
        memory = next((place for place in places if place and os.access(place, os.W_OK | os.X_OK)), None)
        if memory is None:
            return self.directory / 'run'
        own = hashlib.sha256(str(self.directory.absolute()).encode()).hexdigest()[:16]
        return Path(memory) / f'anlan-{os.getuid()}-{own}'

    @property
    def unfinished(self) -> Path:
        """Return the file that is there from the start of a configuration until it has ended well."""
        return self.directory / 'unfinished'
