"""The agent: what a host's timers and `anlan backup` run there. It prints lines of JSON; the last one is the result."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline, wait_until
from anlan.errors import EXIT_FAILED, AnlanError, BadInput, DeadlineExceeded
from backup.announcement import announce
from backup.database_work import Database, DatabaseWork
from backup.exposition import expose_for_ever
from backup.failure import BackupFailed, ExitClass
from backup.file_work import FileWork
from backup.incoming import receive
from backup.lag import say_for_ever
from backup.moment import wanted
from backup.moment_standing import at, discard, sweep
from backup.moment_work import MomentWork, Wish, document_of
from backup.places import LIVE_ROOTS, PLACES, Places, read_places
from backup.port import Engine, Progress, Snapshot
from backup.record import RECORDS, Ended, Record, RestoreEnded, StolenEnded, VerificationEnded, append, line_of, read
from backup.reseed import reseed
from backup.retelling import is_due, tell_again
from backup.scratch import require_empty
from backup.task import HostPlan, read_plan
from backup.timers import UNITS, install
from backup.unit_files import JOBS, waiting_seconds

LOCKS = Path('/run/anlan-backup')
TOLD_EVERY_SECONDS = 1.0
LISTING_SECONDS = 120.0


def main(arguments: Sequence[str]) -> int:
    """Given the arguments of the command line, do what they say and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except BackupFailed as failure:
        _say({'failure': failure.exit_class.word, 'sentence': str(failure)})
        return failure.exit_code
    except AnlanError as failure:
        _say({'failure': ExitClass.FAILED.word, 'sentence': str(failure)})
        return failure.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='backup')
    commands = parser.add_subparsers(dest='command', required=True)
    task = commands.add_parser('task', help='do a task now')
    task.add_argument('name')
    listing = commands.add_parser('list', help='list the snapshots that this host has a way to')
    listing.add_argument('--policy')
    listing.add_argument('--repository', help='only of this repository')
    accident = commands.add_parser('accident', help='delete rows of the drill itself, and have them back')
    accident.add_argument('--policy', required=True)
    accident.add_argument('--place', required=True, choices=('local', 'offsite'))
    accident.add_argument('--seconds', type=float, default=1800.0)
    stolen = commands.add_parser('stolen', help="attack a copy of a repository with the writer's keys, have it back")
    stolen.add_argument('--policy', required=True)
    stolen.add_argument('--repository', required=True)
    stolen.add_argument('--seconds', type=float, default=1800.0)
    commands.add_parser('receive', help='take what the operator hands over, a tar file, from standard input')
    commands.add_parser('records', help='print the records of this host')
    commands.add_parser('exposition', help='on a monitoring host: keep the metrics of backups up to date')
    lag = commands.add_parser('lag', help='say every minute how far a copy in real time is behind')
    lag.add_argument('of', choices=('replica', 'log'))
    lag.add_argument('--database', required=True)
    install = commands.add_parser('install', help='hold the timers of jobs.json, and no others')
    install.add_argument('--check', action='store_true', help='say what would change')
    reseed = commands.add_parser('reseed', help='copy back from the other site what the local places have not')
    reseed.add_argument('--seconds', type=float, default=6 * 3600.0)
    moment = commands.add_parser('moment', help='bring the database back as of a moment, sealed, to be read')
    for name in ('place', 'to-time', 'target'):
        moment.add_argument(f'--{name}', required=True)
    moment.add_argument('--seconds', type=float, default=3600.0)
    moment.add_argument('--hours', type=float, default=24.0, help='how long it stands there')
    moment.add_argument('--dry-run', action='store_true')
    discarding = commands.add_parser('discard', help='wipe what was restored as of a moment')
    discarding.add_argument('--target', required=True)
    discarding.add_argument('--dry-run', action='store_true')
    rewind = commands.add_parser('rewind', help='in the other site: bring buckets back to what they held at a moment')
    rewind.add_argument('--to-time', required=True)
    rewind.add_argument('--bucket', action='append', default=[], help='only this one; may be given again')
    rewind.add_argument('--keep-new', action='store_true', help='leave what was not there at the moment')
    rewind.add_argument('--seconds', type=float, default=3600.0)
    rewind.add_argument('--dry-run', action='store_true')
    restore = commands.add_parser('restore', help='bring files back into an empty folder')
    for name in ('repository', 'host', 'place', 'snapshot', 'target'):
        restore.add_argument(f'--{name}', required=True)
    restore.add_argument('--path', action='append', default=[])
    restore.add_argument('--seconds', type=float, default=3600.0)
    restore.add_argument('--dry-run', action='store_true', help='look whether the folder may be used; do nothing')
    return parser


