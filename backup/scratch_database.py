"""A restored database, started where nothing can reach it and it can reach nothing: asked, stopped, wiped.

Its own systemd unit has no network, sees no repository and no settings of ours, and writes below its own folder alone.
It listens on a socket there. Its settings are ours, not the restored ones: it archives nothing and follows nobody.
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from anlan.deadline import Deadline, wait_until
from anlan.errors import DeadlineExceeded
from anlan.files import write_atomically
from backup.archive_chain import EXPORT, Chain, verified
from backup.failure import BackupFailed, ExitClass
from backup.table_checksum import COLUMNS, SETTINGS, TABLES, Table

PROGRAMS = Path('/usr/lib/postgresql/17/bin')
ACCOUNT = 'postgres'
ROOT = Path('/var/lib/anlan/database-backup/scratch')
"""Each trial has a folder of its own below it; nothing else may be wiped."""

ASK_SECONDS = 600.0
STOP_SECONDS = 60.0
SETTING_FILE, ACCESS_FILE = 'anlan_scratch.conf', 'anlan_scratch_hba.conf'
OWN_SETTINGS = """\
listen_addresses = ''
archive_mode = off
primary_conninfo = ''
shared_preload_libraries = ''
ssl = off
hot_standby = off
fsync = on
logging_collector = off
shared_buffers = 64MB
max_connections = 20
max_wal_size = 256MB
wal_level = replica
default_transaction_read_only = on
"""
SEAL = (
    'PrivateNetwork=yes', 'ProtectSystem=strict', 'PrivateTmp=yes', 'PrivateDevices=yes', 'ProtectHome=yes',
    'NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'RestrictAddressFamilies=AF_UNIX', 'RestrictSUIDSGID=yes',
    'InaccessiblePaths=-/etc/anlan -/var/lib/pgbackrest -/var/lib/anlan/database-backup/spool -/var/lib/anlan/backup',
    'KillSignal=SIGINT', 'KillMode=mixed', 'UMask=0077',
)  # fmt: skip


@dataclass(frozen=True)
class ScratchDatabase:
    """A restored database that runs. `database` is the application's."""

    folder: Path
    unit: str
    database: str

    def ask(self, question: str, database: str | None = None, seconds: float = ASK_SECONDS) -> list[list[str]]:
        """Given a question in SQL, return the rows of its answer. Raise BackupFailed if there is none."""
        with self._answer(question, database or self.database, seconds) as lines:
            return [line.rstrip('\n').split('\t') for line in lines]

    def archive_chain(self) -> Chain:
        """Return what the chain of the application's archive is, exported by the policy's own statement."""
        none = "to_regclass('archive_archiverecord') IS NULL AND to_regclass('archive_chainhead') IS NULL"
        if self.ask(f'SELECT {none};') == [['t']]:
            return Chain(0, 0, (), 'the application has no archive yet: there is no chain to be verified')
        with self._answer(EXPORT, self.database, ASK_SECONDS) as lines:
            return verified(lines)

    @contextmanager
    def _answer(self, question: str, database: str, seconds: float) -> Iterator[Iterable[str]]:
        """Ask, and yield the lines of the answer: from a file without a name, for an archive may be large."""
        command = [
            str(PROGRAMS / 'psql'), '-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-h', str(self.folder), '-U', ACCOUNT,
            '-d', database, '-f', '-',
        ]  # fmt: skip
        # Line by line at line feeds alone: a text may hold other ends of lines.
        with TemporaryFile('w+', encoding='utf-8', errors='surrogateescape', newline='\n', dir=ROOT) as out:
            try:
                done = subprocess.run(
                    command, input=question.encode(), stdout=out, stderr=subprocess.PIPE, timeout=seconds, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise BackupFailed(ExitClass.DEADLINE, f'the restored database does not answer: {error}') from None
            if done.returncode != 0:
                said = done.stderr.decode(errors='replace').strip()[:300]
                raise BackupFailed(ExitClass.FAILED, f'the restored database does not answer: {said}')
            out.seek(0)
            yield out

    def tables(self) -> tuple[Table, ...]:
        """Return counts and checksums of the application's tables, as they were recorded at the time of the backup."""
        found = []
        for name, quoted in self.ask(SETTINGS + TABLES):
            count, checksum = self.ask(f'{SETTINGS} SELECT {COLUMNS} FROM {quoted} t;')[0]  # noqa: S608 - quoted by PostgreSQL
            found.append(Table(name, int(count), checksum))
        return tuple(found)

    def has_canary(self, canary: str) -> bool:
        """Return whether the row that was written before the backup is there."""
        if not re.fullmatch(r'[\w-]+', canary):
            raise BackupFailed(ExitClass.FAILED, 'what is looked for is no canary')
        return self.ask(f"SELECT count(*) FROM anlan_backup.canary WHERE token = '{canary}';") == [['1']]  # noqa: S608

    def recovery_point(self) -> datetime | None:
        """Return when the last change that it has was made, by the heartbeat's clock, or None without a heartbeat."""
        rows = self.ask('SELECT extract(epoch FROM max(beaten)) FROM anlan_backup.heartbeat;')
        return datetime.fromtimestamp(float(rows[0][0]), UTC) if rows and rows[0][0] else None

    def sealed(self) -> tuple[str, ...]:
        """Return what is not as sealed as it should be: listeners beside the socket, a log that is archived."""
        rows = self.ask("SELECT current_setting('listen_addresses'), current_setting('archive_mode');")
        said = [] if rows == [['', 'off']] else [f'listen_addresses, archive_mode: {rows}']
        pid = _show(self.unit, 'MainPID')
        interfaces = Path(f'/proc/{pid}/net/dev').read_text(encoding='utf-8').splitlines()[2:]
        others = [line.split(':')[0].strip() for line in interfaces if not line.strip().startswith('lo:')]
        return tuple(said + [f'it has the interface {name}' for name in others])


@contextmanager
def started(folder: Path, database: str, deadline_seconds: float) -> Iterator[ScratchDatabase]:
    """Given a restored folder below ROOT, start the database, wait until all is played back, stop it at the end.

    Raise BackupFailed with its own last words if it does not come up.
    """
    _refuse_elsewhere(folder)
    unit = f'anlan-scratch-database-{secrets.token_hex(4)}.service'
    try:
        yield begun(folder, database, unit, deadline_seconds, deadline_seconds + 3600)
    finally:
        stop(unit)


def begun(folder: Path, database: str, unit: str, deadline_seconds: float, lifetime_seconds: float) -> ScratchDatabase:
    """Given a restored folder, start the database as a unit that ends by itself, and wait until all is played back.

    Raise BackupFailed with its own last words if it does not come up: then it does not run any more.
    """
    deadline = Deadline(deadline_seconds)
    ROOT.mkdir(parents=True, exist_ok=True, mode=0o711)
    _prepare(folder)
    properties = [
        f'--property={each}' for each in (*SEAL, f'User={ACCOUNT}', f'Group={ACCOUNT}', f'ReadWritePaths={folder}')
    ]
    command = [
        'systemd-run', '--quiet', '--collect', f'--unit={unit}',
        f'--property=RuntimeMaxSec={lifetime_seconds:.0f}',
        *properties, '--', str(PROGRAMS / 'postgres'), '-D', str(folder), '-c', f'config_file={folder / SETTING_FILE}',
        '-c', 'archive_mode=off', '-c', 'listen_addresses=', '-c', f'unix_socket_directories={folder}',
        '-c', 'primary_conninfo=', '-c', 'shared_preload_libraries=', '-c', 'hot_standby=off', '-c', 'ssl=off',
        '-c', f'hba_file={folder / ACCESS_FILE}',
    ]  # fmt: skip
    _run(command, 30)
    scratch = ScratchDatabase(folder, unit, database)
    try:

        def ready() -> str | None:
            if _show(unit, 'ActiveState') not in ('active', 'activating'):
                raise BackupFailed(ExitClass.CORRUPT, f'the restored database does not start: {_last_words(unit)}')
            try:
                answer = scratch.ask('SELECT pg_is_in_recovery();', 'postgres', 10)
            except BackupFailed as failure:
                return str(failure)
            return None if answer == [['f']] else 'it plays back the log'

        wait_until(ready, 'the restored database', deadline.remaining_seconds(), 0.3)
        return scratch
    except DeadlineExceeded as late:
        said = _last_words(unit)
        stop(unit)
        raise BackupFailed(ExitClass.DEADLINE, f'{late}: {said}') from None
    except BaseException:
        stop(unit)
        raise


def stop(unit: str) -> None:
    """Given the unit of a restored database, stop it; nothing happens if it is not there."""
    subprocess.run(['systemctl', 'stop', unit], capture_output=True, timeout=STOP_SECONDS + 30, check=False)


def runs(unit: str) -> bool:
    """Given the unit of a restored database, return whether it runs."""
    return _show(unit, 'ActiveState') in ('active', 'activating', 'deactivating')


def wipe(folder: Path) -> int:
    """Given a trial's folder below ROOT, remove it whole and return the bytes that were in it. Raise BackupFailed."""
    _refuse_elsewhere(folder)
    size = sum(each.lstat().st_size for each in folder.rglob('*') if each.is_file() and not each.is_symlink())
    # A tablespace's link is removed, never what it leads to.
    shutil.rmtree(folder)
    if folder.exists():
        raise BackupFailed(ExitClass.FAILED, f'{folder} could not be wiped')
    return size


def _refuse_elsewhere(folder: Path) -> None:
    real = folder.resolve()
    if folder.is_symlink() or real.parent != ROOT.resolve():
        raise BackupFailed(ExitClass.TARGET_REFUSED, f'{folder} is no folder of a trial: they lie below {ROOT}')


def _prepare(folder: Path) -> None:
    if not (folder / 'PG_VERSION').is_file():
        raise BackupFailed(ExitClass.NO_SOURCE, f'{folder} has no restored database')
    write_atomically(folder / SETTING_FILE, OWN_SETTINGS, 0o600)
    write_atomically(folder / ACCESS_FILE, 'local all all trust\n', 0o600)
    _run(['chown', '--recursive', '--no-dereference', f'{ACCOUNT}:{ACCOUNT}', str(folder)], 300)


def _run(command: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupFailed(ExitClass.FAILED, f'{command[0]}: {error}') from None
    if done.returncode != 0:
        raise BackupFailed(ExitClass.FAILED, f'{command[0]}: {done.stderr.strip()[:300]}')
    return done.stdout


def _show(unit: str, name: str) -> str:
    return _run(['systemctl', 'show', '--value', f'--property={name}', unit], 20).strip()


def _last_words(unit: str) -> str:
    said = _run(['journalctl', '--unit', unit, '--output', 'cat', '--lines', '20', '--no-pager'], 20)
    found = [line for line in said.splitlines() if 'FATAL' in line or 'PANIC' in line or 'ERROR' in line]
    return ' / '.join(found[-2:])[:400] or 'it says nothing'
