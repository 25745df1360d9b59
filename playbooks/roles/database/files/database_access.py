"""What logins of the database may do, which sessions leave which traces, and the read-only role that audits ask by.

Given as rules, each a question that answers `true` where all is well and the statement that makes it so. Imported by
database-settle, which runs them on the leader; a running session keeps its old settings until its end.
"""

from dataclasses import dataclass

AUDITOR = 'anlan_audit'
"""Reads settings, statistics and the rules of access, no row of learners. Root of a data host is let in as it."""

# Learners' data may not stand in a log: the statement and details of an error have values in them, a slow one as well.
SESSIONS = {
    'application': {
        'log_min_error_statement': 'panic', 'log_error_verbosity': 'terse', 'log_min_duration_statement': '-1',
        'statement_timeout': '60s', 'idle_session_timeout': '1h',
    },
    AUDITOR: {'default_transaction_read_only': 'on', 'statement_timeout': '10s', 'idle_session_timeout': '60s'},
}  # fmt: skip
ATTRIBUTES = {
    'rolsuper': 'NOSUPERUSER', 'rolcreatedb': 'NOCREATEDB', 'rolcreaterole': 'NOCREATEROLE',
    'rolbypassrls': 'NOBYPASSRLS',
}  # fmt: skip
SHOWN_TO_AUDITS = ('pg_hba_file_rules', 'pg_ident_file_mappings')
PASSWORDS = (
    'SELECT rolname, CASE WHEN rolpassword IS NULL THEN $$none$$'
    ' WHEN rolpassword LIKE $$SCRAM-SHA-256$%$$ THEN $$scram-sha-256$$ ELSE $$other$$ END AS kind'
    ' FROM pg_authid WHERE rolcanlogin'
)


@dataclass(frozen=True)
class Rule:
    """In `database`: `holds` is asked, `apply` run where it is not true. In both {} is one of `names`, in order.

    `about`: a role; while there is none of that name, the rule says nothing.
    """

    what: str
    holds: str
    values: tuple[object, ...]
    apply: str
    names: tuple[str, ...]
    database: str = 'postgres'
    about: str | None = None


def rules(database, application, logins, connections):
    """Given the application's database and first login, all logins by purpose and how many sessions each of the
    application's may have, return the rules in the order in which they are run.
    """
    found = [
        Rule(
            f'role {AUDITOR}', 'SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)', (AUDITOR,),
            'CREATE ROLE {} LOGIN CONNECTION LIMIT 5', (AUDITOR,),
        ),
        Rule(
            f'{AUDITOR} reads settings and statistics',
            "SELECT pg_has_role(%s, 'pg_monitor', 'MEMBER') AND pg_has_role(%s, 'pg_read_all_settings', 'MEMBER')",
            (AUDITOR, AUDITOR), 'GRANT pg_monitor TO {}', (AUDITOR,),
        ),
        Rule(
            'schema of what audits see', "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'audit')", (),
            'CREATE SCHEMA audit', (),
        ),
        Rule(
            'which logins have which kind of password, for audits',
            "SELECT EXISTS (SELECT FROM pg_views WHERE schemaname = 'audit' AND viewname = 'passwords')", (),
            f'CREATE VIEW audit.passwords AS {PASSWORDS}', (),
        ),
        Rule(
            f'{AUDITOR} sees kinds of passwords',
            "SELECT has_schema_privilege(%s, 'audit', 'USAGE')"
            " AND has_table_privilege(%s, 'audit.passwords', 'SELECT')",
            (AUDITOR, AUDITOR), 'GRANT USAGE ON SCHEMA audit TO {}; GRANT SELECT ON audit.passwords TO {}',
            (AUDITOR, AUDITOR),
        ),
    ]  # fmt: skip
    for view in SHOWN_TO_AUDITS:
        found.append(
            Rule(
                f'{AUDITOR} sees {view}',
                f"SELECT has_table_privilege(%s, '{view}', 'SELECT')"
                f" AND has_function_privilege(%s, '{view}()', 'EXECUTE')",
                (AUDITOR, AUDITOR),
                f'GRANT SELECT ON {view} TO {{}}; GRANT EXECUTE ON FUNCTION {view}() TO {{}}',
                (AUDITOR, AUDITOR),
            )
        )
    # The application makes tables there; the schema's owner, who could give it away, is the database's.
    found.append(
        Rule(
            f'{application} makes tables in its schema',
            "SELECT EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl) g WHERE nspname = 'public'"
            " AND g.grantee = %s::regrole AND g.privilege_type = 'CREATE')",
            (f'"{application}"',),
            'GRANT USAGE, CREATE ON SCHEMA public TO {}',
            (application,),
            database,
        )
    )
    # In one step: without it the application could not come in for a moment.
    found.append(
        Rule(
            f'database {database} belongs to nobody who logs in from outside',
            "SELECT pg_get_userbyid(datdba) = 'postgres' FROM pg_database WHERE datname = %s",
            (database,),
            'ALTER DATABASE {} OWNER TO postgres; GRANT CONNECT ON DATABASE {} TO {}',
            (database, database, application),
        )
    )
    for login in (application, AUDITOR):
        found.append(
            Rule(
                f'{login} may connect to {database}',
                "SELECT has_database_privilege(%s, %s, 'CONNECT')",
                (login, database),
                'GRANT CONNECT ON DATABASE {} TO {}',
                (database, login),
            )
        )
    found.append(
        Rule(
            f'{AUDITOR} may connect to postgres',
            "SELECT has_database_privilege(%s, 'postgres', 'CONNECT')",
            (AUDITOR,),
            'GRANT CONNECT ON DATABASE postgres TO {}',
            (AUDITOR,),
        )
    )
    for place in (database, 'postgres', 'template1'):
        found.append(
            Rule(
                f'schema public of {place} is closed to the public',
                "SELECT NOT has_schema_privilege('public', 'public', 'USAGE') AND NOT"
                " has_schema_privilege('public', 'public', 'CREATE')",
                (),
                'REVOKE ALL ON SCHEMA public FROM PUBLIC',
                (),
                place,
            )
        )
    for purpose, names in {**logins, AUDITOR: (AUDITOR,)}.items():
        for name in names:
            found += _of_login(name, purpose, connections)
    return found


