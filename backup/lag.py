"""How far the copies in real time are behind, as far as one host alone can see it: said every minute, to the journal.

On the replica's host: how old the leader's last word is that the replica has. A replica that does not reach the leader
sees that word grow old, and that is the lag. On a data host that leads: how old the newest piece of the log is that the
repositories have. Who cannot say it says nothing; nobody guesses.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from backup.announcement import announce
from backup.failure import BackupFailed
from backup.record import Lagged
from backup.replica import PROGRAM, ReplicaView, ask_replica, judge
from backup.task import HostPlan

Of = Literal['replica', 'log']
INTERVAL_SECONDS = 60.0
ASK_SECONDS = 15.0
FOLLOWS = 'follows'
LOG_QUESTION = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN 'follows'"
    " ELSE coalesce(extract(epoch FROM clock_timestamp() - last_archived_time)::text, 'never') END"
    ' FROM pg_stat_archiver'
)


def replica_lag(view: ReplicaView | None) -> float | str:
    """Given what the replica says, return the seconds that it is behind, or why that is not known."""
    if view is None:
        return 'the replica does not answer'
    if not view.in_recovery:
        return 'the replica is promoted: it is a database of its own'
    lag = judge(None, view)
    return lag.seconds if lag.seconds is not None else '; '.join(lag.problems)


def log_lag(answer: str | None) -> float | str | None:
    """Given what a database says of its log, return the seconds that the repositories are behind, or why not known.

    None: it follows another, which says it.
    """
    if answer is None:
        return 'the database does not answer'
    if answer == FOLLOWS:
        return None
    try:
        # Where the clock was set back in between, nothing is behind.
        return max(0.0, float(answer))
    except ValueError:
        return f'nothing of its log was ever kept ({answer[:40]})'


def lagged(plan: HostPlan, place: str, seconds: float, at: datetime) -> list[Lagged]:
    """Given what is promised and how far a place is behind, return a record for each policy that promises it."""
    return [
        Lagged(each.policy, plan.host, place, at, seconds)
        for each in plan.promises
        if each.real_time_lag_seconds is not None and place in each.places
    ]


def ask(of: Of, database: str) -> float | str | None:
    """On its host, measure it: seconds, why they are not known, or None where another host says it."""
    if of == 'log':
        return log_lag(_ask_database(database))
    try:
        return replica_lag(ask_replica(database, ASK_SECONDS))
    except BackupFailed as failure:
        return str(failure)


def say_for_ever(plan: Callable[[], HostPlan], of: Of, database: str) -> None:
    """Measure and say it every minute, until stopped. What goes wrong is said once, until something else does."""
    last: str | None = None
    while True:
        started = time.monotonic()
        said = say(plan(), of, ask(of, database), datetime.now(UTC))
        if said is not None and said != last:
            print(f'<4>how far the copy is behind is not known: {said}', file=sys.stderr, flush=True)
        last = said
        time.sleep(max(1.0, INTERVAL_SECONDS - (time.monotonic() - started)))


def say(
    plan: HostPlan, of: Of, found: float | str | None, at: datetime,
    tell: Callable[[Lagged], str | None] = announce,
) -> str | None:  # fmt: skip
    """Given what was found, tell it. Return None, or why nothing was told."""
    if not isinstance(found, float):
        return found
    place = 'offsite' if of == 'replica' else 'local'
    reasons = [tell(each) for each in lagged(plan, place, found, at)]
    return next((each for each in reasons if each is not None), None)


def _ask_database(database: str) -> str | None:
    command: Sequence[str] = [PROGRAM, '-XAtq', '-d', database, '-c', LOG_QUESTION]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False,
            user='postgres', group='postgres', extra_groups=(), cwd='/',
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