def exit_code_of(ends: Sequence[Ended]) -> int:
    """Given the ends of a task, return the exit code: that of the first failure; damage and differences are corrupt."""
    for end in ends:
        if end.failure is not None:
            return next((each.value for each in ExitClass if each.word == end.failure), EXIT_FAILED)
        if isinstance(end, VerificationEnded | RestoreEnded) and end.problems:
            return ExitClass.CORRUPT.value
        if isinstance(end, RestoreEnded) and not end.verified:
            return ExitClass.CORRUPT.value
        if isinstance(end, StolenEnded) and end.verdict != 'pass':
            return ExitClass.CORRUPT.value if end.problems else EXIT_FAILED
    return 0


@contextmanager
def alone(repository: str, wait_seconds: float) -> Iterator[None]:
    """Hold a repository for this process: another job on it waits. Raise BackupFailed if it cannot be had in time."""
    LOCKS.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (LOCKS / f'{repository}.lock').open('a+') as stream:

        def held() -> str | None:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                return f'{stream.read().strip() or "another job"} works on {repository}'
            return None

        try:
            wait_until(held, f'the repository {repository}', wait_seconds, 0.5)
        except DeadlineExceeded as late:
            raise BackupFailed(ExitClass.LOCKED, str(late)) from None
        stream.truncate(0)
        stream.write(f'process {os.getpid()} ({" ".join(sys.argv[1:3])})')
        stream.flush()
        yield


def keep(record: Record, file: Path = RECORDS) -> None:
    """Given a record, put it on the disk, then tell the journal. Raise AnlanError if the disk does not take it."""
    append(record, file)
    untold = announce(record)
    if untold is not None:
        sys.stderr.write(f'<4>{untold}\n')


def plan_of_host(file: Path = Path(JOBS)) -> HostPlan:
    """Return what this host is to do. Raise BadInput if nothing says so."""
    try:
        return read_plan(json.loads(file.read_text(encoding='utf-8')))
    except (OSError, ValueError) as error:
        raise BadInput(f'{file} cannot be read ({error}); `anlan up` writes it anew') from None


def _task(given: argparse.Namespace) -> int:
    task = plan_of_host().task(given.name)
    places = read_places(PLACES)
    sweep()
    if task.kind == 'stolen':
        return _drilled(places, task.policy, task.repository, float(task.deadline_seconds), waiting_seconds(task))
    with alone(task.repository, waiting_seconds(task)):
        if task.engine == 'pgbackrest':
            if places.database is None:
                raise BadInput(f'{task.name}: {places.host} has no way to the database; `anlan up` sets it up')
            database = Database.of(Path(places.database))
            work = DatabaseWork(places.host, database, keep, _progress(), lambda: read(RECORDS).records)
            ends = work.do(task)
        else:
            ends = FileWork(places, keep, _progress(), lambda: read(RECORDS).records).do(task)
    for end in ends:
        sys.stdout.write(line_of(end) + '\n')
    _tell_again()
    return exit_code_of(ends)


def _tell_again() -> None:
    """Once a day, tell the journal what matters of all records. That it cannot makes no task fail."""
    now = datetime.now(UTC)
    if is_due(now):
        try:
            untold = tell_again(read(RECORDS).records, now)
        except (AnlanError, OSError) as error:
            untold = str(error)
        if untold is not None:
            sys.stderr.write(f'<4>not all that matters was told again: {untold}\n')


def _list(given: argparse.Namespace) -> int:
    places = read_places(PLACES)
    asked: list[tuple[dict[str, str], Callable[[], Engine]]] = [
        ({'repository': there.repository, 'host': there.host, 'place': there.place}, there.engine)
        for there in places.files
    ]
    if places.database is not None:
        engines = Database.of(Path(places.database)).engines
        asked += [
            ({'repository': 'database', 'host': places.host, 'place': place}, partial(engines.__getitem__, place))
            for place in engines
        ]
    found: list[dict[str, Any]] = []
    for about, engine_of in asked:
        if given.repository not in {None, about['repository']}:
            continue
        try:
            snapshots = engine_of().list(LISTING_SECONDS, given.policy)
            found.append({**about, 'snapshots': [_plain(each) for each in snapshots]})
        except BackupFailed as failure:
            found.append({**about, 'failure': failure.exit_class.word, 'sentence': str(failure), 'snapshots': None})
    _say({'places': found})
    return 0 if all(each['snapshots'] is not None for each in found) else EXIT_FAILED


def _receive(_: argparse.Namespace) -> int:
    _say({'received': receive(sys.stdin.buffer)})
    return 0


def _records(_: argparse.Namespace) -> int:
    for record in read(RECORDS).records:
        sys.stdout.write(line_of(record) + '\n')
    return 0


