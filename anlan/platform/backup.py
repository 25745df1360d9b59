"""Backup: where copies are kept beside the platform, how long nobody can remove them, and what they may cost.

What is backed up, how often and what is promised for it stands in the policies (backup/policies).
"""

from __future__ import annotations

from anlan.platform.base import Section, key


class Backup(Section):
    """Copies on the operations host, and in another site under a lock (GB/T 22239 level 3, 8.1.4.9)."""

    lock_days: int = key(
        30,
        'So long nobody, with whichever credentials, removes or overwrites what came to the off-site store. The disk '
        'there has to hold all that comes within this time.',
        30, unit='days', ge=1, le=3650,
    )  # fmt: skip
    offsite_gib: int = key(
        8, 'Disk that the off-site store may use on its host; an alert comes before it is full.', 200, unit='GiB', ge=4
    )
    upload_kib_per_second: int = key(
        0, 'Bandwidth of copies of files on the way to the off-site store; 0: all there is.', 20480, unit='KiB/s', ge=0
    )
    replica_lag_mib: int = key(
        16,
        'A backup of the database is taken from a replica that lacks no more of the log than this, else the leader.',
        16, unit='MiB', ge=1, le=65536,
    )  # fmt: skip
    archive_queue_gib: int = key(
        1,
        "With more of the database's log waiting for a repository that does not answer, the oldest is let go rather "
        "than filling the leader's disk; there is an alert long before.",
        4, unit='GiB', ge=1,
    )  # fmt: skip
