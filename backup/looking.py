"""Looking: what each place holds is noted often, so that what is said of it is never older than it may be.

A look leaves a record of what it saw and nothing else. Where it sees nothing, nothing is noted: what is known ages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backup.failure import BackupFailed


def look_at_all(looks: Iterable[Callable[[], object]]) -> None:
    """Given looks, do each of them: a place that does not answer hides no other. Raise its BackupFailed then."""
    failures: list[BackupFailed] = []
    for look in looks:
        try:
            look()
        except BackupFailed as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