def _restore(given: argparse.Namespace) -> int:
    there = read_places(PLACES).one(given.repository, given.host, given.place)
    if given.dry_run:
        require_empty(Path(given.target), LIVE_ROOTS)
        _say({'would_restore': {'snapshot': given.snapshot, 'target': given.target, 'paths': given.path}})
        return 0
    done = there.engine().restore(
        given.snapshot, Path(given.target), given.seconds, paths=tuple(given.path), report=_progress()
    )
    _say({'restored': {**asdict(done), 'target': str(done.target), 'recovery_point': done.recovery_point.isoformat()}})
    return 0


def _moment(given: argparse.Namespace) -> int:
    places = read_places(PLACES)
    if places.database is None:
        raise BadInput(f'{places.host} has no way to the database; `anlan up` sets it up')
    wish = Wish(given.place, wanted(given.to_time, datetime.now(UTC)), Path(given.target), given.hours)
    work, deadline = MomentWork(Database.of(Path(places.database)), _progress()), Deadline(given.seconds)
    if given.dry_run:
        _say({'would_restore': document_of(work.plan(wish, deadline), wish)})
        return 0
    with alone('database', given.seconds):
        _say({'moment': work.restore(wish, deadline)})
    return 0


def _discard(given: argparse.Namespace) -> int:
    _say({'would_wipe': at(given.target)} if given.dry_run else {'wiped': discard(given.target)})
    return 0


def _install(given: argparse.Namespace) -> int:
    changed = install(plan_of_host(), UNITS, check=given.check)
    _say({'changed': changed})
    return 0


def _accident(given: argparse.Namespace) -> int:
    places = read_places(PLACES)
    if places.database is None:
        raise BadInput(f'{places.host} has no way to the database; `anlan up` sets it up')
    database = Database.of(Path(places.database))
    with alone('database', given.seconds):
        work = DatabaseWork(places.host, database, keep, _progress())
        end = work.accident(given.policy, given.place, given.seconds)
    sys.stdout.write(line_of(end) + '\n')
    return exit_code_of([end])


def _reseed(given: argparse.Namespace) -> int:
    _say({'reseeded': reseed(read_places(PLACES), given.seconds, alone)})
    return 0


def _exposition(_: argparse.Namespace) -> int:
    expose_for_ever(plan_of_host)
    return 0


def _lag(given: argparse.Namespace) -> int:
    say_for_ever(plan_of_host, given.of, given.database)
    return 0


def _stolen(given: argparse.Namespace) -> int:
    return _drilled(read_places(PLACES), given.policy, given.repository, given.seconds, given.seconds)


def _drilled(places: Places, policy: str, repository: str, seconds: float, wait_seconds: float) -> int:
    with speaking_to_stores(places.host):
        from backup.stolen import StolenDrill
    waiting = Deadline(wait_seconds)
    with alone('stolen-drill', wait_seconds), alone(repository, waiting.remaining_seconds()):
        end = StolenDrill(places, keep, _progress()).do(policy, repository, seconds)
    sys.stdout.write(line_of(end) + '\n')
    return exit_code_of([end])


def _rewind(given: argparse.Namespace) -> int:
    with speaking_to_stores('this host'):
        from backup.object_rewind import Rewinding, Wish, owner_of
    moment = wanted(given.to_time, datetime.now(UTC))
    if moment is None:
        raise BadInput('--to-time: a bucket is brought back to a moment, and `latest` is what it holds')
    wish = Wish(moment, tuple(given.bucket), keep_new=given.keep_new, dry_run=given.dry_run)
    with alone('rewind', 0), owner_of(LOCKS) as store:
        plans = Rewinding(store, Deadline(given.seconds), _progress()).do(wish)
    _say({'would_rewind' if given.dry_run else 'rewound': [each.document() for each in plans]})
    return 0


@contextmanager
def speaking_to_stores(host: str) -> Iterator[None]:
    """Have what needs boto3 imported in the body: hosts without it do all the rest. Raise BadInput if it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(('anlan', 'backup')):
            raise
        raise BadInput(
            f'{host} lacks the Python module {error.name}, which speaks to the object store; '
            'install the package python3-boto3'
        ) from None


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    'task': _task, 'list': _list, 'accident': _accident, 'receive': _receive, 'records': _records,
    'install': _install, 'restore': _restore, 'reseed': _reseed, 'moment': _moment, 'discard': _discard,
    'exposition': _exposition, 'lag': _lag, 'stolen': _stolen, 'rewind': _rewind,
}  # fmt: skip


def _progress() -> Any:
    """Return what is told of progress and prints it, once a second at most."""
    last = 0.0

    def told(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= TOLD_EVERY_SECONDS:
            last = time.monotonic()
            _say({'progress': asdict(progress)})

    return told


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(snapshot).items()
    }


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, sort_keys=True) + '\n')
    sys.stdout.flush()
