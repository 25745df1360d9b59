"""The locks of a restic repository: who holds one, and whether restic itself would call it stale."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from backup.engines.restic_answer import moment

STALE_AFTER = timedelta(minutes=30)
"""restic's own limit: who lives renews its lock every five minutes."""


@dataclass(frozen=True)
class Lock:
    """A lock as it is kept: by which process, on which host, since when; an exclusive one stops everybody else."""

    identity: str
    host: str
    user: str
    process: int
    since: datetime
    exclusive: bool

    def stale(self, now: datetime, host: str) -> bool:
        """Given the time and our host's name, return whether restic's `unlock` would remove it.

        It does where nobody renewed the lock for half an hour, or where its process should be on our host and is not.
        """
        if now - self.since > STALE_AFTER:
            return True
        return self.host == host and not _lives(self.process)

    def holder(self) -> str:
        """Return who holds it, in words."""
        kind = 'alone' if self.exclusive else 'with others'
        return f'process {self.process} of {self.user} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC ({kind})'


def lock_of(identity: str, text: str) -> Lock:
    """Given a lock's name and its JSON, return it. Raise ValueError if it is none."""
    document = json.loads(text)
    try:
        return Lock(
            identity, str(document.get('hostname', '?')), str(document.get('username', '?')),
            int(document.get('pid', 0)), moment(document['time']), bool(document.get('exclusive', False)),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'lock {identity} cannot be read: {error}') from None


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
