"""How far the replica off-site is behind: in seconds, in bytes of the log and in changes, judged from what was read.

Reading and judging are apart. The leader says how far each follower is (`pg_stat_replication`); the replica says what
it has replayed; the heartbeat, a row that the leader writes once a second with a number and the time, is read on both.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

from backup.failure import BackupFailed, ExitClass

PROGRAM = '/usr/lib/postgresql/17/bin/psql'
SOCKET = '/run/anlan-database-replica'
ASK_SECONDS = 15.0
HEARTBEAT_SECONDS = 1.0
STALE_SECONDS = 15.0
"""An age of the heartbeat on the leader from which on nothing can be said about seconds: nobody writes it."""

REPLICA_QUESTION = (
    "SELECT json_build_object('in_recovery', pg_is_in_recovery(), 'number', h.number,"
    " 'beaten', extract(epoch FROM h.beaten), 'now', extract(epoch FROM clock_timestamp()),"
    " 'received', pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), '0/0'), '0/0'),"
    " 'replayed', pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0'),"
    " 'status', coalesce((SELECT status FROM pg_stat_wal_receiver), 'none')) FROM anlan_backup.heartbeat h"
)
LEADER_QUESTION = (
    "SELECT json_build_object('number', h.number, 'beaten', extract(epoch FROM h.beaten),"
    " 'now', extract(epoch FROM clock_timestamp()), 'location', pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0'),"
    " 'synchronous', coalesce((SELECT max(r.sync_state) FROM pg_stat_replication r WHERE r.application_name = {name}),"
    " 'away'), 'slot',"
    " coalesce((SELECT s.wal_status FROM pg_replication_slots s WHERE s.slot_name = {slot}), 'missing'))"
    ' FROM anlan_backup.heartbeat h'
)


@dataclass(frozen=True)
class LeaderView:
    """What the leader says at a moment. `location`: the end of its log, in bytes; `synchronous`: the follower's."""

    asked: datetime
    number: int
    beaten: datetime
    location: int
    synchronous: str
    slot: str


@dataclass(frozen=True)
class ReplicaView:
    """What the replica says at a moment."""

    asked: datetime
    in_recovery: bool
    number: int
    beaten: datetime
    received: int
    replayed: int
    status: str


@dataclass(frozen=True)
class Lag:
    """How far the replica is behind. What cannot be said is None, and `problems` say why."""

    seconds: float | None
    received_bytes: int | None
    replayed_bytes: int | None
    changes: int | None
    problems: tuple[str, ...]


def judge(leader: LeaderView | None, replica: ReplicaView | None) -> Lag:
    """Given what both say (None where one does not answer), return the lag; read the replica after the leader."""
    problems = []
    if replica is None:
        return Lag(None, None, None, None, ('the replica does not answer',))
    if not replica.in_recovery:
        problems.append('the replica is promoted: it is a database of its own')
    if replica.status != 'streaming':
        problems.append(f'the replica receives nothing (its receiver: {replica.status})')
    if leader is None:
        # Its own clock against the leader's last word: never below the truth, but for the clocks' difference.
        problems.append('the leader does not answer')
        return Lag(max(0.0, (replica.asked - replica.beaten).total_seconds()), None, None, None, tuple(problems))
    if leader.synchronous not in ('async', 'away'):
        problems.append(
            f'the replica counts as synchronous ({leader.synchronous}): the platform waits for another site'
        )
    if leader.slot not in ('reserved', 'extended'):
        problems.append(f'the log that the replica needs is not kept (slot: {leader.slot})')
    changes = max(0, leader.number - replica.number)
    age = (leader.asked - leader.beaten).total_seconds()
    seconds: float | None
    if age > STALE_SECONDS:
        problems.append(f'the heartbeat on the leader is {age:.0f} s old: nobody writes it')
        seconds = None
    else:
        # By the leader's clock alone: how much older the replica's word is than the leader's newest.
        seconds = max(0.0, (leader.beaten - replica.beaten).total_seconds())
    return Lag(
        seconds,
        max(0, leader.location - replica.received),
        max(0, leader.location - replica.replayed),
        changes,
        tuple(problems),
    )


def leader_view(text: str) -> LeaderView:
    """Given the leader's answer, return it. Raise BackupFailed if it is not understood."""
    found = _read(text)
    try:
        return LeaderView(
            _moment(found['now']), _whole(found['number']), _moment(found['beaten']), _whole(found['location']),
            str(found['synchronous']), str(found['slot']),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BackupFailed(ExitClass.FAILED, f'the leader answers what is not understood: {error!r}') from None


def replica_view(text: str) -> ReplicaView:
    """Given the replica's answer, return it. Raise BackupFailed if it is not understood."""
    found = _read(text)
    try:
        return ReplicaView(
            _moment(found['now']), bool(found['in_recovery']), _whole(found['number']), _moment(found['beaten']),
            _whole(found['received']), _whole(found['replayed']), str(found['status']),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BackupFailed(ExitClass.FAILED, f'the replica answers what is not understood: {error!r}') from None


def leader_question(host: str) -> str:
    """Given the replica's host, return what the leader is asked."""
    return LEADER_QUESTION.format(name=_quoted(host), slot=_quoted(host.replace('-', '_')))


def ask_replica(database: str, seconds: float = ASK_SECONDS) -> ReplicaView | None:
    """On the replica's host: return what it says, or None if it does not answer in time."""
    command = [PROGRAM, '-XAtq', '-h', SOCKET, '-U', 'postgres', '-d', database, '-c', REPLICA_QUESTION]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return replica_view(done.stdout) if done.returncode == 0 and done.stdout.strip() else None


def _read(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BackupFailed(ExitClass.FAILED, f'an answer that is not understood: {text[:100]!r}')
    return found


def _whole(number: object) -> int:
    return int(float(str(number)))


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
