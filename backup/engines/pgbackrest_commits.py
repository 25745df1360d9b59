"""When the transactions of a piece of the log were committed: asked of PostgreSQL's own program, nothing is started."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

PROGRAM = '/usr/lib/postgresql/17/bin/pg_waldump'
SECONDS = 60.0
COMMIT = re.compile(r'desc: COMMIT(?:_PREPARED| PREPARED)?\b.*?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) UTC')


def last_commit(piece: Path) -> datetime | None:
    """Given a piece of the log, return when its last transaction was committed; None: it has none, or cannot be read.

    Pieces end before their last byte, about which the program complains: what it said until then holds.
    """
    try:
        done = subprocess.run(
            [PROGRAM, '--rmgr=Transaction', str(piece)], capture_output=True, text=True, errors='replace',
            timeout=SECONDS, check=False, cwd='/', env={'TZ': 'UTC', 'LC_ALL': 'C.UTF-8', 'PATH': '/usr/bin:/bin'},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return last_of(done.stdout)


def last_of(text: str) -> datetime | None:
    """Given what was said of a piece, return the newest time of a commit in it, or None if there is none."""
    found = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in COMMIT.findall(text)]
    return max(found, default=None)
