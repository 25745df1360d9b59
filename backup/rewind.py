"""What brings a bucket back to what it held at a moment. Pure: from its versions to what is to be done.

Nothing is destroyed by it: versions stay, so that a bucket can be brought back to another moment after that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backup.object_history import as_of
from backup.object_lock import PROBE
from backup.object_store import Version

PASSING = re.compile(rf'(^|/)locks/[0-9a-f]{{64}}$|^drill-|^{PROBE}$')
"""Keys that are no part of what is kept: who works on a repository of restic, copies of drills, probes."""

STALE = timedelta(minutes=30)
"""A lock that is older holds nobody back who works, as restic has it; left there, it holds back all who come."""

SHOWN_HOURS = 12
CameFrom = Callable[[Version], str | None]


@dataclass(frozen=True)
class Rewind:
    """What is to be done to a bucket, by key, and when what it undoes was done.

    `put_back`: versions that are written again, for something lies above them. `uncover`: markers above a version that
    is good, by key. `hide`: keys that were not there. `changed` says of each hour (UTC) how many keys were overwritten
    or deleted after the moment, of those that were there.
    """

    bucket: str
    moment: datetime
    same: int
    put_back: tuple[Version, ...]
    uncover: Mapping[str, tuple[str, ...]]
    hide: tuple[str, ...]
    changed: Mapping[str, int]

    @property
    def put_back_bytes(self) -> int:
        """Return how many bytes are written again; they take that room beside what is there."""
        return sum(each.size_bytes for each in self.put_back)

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not (self.put_back or self.uncover or self.hide)

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'bucket': self.bucket, 'moment': self.moment.isoformat(), 'same': self.same,
            'put_back': len(self.put_back), 'put_back_bytes': self.put_back_bytes, 'uncovered': len(self.uncover),
            'hidden': len(self.hide), 'changed_by_hour': dict(sorted(self.changed.items())[-SHOWN_HOURS:]),
        }  # fmt: skip


def planned(
    bucket: str, versions: Iterable[Version], moment: datetime, now: datetime, *, keep_new: bool = False,
    came_from: CameFrom = lambda _: None,
) -> Rewind:  # fmt: skip
    """Given a bucket's versions, an aware moment and the time, return what brings it back to that moment.

    `came_from` says of a version which other one it was written again from, if any: what was put back is not put back
    twice. With `keep_new` a key that was not there at the moment stays as it is.
    """
    by_key: dict[str, list[Version]] = {}
    passing: dict[str, Version] = {}
    for version in versions:
        if not PASSING.search(version.key):
            by_key.setdefault(version.key, []).append(version)
        elif version.latest and not version.marker and version.key != PROBE:
            passing[version.key] = version
    there, _ = as_of((each for some in by_key.values() for each in some), moment)
    then = {version.key: version for version in there}
    same, put_back, uncover = 0, list[Version](), dict[str, tuple[str, ...]]()
    hide = [key for key, each in passing.items() if each.modified > moment and now - each.modified > STALE]
    changed: Counter[str] = Counter()
    for key, some in sorted(by_key.items()):
        last = max(some, key=lambda each: (each.latest, each.modified))
        wanted = then.get(key)
        if wanted is None:
            if not last.marker and not keep_new:
                hide.append(key)
            continue
        later = [each for each in some if each.modified > moment and each.identity != wanted.identity]
        if last.identity == wanted.identity or not later or _again(last, wanted, came_from):
            same += 1
            continue
        changed[f'{min(each.modified for each in later):%Y-%m-%d %H}:00'] += 1
        if all(each.marker for each in later):
            uncover[key] = tuple(each.identity for each in later)
        else:
            put_back.append(wanted)
    return Rewind(bucket, moment, same, tuple(put_back), uncover, tuple(hide), changed)


def _again(last: Version, wanted: Version, came_from: CameFrom) -> bool:
    """Return whether what is there now has the bytes of what is wanted."""
    if last.marker or last.size_bytes != wanted.size_bytes:
        return False
    if last.etag == wanted.etag:
        return True
    # A checksum of an upload in parts depends on the parts.
    return '-' in wanted.etag and came_from(last) == wanted.identity
