"""The lock of a platform: one command that changes it at a time, and the second learns who holds it."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from anlan.errors import Busy


@contextmanager
def hold(file: Path, command: str, *, shared: bool = False) -> Iterator[None]:
    """Given a lock file and the command that wants it, hold the lock while the body runs; `shared` beside others.

    The kernel frees it when the process ends, however it ends. Raise Busy with the holder if another has it.
    """
    with file.open('a+', encoding='utf-8') as stream:
        try:
            fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise Busy(f'{file.parent.name} is held by {_holder(stream.read())}; wait until it ends') from None
        stream.truncate(0)
        holder = {
            'command': command,
            'pid': os.getpid(),
            'since': datetime.now(UTC).isoformat(timespec='seconds'),
            'user': getpass.getuser(),
            'machine': socket.gethostname(),
        }
        stream.write(json.dumps(holder))
        stream.flush()
        # Children (the Pulumi engine, Ansible) must not keep the lock after a killed run.
        os.set_inheritable(stream.fileno(), False)
        yield
        # Of several that share it the last to come is named, until one wants it alone.
        if not shared:
            stream.truncate(0)


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return (
            f'`{holder["command"]}` (process {holder["pid"]}, user {holder["user"]}, '
            f'on {holder["machine"]}, since {holder["since"]})'
        )
    except (ValueError, KeyError, TypeError):
        print(f'the lock names no holder: {text!r}', file=sys.stderr)
        return 'another command'
