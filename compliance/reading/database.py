"""PostgreSQL of a host, asked by its own administrator over the local socket: a few questions, each one command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.checking import not_applicable, not_verified
from compliance.reading.asking import done
from compliance.reading.traces import NUMBERS, PERSONS
from compliance.violation import Violation, run

PSQL = 'runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1'
APPLICATION = 'learning'
"""Name of the application's database, and of the role that its tables belong to."""

STATE = """
SELECT json_build_object(
  'settings', json_object_agg(name, setting),
  'waiting', (SELECT json_agg(name) FROM pg_settings WHERE pending_restart),
  'ignored', (
    SELECT json_agg(name || ': ' || error) FROM pg_file_settings
    WHERE error IS NOT NULL AND error <> 'setting could not be applied'),
  'rules', (
    SELECT json_agg(r) FROM (
      SELECT line_number, type, database, user_name, address, netmask, auth_method, options, error
      FROM pg_hba_file_rules) r))
FROM pg_settings WHERE name !~ '^(primary_conninfo|lc_)'"""

CLUSTER = """
SELECT json_build_object(
  'leader', NOT pg_is_in_recovery(),
  'paused', pg_is_in_recovery() AND pg_is_wal_replay_paused(),
  'synchronous', current_setting('synchronous_standby_names'),
  'followers', (
    SELECT json_agg(json_build_object(
      'name', application_name, 'state', r.state, 'sync', sync_state, 'tls', s.version, 'behind', pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END, replay_lsn)))
    FROM pg_stat_replication r LEFT JOIN pg_stat_ssl s USING (pid)),
  'receiver', (
    SELECT json_build_object('state', status, 'mode', substring(conninfo from 'sslmode=([a-z-]+)'))
    FROM pg_stat_wal_receiver),
  'slots', (
    SELECT json_agg(json_build_object('name', slot_name, 'active', active, 'wal', wal_status))
    FROM pg_replication_slots),
  'without_tls', (
    SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
    WHERE a.client_addr IS NOT NULL AND NOT s.ssl),
  'with_tls', (
    SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.client_addr IS NOT NULL AND s.ssl),
  'damaged', (
    SELECT json_object_agg(datname, checksum_failures) FROM pg_stat_database WHERE checksum_failures > 0),
  'checked', (SELECT count(*) FROM pg_stat_database WHERE checksum_failures IS NOT NULL AND datname IS NOT NULL))"""

CONTENT = """
SELECT json_build_object(
  'extensions', (SELECT json_agg(extname) FROM pg_extension),
  'languages', (SELECT json_agg(lanname) FROM pg_language WHERE lanispl AND NOT lanpltrusted),
  'wrappers', (SELECT json_agg(fdwname) FROM pg_foreign_data_wrapper),
  'raised', (SELECT json_agg(proname) FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace),
  'public_creates', has_schema_privilege('public', 'public', 'CREATE'),
  'public_uses', has_schema_privilege('public', 'public', 'USAGE'),
  'public_reads', (
    SELECT json_agg(DISTINCT table_name) FROM information_schema.role_table_grants
    WHERE grantee = 'PUBLIC' AND table_schema NOT IN ('pg_catalog', 'information_schema')),
  'others', (
    SELECT json_agg(DISTINCT grantee || ' on ' || table_name) FROM information_schema.role_table_grants
    WHERE table_schema = 'public' AND grantee <> o.name),
  'foreign_owners', (
    SELECT json_agg(relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm') AND pg_get_userbyid(relowner) <> o.name),
  'tables', (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'),
  'columns', (
    SELECT json_agg(c.table_name || '.' || c.column_name || ' ' || c.data_type)
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'),
  'sessions', (
    SELECT json_build_object('count', count(*), 'days', extract(epoch FROM now() - min(expire_date)) / 86400)
    FROM django_session),
  'held', (
    SELECT json_agg(c.conrelid::regclass || ' ' || c.contype::text || ' ' || (
      SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a
      WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)))
    FROM pg_constraint c WHERE c.conrelid::regclass::text ~ '^archive_'),
  'head', (SELECT json_agg(json_build_object('sequence', sequence, 'sha256', sha256)) FROM archive_chainhead),
  'records', (SELECT count(*) FROM archive_archiverecord),
  'last', (
    SELECT json_build_object('sequence', sequence, 'sha256', sha256)
    FROM archive_archiverecord ORDER BY sequence DESC LIMIT 1))
FROM (SELECT 'learning' AS name) o"""
"""What is in the application's database, without what it says of anybody."""

