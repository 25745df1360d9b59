"""PostgreSQL: the settings in force on each member, its rules of access, its files, and what it refuses."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, tiers, violation
from compliance.reading import units
from compliance.reading.database import HOME, altered, settings, state
from compliance.reading.places import loose, shut
from compliance.violation import answered, run

pytestmark = tiers('data')


def said(name, value):
    """Return the violation that a setting which needs a restart has this value."""
    return answered('pending_restart', json.dumps({'settings': {name: value}, 'waiting': [name], 'ignored': None}))


def case(name, bad, *values, real=True, id=None):
    """Return the parameters of a setting: which values it may have, and one that it may not."""
    marks = violation(altered(name, bad) if real else said(name, bad))
    return pytest.param(name, values, id=id or name, marks=marks)


@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a')
@pytest.mark.parametrize(
    ('name', 'values'),
    [case('ssl', 'off', 'on', real=False), case('ssl_min_protocol_version', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3')],
)
def test_what_passes_the_network_is_encrypted(host, name, values):
    assert settings(host)[name] in values, f'{name} is {settings(host)[name]}'


@clauses('22239-8.1.4.7-b', '22239-8.1.4.9-c')
@pytest.mark.parametrize(
    ('name', 'values'),
    [
        case('data_checksums', 'off', 'on', real=False),
        case('ignore_checksum_failure', 'on', 'off', real=False),
        case('zero_damaged_pages', 'on', 'off', real=False),
        case('fsync', 'off', 'on', real=False),
        case('full_page_writes', 'off', 'on', real=False),
        case('synchronous_commit', 'local', 'on', 'remote_write', 'remote_apply'),
        case('wal_level', 'minimal', 'replica', 'logical', real=False),
        case('archive_mode', 'off', 'on', 'always', real=False),
        case('wal_log_hints', 'off', 'on', real=False),
    ],
)
def test_what_is_acknowledged_is_whole_and_stays(host, name, values):
    assert settings(host)[name] in values, f'{name} is {settings(host)[name]}'


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-b')
@pytest.mark.parametrize(
    ('name', 'values'),
    [
        case('log_connections', 'off', 'on'),
        case('log_disconnections', 'off', 'on'),
        case('log_statement', 'none', 'ddl', 'mod', 'all'),
        case('log_min_messages', 'panic', 'warning', 'notice', 'info', 'log', 'error'),
        case('log_lock_waits', 'off', 'on'),
        case('log_checkpoints', 'off', 'on'),
        case('log_replication_commands', 'off', 'on'),
        case('log_timezone', 'Asia/Tokyo', 'UTC', 'Etc/UTC'),
    ],
)
def test_what_happens_is_recorded(host, name, values):
    assert settings(host)[name] in values, f'{name} is {settings(host)[name]}, and must be {" or ".join(values)}'


@clauses('22239-8.1.4.3-b')
@pytest.mark.parametrize(
    'part',
    [
        pytest.param(part, id=name, marks=violation(altered('log_line_prefix', '[nothing] ')))
        for name, part in {'user': '%u', 'database': '%d', 'process': '%p', 'address': '%h'}.items()
    ],
)
def test_a_record_names_who_it_is_of(host, part):
    prefix = settings(host)['log_line_prefix']
    assert part in prefix or (part == '%h' and '%r' in prefix), f'log_line_prefix {prefix!r} has no {part}'


@clauses('22239-8.1.4.3-a')
@pytest.mark.parametrize(
    'kind',
    [pytest.param(kind, id=kind, marks=violation(said('shared_preload_libraries', ''))) for kind in ('ddl', 'role')],
)
def test_the_audit_of_the_database_records_each_kind_of_statement(host, kind):
    now = settings(host)
    assert 'pgaudit' in now['shared_preload_libraries'], 'the audit (pgaudit) is not loaded'
    recorded = {each.strip().lower() for each in now.get('pgaudit.log', '').split(',')}
    assert f'-{kind}' not in recorded, f'pgaudit.log leaves out {kind}'
    assert recorded & {kind, 'all'}, f'pgaudit.log is {", ".join(sorted(recorded))}: {kind} is not recorded'


@clauses('22239-8.1.4.11-b', '35273-6.3-a')
@pytest.mark.parametrize(
    ('name', 'values'),
    [
        case('debug_print_parse', 'on', 'off'),
        case('debug_print_plan', 'on', 'off'),
        case('debug_print_rewritten', 'on', 'off'),
        case('log_parameter_max_length', '-1', '0'),
        # The statement of an error, or of a slow one, has what a learner gave in it.
        case('log_min_error_statement', 'error', 'panic', 'fatal'),
        case('log_min_duration_statement', '1000', '-1'),
        case('log_parameter_max_length_on_error', '-1', '0'),
    ],
)
def test_no_value_of_a_statement_gets_into_the_log(host, name, values):
    assert settings(host)[name] in values, f'{name} is {settings(host)[name]}: what learners are gets into the log'


@clauses('22239-8.1.4.1-b', '22239-8.1.4.4-d')
@pytest.mark.parametrize(
    ('name', 'least', 'most'),
    [
        pytest.param(name, least, most, id=name, marks=violation(altered(name, bad)))
        for name, least, most, bad in [
            ('authentication_timeout', 1, 60, '10min'),
            ('idle_in_transaction_session_timeout', 1, 600_000, '0'),
            ('wal_sender_timeout', 1, 60_000, '0'),
        ]
    ]
    + [
        pytest.param(
            'max_connections', 10, 500, id='max_connections', marks=violation(said('max_connections', '9000'))
        ),
        pytest.param(
            'superuser_reserved_connections',
            1,
            50,
            id='superuser_reserved_connections',
            marks=violation(said('superuser_reserved_connections', '0')),
        ),
        pytest.param(
            'max_slot_wal_keep_size',
            1,
            65536,
            id='max_slot_wal_keep_size',
            marks=violation(altered('max_slot_wal_keep_size', '-1')),
        ),
    ],
)
def test_a_session_has_its_bounds(host, name, least, most):
    value = int(settings(host)[name])
    assert least <= value <= most, f'{name} is {value}, and must be between {least} and {most}'


@clauses('22239-8.1.4.1-a')
@violation(altered('password_encryption', 'md5'))
def test_a_new_password_is_kept_as_scram(host):
    assert settings(host)['password_encryption'] == 'scram-sha-256', settings(host)['password_encryption']


@clauses('22239-8.1.4.4-b', '22239-8.1.4.4-c')
@violation(said('listen_addresses', '*'))
def test_it_listens_where_it_has_to(host, expected):
    wanted = {'127.0.0.1', 'localhost', expected.variables['anlan_address']}
    given = {each.strip() for each in settings(host)['listen_addresses'].split(',')}
    assert given <= wanted, f'it listens on {", ".join(sorted(given - wanted))} too'


@clauses('22239-8.1.4.4-a')
@violation(altered('shared_buffers', '64MB'))
def test_no_setting_waits_or_is_wrong(host):
    answer = state(host)
    assert not answer['waiting'], f'these wait for a restart: {", ".join(answer["waiting"])}'
    assert not answer['ignored'], f'these are wrong in the file: {", ".join(answer["ignored"])}'


@clauses('22239-8.1.4.1-b')
@violation(said('shared_preload_libraries', ''))
def test_guessing_a_password_takes_its_time(host):
    now = settings(host)
    assert 'auth_delay' in now['shared_preload_libraries'], 'a wrong password is refused at once, again and again'
    assert int(now.get('auth_delay.milliseconds', '0')) >= 100, f'{now.get("auth_delay.milliseconds")} ms'


@clauses('22239-8.1.4.2-f', '22239-8.1.4.11-b')
@pytest.mark.parametrize(
    ('name', 'bits'),
    [
        pytest.param(
            name,
            bits,
            id=name.strip('/') or 'folder',
            marks=violation(
                run(
                    f'{HOME}{name}; stat -c %a $f > /run/anlan-planted-mode && chmod 0777 $f',
                    f'{HOME}{name}; [ ! -e /run/anlan-planted-mode ] || chmod $(cat /run/anlan-planted-mode) $f; '
                    'rm -f /run/anlan-planted-mode',
                )
            ),
        )
        for name, bits in {
            '': 0o750,
            '/postgresql.conf': 0o640,
            '/pg_hba.conf': 0o640,
            '/base': 0o750,
            '/pg_wal': 0o750,
        }.items()
    ],
)
def test_files_of_the_database_are_shut_to_others(host, expected, name, bits):
    shut(
        host, expected, f'/var/lib/postgresql/17/{expected.platform["name"]}{name}', 0o7777 & ~bits, 'postgres:postgres'
    )


@clauses('22239-8.1.4.2-f')
@violation(run(f'{HOME}; touch $f/anlan-planted', f'{HOME}; rm -f $f/anlan-planted'))
def test_no_file_of_the_database_belongs_to_another(host, expected):
    foreign = loose(host, expected, 'database')
    assert not foreign, '; '.join(foreign)


@clauses('22239-8.1.4.4-a', '22239-8.1.4.2-d')
# Not a folder of its own for what is temporary: PostgreSQL goes on when Patroni is killed, and would lose it.
@pytest.mark.parametrize('name', units.shut_in('patroni', without=('PrivateTmp',)))
def test_the_unit_is_shut_in(host, expected, name):
    units.held(host, expected, 'patroni', name)
