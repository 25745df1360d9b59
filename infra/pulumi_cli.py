"""The Pulumi CLI: one on PATH whose version fits, else the one that the bootstrap built into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from anlan.errors import AnlanError
from anlan.paths import cache_directory

VERSION = (3, 259, 0)
"""Version of the SDK and of the CLI that the bootstrap builds; newer ones of the same major version fit too."""


def pulumi_root() -> Path:
    """Return the folder whose `bin/pulumi` is used. Raise AnlanError if there is none that fits."""
    given = os.environ.get('ANLAN_PULUMI_ROOT')
    if given:
        return Path(given)
    on_path = shutil.which('pulumi')
    if on_path is not None and _fits(Path(on_path)):
        for found in (Path(on_path).resolve(), Path(on_path)):
            if found.parent.name == 'bin' and found.name == 'pulumi':
                return found.parent.parent
    built = cache_directory() / 'tools' / f'pulumi-{".".join(map(str, VERSION))}'
    if (built / 'bin' / 'pulumi').exists():
        return built
    raise AnlanError('there is no Pulumi CLI; `make setup` builds it (about 6 minutes on 2 cores, once)')


def _fits(program: Path) -> bool:
    try:
        done = subprocess.run([program, 'version'], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = re.match(r'v?(\d+)\.(\d+)\.(\d+)', done.stdout.strip())
    if match is None:
        return False
    version = tuple(int(part) for part in match.groups())
    return version[0] == VERSION[0] and version >= VERSION
