"""How far the replica of the other site is behind: both sides are asked now, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote
from backup.failure import BackupFailed
from backup.record import Lagged
from backup.replica import (
    PROGRAM,
    REPLICA_QUESTION,
    SOCKET,
    Lag,
    LeaderView,
    ReplicaView,
    judge,
    leader_question,
    leader_view,
    replica_view,
)

DATABASE = 'learning'
LEADS = 'SELECT NOT pg_is_in_recovery()'
ARCHIVED = 'SELECT extract(epoch FROM clock_timestamp() - last_archived_time) FROM pg_stat_archiver'
"""How old the newest piece of the log is that both repositories have: so much a restore from there would lose."""

ASK_SECONDS = 15.0


@dataclass(frozen=True)
class Measured:
    """One measurement: of which host, when, and what came of it."""

    replica: str
    at: datetime
    lag: Lag
    archived_seconds: float | None = None

    def records(self, policy: str) -> list[Lagged]:
        """Given the policy that promises it, return a record a place, none where no number of seconds was found."""
        found = []
        if self.lag.seconds is not None:
            found.append(Lagged(policy, self.replica, 'offsite', self.at, self.lag.seconds, self.lag.changes))
        if self.archived_seconds is not None:
            found.append(Lagged(policy, self.replica, 'local', self.at, self.archived_seconds))
        return found

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            'replica': self.replica, 'at': self.at.isoformat(timespec='seconds'), 'seconds': self.lag.seconds,
            'changes': self.lag.changes, 'received_bytes': self.lag.received_bytes,
            'replayed_bytes': self.lag.replayed_bytes, 'problems': list(self.lag.problems),
            'archived_seconds': self.archived_seconds,
        }  # fmt: skip


def measure(remote: Remote, outputs: Mapping[str, Any]) -> Measured | None:
    """Given connections and the outputs of a platform, measure its replica; None where there is no other site."""
    hosts = {tier: [name for name, each in outputs['hosts'].items() if each['tier'] == tier]
             for tier in ('data', 'offsite')}  # fmt: skip
    if not hosts['offsite']:
        return None
    replica = hosts['offsite'][0]
    # The leader first: what it says of its end is then never younger than what the replica has.
    name = next((host for host in hosts['data'] if _asked(remote, host, LEADS) == 't'), None)
    leader = None if name is None else _leader(remote, name, replica)
    archived = None if name is None else _asked(remote, name, ARCHIVED)
    lag = judge(leader, _replica(remote, replica))
    return Measured(replica, datetime.now(UTC), lag, None if archived is None else max(0.0, float(archived)))


def _leader(remote: Remote, host: str, replica: str) -> LeaderView | None:
    try:
        return leader_view(_asked(remote, host, leader_question(replica)) or '')
    except BackupFailed:
        return None


def _replica(remote: Remote, host: str) -> ReplicaView | None:
    try:
        said = _asked(remote, host, REPLICA_QUESTION, ('-h', SOCKET))
        return replica_view(said) if said else None
    except BackupFailed:
        return None


def _asked(remote: Remote, host: str, question: str, where: Sequence[str] = ()) -> str | None:
    argv = ['sudo', '-n', '-u', 'postgres', PROGRAM, '-XAtq', *where, '-d', DATABASE, '-c', question]
    try:
        done = remote.run(host, argv, ASK_SECONDS)
    except AnlanError:
        return None
    return done.out.strip() or None if done.code == 0 else None
