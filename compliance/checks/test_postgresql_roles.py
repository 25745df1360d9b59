"""Roles of the database: who there is, what each may do, and that no password is one that everybody guesses."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.database import APPLICATION, PSQL, content, executed, leader, roles
from compliance.violation import answered

pytestmark = tiers('data')

GUESSES = f"""
{PSQL} -F: -c "SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword ~ '^SCRAM'" |
python3 -c '
import base64, hashlib, hmac, sys
for line in sys.stdin:
    name, verifier = line.strip().split(":", 1)
    _, first, keys = verifier.split("$")
    rounds, salt = first.split(":")
    found = "no"
    for word in ("", name, name + "123", name[::-1], "postgres", "password", "123456", "12345678", "admin", "anlan",
                 "learning", "root", "changeme", "P@ssw0rd", "Admin@123"):
        salted = hashlib.pbkdf2_hmac("sha256", word.encode(), base64.b64decode(salt), int(rounds))
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        if hmac.compare_digest(base64.b64decode(keys.split(":")[0]), stored):
            found = "yes"
    print(name, found)'"""
"""Of a password only whether it is one of these words leaves the host."""

PURPOSES = {'superuser': {'postgres'}, 'replication': {'replicator', 'replicator_2'}, 'rewind': {'rewind', 'rewind_2'}}
APPLICATIONS = {APPLICATION, f'{APPLICATION}_2'}
AUDITOR = 'anlan_audit'
"""Reads settings and statistics, no row of learners."""

MIGHTY = {
    'superuser': {'postgres'},
    'replication': {'postgres', 'replicator', 'replicator_2'},
    'create_role': {'postgres'},
    'create_database': {'postgres'},
    'bypass': {'postgres'},
}
ATTRIBUTE = {
    'superuser': 'SUPERUSER', 'replication': 'REPLICATION', 'create_role': 'CREATEROLE', 'create_database': 'CREATEDB',
    'bypass': 'BYPASSRLS',
}  # fmt: skip
TO_FILES = {'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_read_all_data',
            'pg_write_all_data', 'pg_database_owner'}  # fmt: skip


def made(words):
    """Return the violation that there is a role of these words."""
    return executed(f'CREATE ROLE anlan_planted {words}', 'DROP ROLE IF EXISTS anlan_planted')


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-c')
@violation(made('LOGIN'))
def test_nobody_may_log_in_but_those_declared(host):
    more = (
        {name for name, role in roles(host)['roles'].items() if role['login']}
        - set.union(*PURPOSES.values())
        - APPLICATIONS
        - {AUDITOR}
    )
    assert not more, f'roles that nobody declared: {", ".join(sorted(more))}'


@clauses('22239-8.1.4.2-a')
@violation(answered('rolcanlogin', json.dumps({'roles': {}, 'databases': {}})))
def test_each_purpose_has_a_log_in(host):
    there = {name for name, role in roles(host)['roles'].items() if role['login'] and role['kept'] == 'scram'}
    for purpose, names in {**PURPOSES, 'application': APPLICATIONS}.items():
        assert there & names, f'nobody can log in as {purpose}'


@clauses('22239-8.1.4.2-d', '22239-8.1.10.6-a')
@pytest.mark.parametrize(
    'right', [pytest.param(right, id=right, marks=violation(made(ATTRIBUTE[right]))) for right in MIGHTY]
)
def test_a_right_that_is_above_all_is_held_by_few(host, right):
    holders = {name for name, role in roles(host)['roles'].items() if role[right]}
    assert holders <= MIGHTY[right], f'{right} is held by {", ".join(sorted(holders - MIGHTY[right]))} too'
    assert holders, f'nobody holds {right}'


@clauses('22239-8.1.4.1-a')
@violation(executed("SET password_encryption = 'md5'; CREATE ROLE anlan_planted LOGIN PASSWORD 'planted-word'",
                    'DROP ROLE IF EXISTS anlan_planted'))  # fmt: skip
def test_every_password_is_kept_as_scram(host):
    weak = [name for name, role in roles(host)['roles'].items() if role['kept'] == 'weak']
    assert not weak, f'not kept as SCRAM-SHA-256: {", ".join(weak)}'


@clauses('22239-8.1.4.2-b', '22239-8.1.4.1-a', 'guideline-6.4.1.1')
@violation(made("LOGIN PASSWORD 'anlan_planted'"))
def test_no_password_is_a_default_one(host):
    leader(host)
    said = host.run(GUESSES)
    lines = [line.split() for line in said.stdout.splitlines()]
    if said.rc != 0 or not lines:
        not_verified(f'the passwords could not be tried: {said.stderr.strip()}')
    guessed = [name for name, found in lines if found == 'yes']
    assert not guessed, f'a default password opens {", ".join(guessed)}'


@clauses('22239-8.1.4.2-d', '22239-8.1.4.11-b')
@violation(made('IN ROLE pg_read_all_data'))
def test_nobody_reads_everything_or_the_servers_files(host):
    for name, role in roles(host)['roles'].items():
        mighty = set(role['member_of'] or ()) & TO_FILES
        assert not mighty, f'{name} is a member of {", ".join(sorted(mighty))}'


@clauses('22239-8.1.4.2-d')
@violation(
    executed('CREATE ROLE anlan_planted LOGIN; GRANT postgres TO anlan_planted', 'DROP ROLE IF EXISTS anlan_planted')
)
def test_nobody_can_become_the_superuser(host):
    every = roles(host)['roles']
    mighty = {name for name, role in every.items() if role['superuser']}
    for name, role in every.items():
        assert not set(role['member_of'] or ()) & mighty, f'{name} can become a superuser'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@violation(executed('GRANT CONNECT ON DATABASE postgres TO PUBLIC', 'REVOKE ALL ON DATABASE postgres FROM PUBLIC'))
