"""Handing what stands under `var/` to the operations host, which keeps it: without it nothing is rebuilt."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection
from pathlib import Path

from anlan.cli.backup_hosts import AgentFailed, ask_agent
from anlan.errors import AnlanError
from anlan.paths import PlatformPaths
from anlan.remote import Remote

LEFT_OUT = frozenset({'run', 'lock', 'faults-lock', 'backup.pyz', 'unfinished', 'rebuild.json'})
"""What only a running command needs, or is made anew by each."""

SECONDS = 300.0
MOST_BYTES = 2 * 1024 * 1024 * 1024


def hand_over(remote: Remote, paths: PlatformPaths) -> int:
    """Given connections and a platform's paths, bring its folder to the bastion as it is, and return its bytes.

    Secrets are encrypted in it, to a key that is not in it. The caller holds the platform's lock. Raise AnlanError.
    """
    content = packed(paths.directory)
    answer = ask_agent(remote, remote.bastion, ['receive'], SECONDS, stdin=content)
    if (reason := answer.failure()) is not None:
        raise AgentFailed(answer.code, f'{remote.bastion} did not take what is under var/: {reason}')
    return len(content)


def packed(folder: Path, left_out: Collection[str] = LEFT_OUT) -> bytes:
    """Given a platform's folder and names in it that are left out, return its files as a tar file below `var`.

    Raise AnlanError if they are too many.
    """

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = Path(entry.name).parts
        if len(parts) > 1 and parts[1] in left_out:
            return None
        return entry if entry.isreg() or entry.isdir() else None

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz', compresslevel=1) as archive:
        archive.add(folder, 'var', filter=kept)
    if stream.tell() > MOST_BYTES:
        raise AnlanError(f'{folder} is larger than {MOST_BYTES >> 30} GiB; remove old logs from it')
    return stream.getvalue()
