"""The database: a control in plain text, its memory forced out, a dump, and all of that taken away again."""

# psql has no parameters on its standard input: `_name` lets only names of ours into the SQL.
# ruff: noqa: S608

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable

SQL_SECONDS = 60.0
DUMP_SECONDS = 300.0
POSTGRES = ('sudo', '-n', 'runuser', '-u', 'postgres', '--')
DUMP_FOLDER = '/var/lib/postgresql/anlan-canary'
DUMP = f'{DUMP_FOLDER}/dump.sql'
DATABASE = 'learning'


@dataclass
class ScratchData:
    """What a search puts into a database host, by the host; `undo` takes it away, whatever was done of it."""

    remote: Remote
    leader: str
    table: str = field(default_factory=lambda: f'anlan_canary_{secrets.token_hex(6)}')

    def plant(self, text: str) -> None:
        """Given the text of the control, write it in plain to a table of its own. Raise AnlanError."""
        query(self.remote, self.leader, f'CREATE TABLE public.{self.table} (text text NOT NULL);')
        query(self.remote, self.leader, f"INSERT INTO public.{self.table} VALUES ('{_name(text)}');")

    def force_out(self, data_hosts: Sequence[str]) -> list[str]:
        """Write every page and the log to files, and a dump beside them. Return what failed on a replica.

        Raise AnlanError if the leader did not do it.
        """
        query(self.remote, self.leader, 'CHECKPOINT; SELECT pg_switch_wal();')
        failed = []
        for host in data_hosts:
            try:
                if host != self.leader:
                    query(self.remote, host, 'CHECKPOINT;')
            except AnlanError as error:
                failed.append(f'{host}: its memory was not written out: {error}')
        command = f'umask 077 && mkdir -p {DUMP_FOLDER} && pg_dump --dbname={DATABASE} --file={DUMP}'
        _run(self.remote, self.leader, [*POSTGRES, 'sh', '-c', command], DUMP_SECONDS)
        return failed

    def undo(self) -> list[str]:
        """Take table and dump away and see that they are gone. Return what is left, as reasons."""
        left = []
        try:
            query(self.remote, self.leader, f'DROP TABLE IF EXISTS public.{self.table};')
            if query(self.remote, self.leader, f"SELECT to_regclass('public.{self.table}');"):
                left.append(f'{self.leader}: the table {self.table} is still there')
        except AnlanError as error:
            left.append(f'{self.leader}: the table {self.table} may still be there: {error}')
        try:
            _run(self.remote, self.leader, ['sudo', '-n', 'rm', '-rf', '--', DUMP_FOLDER], SQL_SECONDS)
        except AnlanError as error:
            left.append(f'{self.leader}: {DUMP} may still be there: {error}')
        return left


def find_leader(remote: Remote, data_hosts: Sequence[str]) -> str:
    """Given the hosts of the database, return the one that takes writes. Raise AnlanError if it is not one."""
    leaders, reasons = [], []
    for host in data_hosts:
        try:
            if query(remote, host, 'SELECT pg_is_in_recovery();') == 'f':
                leaders.append(host)
        except AnlanError as error:
            reasons.append(f'{host}: {error}')
    if len(leaders) != 1:
        raise AnlanError(f'the database has {len(leaders)} leaders, wanted one: {"; ".join(reasons) or "all answer"}')
    return leaders[0]


def logs_pages_compressed(remote: Remote, leader: str) -> bool:
    """Return whether the write-ahead log holds compressed pages, which no search of the log opens. Raise AnlanError."""
    return query(remote, leader, 'SHOW wal_compression;') != 'off'


def learners_like(remote: Remote, leader: str, username: str) -> list[str]:
    """Given the name of a canary, return every user name that begins so. Raise AnlanError."""
    sql = f"SELECT username FROM accounts_learner WHERE starts_with(username, '{_name(username)}');"
    return query(remote, leader, sql).split()


def count_personal_data(remote: Remote, leader: str, username: str) -> int:
    """Given the name of a canary, return how many rows of personal data it has. Raise AnlanError."""
    join = 'personal_personaldata JOIN accounts_learner ON accounts_learner.id = learner_id'
    return int(query(remote, leader, f"SELECT count(*) FROM {join} WHERE username = '{_name(username)}';"))


def _name(text: str) -> str:
    if not re.fullmatch(r'[a-z0-9-]+', text):
        raise AnlanError('this is no name of a canary')
    return text


def query(remote: Remote, host: str, sql: str) -> str:
    """Given SQL without user input, run it on a host's own server and return what it printed. Raise AnlanError."""
    argv = [*POSTGRES, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', DATABASE]
    return _run(remote, host, argv, SQL_SECONDS, sql + '\n')


def _run(remote: Remote, host: str, argv: Sequence[str], deadline_seconds: float, stdin: str | None = None) -> str:
    try:
        result = remote.run(host, argv, deadline_seconds, stdin)
    except Unreachable as error:
        raise AnlanError(str(error)) from None
    if result.code != 0:
        said = next(iter(result.err.strip().splitlines()), '')[:200]
        raise AnlanError(f'{host}: {said or f"ended with {result.code}"}')
    return result.out.strip()