def settle_access(settling, session, connect):
    """Given a run, a superuser's session in `postgres` and what opens one elsewhere, bring access to the rules.

    In a dry run on a database that is still to be made, what is about it is said and not asked.
    """
    wanted = settling.wanted
    database = wanted['database']
    logins = {}
    for role in wanted['roles']:
        if role.get('purpose'):
            logins.setdefault(role['purpose'], []).append(role['name'])
    application = logins['application'][0]
    parameters = wanted['dynamic_configuration']['postgresql']['parameters']
    sessions = {'postgres': session}
    for rule in rules(database, application, logins, int(parameters['max_connections']) * 8 // 10):
        if rule.about and not session.one('SELECT true FROM pg_roles WHERE rolname = %s', rule.about):
            continue
        if settling.dry_run and not _exists(session, rule.database):
            settling.change(rule.what)
            continue
        if rule.database not in sessions:
            sessions[rule.database] = settling.until(lambda name=rule.database: connect(name))
        if not holds(sessions[rule.database], rule) and settling.change(rule.what):
            sessions[rule.database].run(rule.apply, *rule.names)


def holds(session, rule):
    """Given a session and a rule, return whether all is well. What a dry run has not made yet is not well."""
    # Here, so that the rules can be read where there is no database.
    from psycopg2 import errors

    try:
        return bool(session.one(rule.holds, *rule.values))
    except (errors.UndefinedObject, errors.UndefinedTable, errors.InvalidSchemaName):
        return False


def _exists(session, database):
    return session.one('SELECT true FROM pg_database WHERE datname = %s', database)


def _of_login(name, purpose, connections):
    """Return the rules of one login: no rights over the cluster, a limit of sessions, and its settings."""
    attributes = ATTRIBUTES if purpose == 'replication' else ATTRIBUTES | {'rolreplication': 'NOREPLICATION'}
    denials = ' '.join(attributes.values())
    yield Rule(
        f'{name} has no rights over the cluster',
        f'SELECT NOT ({" OR ".join(attributes)}) FROM pg_roles WHERE rolname = %s', (name,),
        f'ALTER ROLE {{}} {denials}', (name,), about=name,
    )  # fmt: skip
    if purpose == 'application':
        yield Rule(
            f'{name} has {connections} sessions at most',
            'SELECT rolconnlimit = %s FROM pg_roles WHERE rolname = %s',
            (connections, name),
            f'ALTER ROLE {{}} CONNECTION LIMIT {int(connections)}',
            (name,),
            about=name,
        )
    for setting, value in SESSIONS.get(purpose, {}).items():
        yield Rule(
            f'sessions of {name} have {setting} = {value}',
            'SELECT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole'
            ' WHERE r.rolname = %s AND s.setdatabase = 0 AND %s = ANY (s.setconfig))',
            (name, f'{setting}={value}'),
            f"ALTER ROLE {{}} SET {setting} TO '{value}'",
            (name,),
            about=name,
        )
