"""What keeps state: every place on a host, or on the operator's machine, whose loss is a loss of data. Plain data.

A role that makes a new place makes an entry here, or in `exempt.yaml`; a test reads the roles and says which is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal['firewall', 'edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite', 'operator']
"""A tier of hosts, or `operator`: the machine that `anlan` runs on."""


@dataclass(frozen=True)
class Stateful:
    """A resource: its name, the tiers that have it, the places it lies in (folders end below them), and what it is.

    `there` is False for what the application is to keep one day and does not yet.
    """

    name: str
    where: tuple[Where, ...]
    places: tuple[str, ...]
    what: str
    there: bool = True


STATEFUL: tuple[Stateful, ...] = (
    Stateful(
        'database-cluster', ('data',), ('/var/lib/postgresql',),
        'PostgreSQL: learners, courses, progress, sessions, and the archive with its hash chain.',
    ),
    Stateful(
        'learning-archive', ('data',), ('table archive_archiverecord', 'table archive_chainhead'),
        'The records of completed courses, once more in a form that is read without the database.',
    ),
    Stateful('etcd', ('data',), ('/var/lib/etcd',), 'Who is leader, and the settings of the database cluster.'),
    Stateful('media', ('app',), ('/var/lib/anlan/media',), 'Ladders of the courses, each named by its hash.'),
    Stateful(
        'collected-journals', ('monitoring',), ('/var/log/anlan/events', '/var/log/anlan/event-chain'),
        'The journals of all hosts, and the hash chain over them.',
    ),
    Stateful(
        'recorded-sessions', ('app', 'data', 'monitoring', 'operations'), ('/var/log/sudo-io',),
        'What operators did with sudo, as it was on their screens.',
    ),
    Stateful(
        'second-factors', ('operations',), ('/var/lib/anlan/second-factor',),
        "Secrets of the operators' one-time codes.",
    ),
    Stateful(
        'platform-state', ('operator',), ('var',),
        'Secrets (encrypted), certificates, ways in, the state of Pulumi, outputs, keys of the sealed journals.',
    ),
    Stateful('ledger', ('operator',), ('var/ledger',), 'The evidence ledger, its attachments and its key (encrypted).'),
    Stateful(
        'face-evidence', ('app',), (),
        'Pictures that show who learned. The application takes none yet.', there=False,
    ),
)  # fmt: skip
"""All of it. `var/` is the folder of the platform on the operator's machine."""