ROLES = """
SELECT json_build_object(
  'roles', (
    SELECT json_object_agg(rolname, json_build_object(
      'superuser', rolsuper, 'login', rolcanlogin, 'create_role', rolcreaterole, 'create_database', rolcreatedb,
      'replication', rolreplication, 'bypass', rolbypassrls, 'limit', rolconnlimit,
      'bounds', (SELECT rolconfig FROM pg_roles WHERE pg_roles.oid = pg_authid.oid),
      'kept', CASE WHEN rolpassword IS NULL THEN 'none'
        WHEN rolpassword ~ '^SCRAM-SHA-256' THEN 'scram' ELSE 'weak' END,
      'member_of', (
        SELECT json_agg(g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE m.member = pg_authid.oid)))
    FROM pg_authid WHERE rolname !~ '^pg_'),
  'databases', (
    SELECT json_object_agg(datname, json_build_object(
      'owner', pg_get_userbyid(datdba),
      'public', has_database_privilege('public', oid, 'CONNECT') OR has_database_privilege('public', oid, 'TEMPORARY'),
      'connects', (
        SELECT json_agg(rolname) FROM pg_roles
        WHERE rolcanlogin AND NOT rolsuper AND has_database_privilege(rolname, pg_database.oid, 'CONNECT'))))
    FROM pg_database WHERE NOT datistemplate))"""

HOME = 'f=$(runuser -u postgres -- psql -XAtqc "SHOW data_directory")'
"""For the shell of a violation: where the database's files are."""


def ask(host: Host, *queries: str, database: str = 'postgres') -> Mapping[str, Any]:
    """Given queries that return an object in JSON each, return all as one. Fail if PostgreSQL does not answer."""
    said = host.run(f'{PSQL} -d {database}' + ' -c %s' * len(queries), *queries)
    text = done(said, 'PostgreSQL does not answer').strip()
    found: dict[str, Any] = {}
    while text:
        # An object may go over several lines.
        part, end = json.JSONDecoder().raw_decode(text)
        found |= part
        text = text[end:].strip()
    return found


def state(host: Host) -> Mapping[str, Any]:
    """Return what a member says of itself and of the cluster: settings, rules of access, followers, damage."""
    return ask(host, STATE, CLUSTER)


def settings(host: Host) -> Mapping[str, str]:
    """Return the settings in force, by name."""
    found: Mapping[str, str] = state(host)['settings']
    return found


def roles(host: Host) -> Mapping[str, Any]:
    """Return every role but PostgreSQL's own, and every database. Ends the check on a replica."""
    leader(host)
    return ask(host, ROLES)


def content(host: Host) -> Mapping[str, Any]:
    """Return what is in the application's database, and how much of persons. Ends the check on a replica."""
    leader(host)
    return ask(host, CONTENT, NUMBERS, PERSONS, database=APPLICATION)


def leader(host: Host) -> Mapping[str, Any]:
    """Return what the leader says of the cluster. Ends the check on a replica: what it would say is the leader's."""
    said = state(host)
    if not said['leader']:
        not_applicable('a replica has what the leader has; the leader is asked')
    return said


def replica(host: Host) -> Mapping[str, Any]:
    """Return what a replica says of the cluster. Ends the check on the leader."""
    said = state(host)
    if said['leader']:
        not_applicable('the leader follows nobody')
    return said


def rules(host: Host) -> list[dict[str, Any]]:
    """Return the rules of who may come in from where, as PostgreSQL reads them."""
    found: list[dict[str, Any]] | None = state(host)['rules']
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
