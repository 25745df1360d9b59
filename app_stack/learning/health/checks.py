"""The checks of readiness. Each says why not in words that hold no address, name or password."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor
from learning.courses.ladders import is_present
from learning.courses.models import Lesson
from learning.migrating.classify import is_expand


class NotReady(Exception):
    """A check's own reason, fit to be shown."""


@dataclass(frozen=True)
class Finding:
    """What one check found, and how long it took."""

    ok: bool
    reason: str | None
    milliseconds: int


def check_database() -> None:
    """Return if the database answers. Raise what the driver raises."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT 1')


def check_cache() -> None:
    """Return if the cache answers. Raise what the client raises."""
    ping = getattr(cache, 'ping', None)
    if ping:
        ping()
    elif cache.get('readiness', 'absent') is None:
        raise NotReady('the cache does not answer')


_migrated = threading.Event()


def check_migrations() -> None:
    """Return if no migration that this code needs is pending. Raise NotReady naming those that are.

    Contract migrations run after the whole fleet has this code: nobody waits for them.
    """
    if _migrated.is_set():
        return
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    pending = [str(migration) for migration, _ in plan if is_expand(migration)]
    if pending:
        raise NotReady(f'{len(pending)} migrations are pending, the first is {pending[0]}')
    # Migrations are never undone while this process lives, so this is asked only until it is true.
    _migrated.set()


def check_media() -> None:
    """Return if the media of every published lesson are on this host. Raise NotReady counting those that are not."""
    wanted = set(Lesson.objects.filter(published=True).values_list('media_sha256', flat=True))
    root = Path(settings.MEDIA_ROOT)
    absent = sorted(sha256 for sha256 in wanted if not is_present(root, sha256))
    if absent:
        raise NotReady(f'{len(absent)} of {len(wanted)} published media are missing, the first is {absent[0][:12]}')


CHECKS: Mapping[str, Callable[[], None]] = {
    'database': check_database,
    'cache': check_cache,
    'migrations': check_migrations,
    'media': check_media,
}
# Without these the platform is slower or poorer, but learners can learn.
DISPENSABLE = frozenset({'cache'})

_pools: dict[str, ThreadPoolExecutor] = {}
_pools_lock = threading.Lock()
_running: dict[str, Future[None]] = {}


def _start(name: str) -> Future[None]:
    """Start a check in a thread, or join the one that still runs, so that stuck checks do not pile up."""
    with _pools_lock:
        running = _running.get(name)
        if running is not None and not running.done():
            return running
        # Made here and not at import: gunicorn loads the code before it forks, and threads do not survive a fork.
        # One thread for all that asks the database, so that readiness costs a worker one connection.
        kind = 'cache' if name == 'cache' else 'database'
        if kind not in _pools:
            _pools[kind] = ThreadPoolExecutor(1, thread_name_prefix=f'readiness-{kind}')
        _running[name] = _pools[kind].submit(_run, CHECKS[name])
        return _running[name]


def _run(check: Callable[[], None]) -> None:
    # The thread keeps its connection from one check to the next, as a worker does.
    close_old_connections()
    try:
        check()
    finally:
        close_old_connections()


def run_checks() -> dict[str, Finding]:
    """Run every check side by side, each with the deadline of the settings, and return their findings."""
    started = time.monotonic()
    futures = {name: _start(name) for name in CHECKS}
    findings = {}
    for name, future in futures.items():
        reason = _reason(future, started + settings.READINESS_DEADLINE_SECONDS)
        findings[name] = Finding(reason is None, reason, round(1000 * (time.monotonic() - started)))
    return findings


def _reason(future: Future[None], deadline: float) -> str | None:
    try:
        future.result(timeout=max(0.0, deadline - time.monotonic()))
    except FutureTimeout:
        if not future.done():
            return f'no answer within {settings.READINESS_DEADLINE_SECONDS:g} s'
        return 'timed out'
    except NotReady as error:
        return str(error)
    except Exception as error:  # whatever it is, it is a reason not to be ready
        return _told(error)
    return None


def _told(error: Exception) -> str:
    """Given what a driver raised, return its kind and a cause from a closed list: its own words may name a secret."""
    words = str(error).lower()
    causes = {
        'refused': 'connection refused',
        'closed': 'connection closed',
        'timed out': 'timed out',
        'timeout': 'timed out',
        'password authentication failed': 'authentication failed',
        'wrongpass': 'authentication failed',
        'noauth': 'authentication failed',
        'certificate': 'certificate not trusted',
        'no master': 'no master known',
        'does not exist': 'a table or database is missing',
        'no such table': 'a table or database is missing',
        'unable to open': 'cannot be opened',
        'read-only': 'read only',
    }
    cause = next((cause for sign, cause in causes.items() if sign in words), 'failed')
    return f'{type(error).__name__}: {cause}'
