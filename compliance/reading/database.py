"""PostgreSQL of a host, asked by its own administrator over the local socket: a few questions, each one command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.checking import not_applicable, not_verified
from compliance.violation import Violation, run

PSQL = 'runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1'
APPLICATION = 'learning'
"""Name of the application's database, and of the role that owns it."""

SETTINGS = (
    "SELECT json_build_object('settings', json_object_agg(name, setting), 'waiting', (SELECT json_agg(name) FROM pg_settings "
    "WHERE pending_restart), 'ignored', (SELECT json_agg(name || ': ' || error) FROM pg_file_settings WHERE error IS NOT NULL "
    "AND error <> 'setting could not be applied')) FROM pg_settings WHERE name !~ '^(primary_conninfo|lc_)'"
)
RULES = 'SELECT json_agg(r) FROM (SELECT line_number, type, database, user_name, address, netmask, auth_method, error FROM pg_hba_file_rules) r'
CLUSTER = (
    "SELECT json_build_object('leader', NOT pg_is_in_recovery(), 'paused', pg_is_in_recovery() AND pg_is_wal_replay_paused(), "
    "'synchronous', current_setting('synchronous_standby_names'), "
    "'followers', (SELECT json_agg(json_build_object('name', application_name, 'state', r.state, 'sync', sync_state, 'tls', "
    's.version, \'behind\', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END, replay_lsn))) '
    'FROM pg_stat_replication r LEFT JOIN pg_stat_ssl s USING (pid)), '
    "'receiver', (SELECT json_build_object('state', status, 'mode', substring(conninfo from 'sslmode=([a-z-]+)')) "
    'FROM pg_stat_wal_receiver), '
    "'slots', (SELECT json_agg(json_build_object('name', slot_name, 'active', active, 'wal', wal_status)) FROM "
    'pg_replication_slots), '
    "'without_tls', (SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.client_addr IS NOT NULL "
    'AND NOT s.ssl), '
    "'with_tls', (SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.client_addr IS NOT NULL "
    'AND s.ssl), '
    "'damaged', (SELECT json_object_agg(datname, checksum_failures) FROM pg_stat_database WHERE checksum_failures > 0), "
    "'checked', (SELECT count(*) FROM pg_stat_database WHERE checksum_failures IS NOT NULL AND datname IS NOT NULL))"
)
HOME = 'f=$(runuser -u postgres -- psql -XAtqc "SHOW data_directory")'
"""For the shell of a violation: where the database's files are."""


def ask(host: Host, query: str, database: str = 'postgres') -> Any:
    """Given a query that returns one value in JSON, return it. Fail if PostgreSQL does not answer."""
    said = host.run(f'{PSQL} -d {database} -c %s', query)
    assert said.rc == 0, f'PostgreSQL does not answer: {" ".join(said.stderr.split())}'
    return json.loads(said.stdout) if said.stdout.strip() else None


def settings(host: Host) -> Mapping[str, str]:
    """Return the settings in force, by name."""
    found: Mapping[str, str] = ask(host, SETTINGS)['settings']
    return found


def cluster(host: Host) -> Mapping[str, Any]:
    """Return what a member says of the cluster."""
    found: Mapping[str, Any] = ask(host, CLUSTER)
    return found


def leader(host: Host) -> Mapping[str, Any]:
    """Return what the leader says of the cluster. Ends the check on a replica: what it would say is the leader's."""
    said = cluster(host)
    if not said['leader']:
        not_applicable('a replica has what the leader has; the leader is asked')
    return said


def replica(host: Host) -> Mapping[str, Any]:
    """Return what a replica says of the cluster. Ends the check on the leader."""
    said = cluster(host)
    if said['leader']:
        not_applicable('the leader follows nobody')
    return said


def rules(host: Host) -> list[dict[str, Any]]:
    """Return the rules of who may come in from where, as PostgreSQL reads them."""
    found: list[dict[str, Any]] | None = ask(host, RULES)
    if not found:
        not_verified('PostgreSQL names no rule')
    return found


def altered(name: str, value: str) -> Violation:
    """Given a setting that needs no restart, return the violation that it has this value on one member."""
    return run(
        f'{PSQL} -c "ALTER SYSTEM SET {name} = \'{value}\'" -c "SELECT pg_reload_conf()" > /dev/null',
        f'{PSQL} -c "ALTER SYSTEM RESET {name}" -c "SELECT pg_reload_conf()" > /dev/null',
        settle_seconds=0.4,
    )


def ruled(line: str) -> Violation:
    """Given a line of pg_hba.conf, return the violation that it stands at the end of the file, not loaded."""
    saved = '/var/lib/anlan/violation/pg_hba.conf'
    return run(
        f'{HOME}/pg_hba.conf && mkdir -p /var/lib/anlan/violation && cp -p $f {saved} && echo "{line}" >> $f',
        f'{HOME}/pg_hba.conf; if [ -e {saved} ]; then cat {saved} > $f && rm -f {saved}; fi',
    )


def executed(plant: str, undo: str, database: str = 'postgres') -> Violation:
    """Given SQL for the leader, return the violation that it was executed. It waits for no lock of others."""
    program = f'{PSQL} -d {database} -c "SET lock_timeout = 1000" -c'
    return run(f'{program} "{plant}"', f'{program} "{undo}"', settle_seconds=0.1)