def test_no_database_is_open_to_everybody(host):
    public = [name for name, each in roles(host)['databases'].items() if each['public']]
    assert not public, f'everybody may connect to {", ".join(public)}'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@violation(executed('GRANT CONNECT ON DATABASE learning TO rewind', 'REVOKE CONNECT ON DATABASE learning FROM rewind'))
def test_the_learners_data_is_open_to_the_application_alone(host):
    found = roles(host)['databases'].get(APPLICATION)
    assert found, 'the database of the application is not there'
    more = set(found['connects'] or ()) - APPLICATIONS - {AUDITOR}
    assert not more, f'{", ".join(sorted(more))} may connect to {APPLICATION} too'


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-d')
@violation(answered('rolcanlogin', json.dumps({'roles': {}, 'databases': {APPLICATION: {'owner': APPLICATION}}})))
def test_no_database_belongs_to_who_comes_over_the_network(host):
    every = roles(host)['databases']
    assert APPLICATION in every, 'the database of the application is not there'
    others = {f'{name} to {each["owner"]}' for name, each in every.items() if each['owner'] != 'postgres'}
    assert not others, f'a database belongs to who could give it away: {", ".join(sorted(others))}'


@clauses('22239-8.1.4.4-d', '22239-8.1.4.1-b')
@pytest.mark.parametrize(
    ('bound', 'what'),
    [
        pytest.param(bound, what, id=bound, marks=violation(answered('rolcanlogin', json.dumps(
            {'roles': {APPLICATION: {'login': True, 'limit': -1, 'bounds': None}}, 'databases': {}}))))
        for bound, what in {
            'sessions': 'as many sessions as it likes', 'statement_timeout': 'a statement that never ends',
            'idle_session_timeout': 'a session that nobody uses',
        }.items()
    ],
)  # fmt: skip
def test_the_application_has_its_bounds(host, bound, what):
    found = {name: role for name, role in roles(host)['roles'].items() if name in APPLICATIONS and role['login']}
    assert found, 'the application has no log-in'
    for name, role in found.items():
        given = dict(each.partition('=')[::2] for each in role['bounds'] or ())
        held = role['limit'] > 0 if bound == 'sessions' else given.get(bound, '0') != '0'
        assert held, f'{name} may have {what}'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@violation(
    executed('GRANT SELECT ON accounts_learner TO rewind', 'REVOKE SELECT ON accounts_learner FROM rewind', APPLICATION)
)
def test_no_table_of_the_application_is_granted_to_others(host):
    found = content(host)
    if not found['tables']:
        not_verified('the application has no table yet')
    others = found['others'] or []
    assert not others, f'granted to others: {", ".join(others[:5])}'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@violation(
    executed(
        'GRANT SELECT ON django_content_type TO PUBLIC', 'REVOKE SELECT ON django_content_type FROM PUBLIC', APPLICATION
    )
)
def test_no_table_is_granted_to_everybody(host):
    found = content(host)
    if not found['tables']:
        not_verified('the application has no table yet')
    assert not found['public_reads'], f'granted to everybody: {", ".join(found["public_reads"])}'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@violation(executed('GRANT USAGE ON SCHEMA public TO PUBLIC', 'REVOKE USAGE ON SCHEMA public FROM PUBLIC', APPLICATION))
def test_not_everybody_looks_into_the_schema(host):
    assert content(host)['public_uses'] is False, 'the schema public is open to everybody'


@clauses('22239-8.1.4.2-f')
@violation(
    executed('GRANT CREATE ON SCHEMA public TO PUBLIC', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC', APPLICATION)
)
def test_not_everybody_may_make_tables(host):
    assert content(host)['public_creates'] is False, 'everybody may make tables in the schema public'


@clauses('22239-8.1.4.2-f')
@violation(executed('CREATE TABLE anlan_planted (a integer)', 'DROP TABLE IF EXISTS anlan_planted', APPLICATION))
def test_everything_in_the_database_belongs_to_the_application(host):
    others = content(host)['foreign_owners'] or []
    assert not others, f'not the application’s: {", ".join(others)}'


@clauses('22239-8.1.4.4-a')
@pytest.mark.parametrize(
    ('kind', 'allowed', 'what'),
    [
        pytest.param(
            'extensions',
            {'plpgsql', 'pgaudit'},
            'extension',
            id='extensions',
            marks=violation(executed('CREATE EXTENSION IF NOT EXISTS lo', 'DROP EXTENSION IF EXISTS lo', APPLICATION)),
        ),
        pytest.param(
            'languages',
            {'c', 'internal'},
            'language without bounds',
            id='languages',
            marks=violation(
                executed(
                    'CREATE LANGUAGE anlan_planted HANDLER plpgsql_call_handler',
                    'DROP LANGUAGE IF EXISTS anlan_planted',
                    APPLICATION,
                )
            ),
        ),
        pytest.param(
            'wrappers',
            set(),
            'way to other databases',
            id='wrappers',
            marks=violation(
                executed(
                    'CREATE FOREIGN DATA WRAPPER anlan_planted',
                    'DROP FOREIGN DATA WRAPPER IF EXISTS anlan_planted',
                    APPLICATION,
                )
            ),
        ),
        pytest.param(
            'raised',
            set(),
            'function with another’s rights',
            id='raised',
            marks=violation(
                executed(
                    "CREATE FUNCTION anlan_planted() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
                    'DROP FUNCTION IF EXISTS anlan_planted()',
                    APPLICATION,
                )
            ),
        ),
    ],
)
def test_nothing_is_in_the_database_that_is_not_needed(host, kind, allowed, what):
    more = set(content(host)[kind] or ()) - allowed
    assert not more, f'{what}: {", ".join(sorted(more))}'
