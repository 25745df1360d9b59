"""Which member of the database a backup is taken from: a replica that is fit, else the leader, and why."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backup.failure import BackupFailed, ExitClass

AUTHORITY_FILE = '/etc/anlan/tls/ca.crt'
PATRONI_PORT = 8008
REQUEST_SECONDS = 4.0


@dataclass(frozen=True)
class Limits:
    """How far behind a replica may be that a backup is taken from."""

    lag_bytes: int
    lag_seconds: float


@dataclass(frozen=True)
class Member:
    """One member as its own Patroni describes it; `location` and `replayed` are places in the log, in bytes."""

    name: str
    role: str
    state: str
    location: int
    replayed_at: datetime | None = None
    streaming: bool = False

    @property
    def leads(self) -> bool:
        """Return whether it is the leader and at work."""
        return self.role in ('primary', 'master') and self.state == 'running'


@dataclass(frozen=True)
class Choice:
    """Where a backup is read from: the leader, the replica if one is fit, and the reason in words."""

    leader: str
    replica: str | None
    reason: str

    @property
    def source(self) -> str:
        """Return the host that the data come from."""
        return self.replica or self.leader


def member_of(name: str, said: dict[str, Any]) -> Member:
    """Given a member's name and what its Patroni says of itself, return it."""
    log = said.get('xlog') or {}
    stamp = log.get('replayed_timestamp')
    return Member(
        name=name,
        role=str(said.get('role', '')),
        state=str(said.get('state', '')),
        location=int(log.get('location') or log.get('replayed_location') or 0),
        replayed_at=_time_of(stamp) if stamp else None,
        streaming=said.get('replication_state') == 'streaming',
    )


def _time_of(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def unfit(replica: Member, leader: Member, limits: Limits, now: datetime) -> str | None:
    """Given a replica and the leader, return why no backup is taken from it, or None if it is fit."""
    if replica.state not in ('running', 'streaming'):
        return f'{replica.name} is {replica.state or "of no known state"}'
    if not replica.streaming:
        return f'{replica.name} does not follow the leader'
    lag_bytes = max(0, leader.location - replica.location)
    if lag_bytes > limits.lag_bytes:
        return f'{replica.name} lags {lag_bytes / 1e6:.1f} MB, above {limits.lag_bytes / 1e6:.1f} MB'
    # Where nothing is written the last change is old, and nothing is behind.
    if lag_bytes and replica.replayed_at is not None:
        lag_seconds = (now - replica.replayed_at).total_seconds()
        if lag_seconds > limits.lag_seconds:
            return f'{replica.name} lags {lag_seconds:.0f} s, above {limits.lag_seconds:.0f} s'
    return None


def choose(members: Sequence[Member], unanswered: Sequence[str], limits: Limits, now: datetime) -> Choice:
    """Given the members that answered and the names of the others, return where to read from.

    Raise BackupFailed if there is no leader, or more than one.
    """
    leaders = [member for member in members if member.leads]
    if len(leaders) != 1:
        what = 'no leader' if not leaders else 'several leaders: ' + ', '.join(sorted(each.name for each in leaders))
        silent = f'; {", ".join(sorted(unanswered))} did not answer' if unanswered else ''
        raise BackupFailed(ExitClass.NO_SOURCE, f'the database has {what}{silent}')
    leader = leaders[0]
    reasons = [f'{name} does not answer' for name in unanswered]
    # The one that is nearest to the leader first.
    for member in sorted(
        (each for each in members if each is not leader), key=lambda each: (-each.location, each.name)
    ):
        reason = unfit(member, leader, limits, now)
        if reason is None:
            return Choice(leader.name, member.name, f'replica {member.name} is fit')
        reasons.append(reason)
    return Choice(leader.name, None, 'from the leader: ' + ('; '.join(reasons) or 'there is no replica'))


def ask(host: str, authority_file: str = AUTHORITY_FILE) -> dict[str, Any] | None:
    """Given a data host, return what its Patroni says of its member, or None if it does not answer in time."""
    context = ssl.create_default_context(cafile=authority_file)
    url = f'https://{host}:{PATRONI_PORT}/patroni'
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_SECONDS, context=context) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as answer:
        try:
            found = json.load(answer)
        except ValueError:
            return None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def source_of(
    hosts: Sequence[str],
    limits: Limits,
    question: Callable[[str], dict[str, Any] | None] = ask,
) -> Choice:
    """Given the data hosts, ask each and return where a backup is to be read from. Raise BackupFailed if nowhere."""
    members, unanswered = [], []
    # Replicas after the leader would make a leader's place older than theirs; a lag below 0 counts as none.
    for host in hosts:
        said = question(host)
        if said is None:
            unanswered.append(host)
        else:
            members.append(member_of(host, said))
    return choose(members, unanswered, limits, datetime.now(UTC))
