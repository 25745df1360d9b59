"""Personal data: which there is, who may read it, and that none of it stands where it does not belong."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.database import APPLICATION, ask, executed, leader
from compliance.violation import answered

PHONE = r'(^|[^0-9])1[3-9][0-9]{9}($|[^0-9])'
IDENTITY = r'(^|[^0-9])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]($|[^0-9Xx])'
LOOKED_AT = 2000
"""Rows of a table, and lines of a journal, that are searched: the newest, for a search must not be felt."""

COLUMNS = (
    "SELECT json_agg(c.table_name || '.' || c.column_name || ' ' || c.data_type) FROM information_schema.columns c JOIN "
    "information_schema.tables t USING (table_schema, table_name) WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
)
PLAIN = (
    "SELECT json_build_object('looked', count(*), 'found', json_agg(place) FILTER (WHERE hits > 0)) FROM (SELECT c.table_name "
    "|| '.' || c.column_name AS place, (xpath('/row/hits/text()', query_to_xml(format('SELECT count(*) AS hits FROM (SELECT "
    '%%I AS v FROM %%I.%%I ORDER BY ctid DESC LIMIT {limit}) q WHERE v::text ~ %%L\', c.column_name, c.table_schema, c.table_name, '
    "'{pattern}'), false, true, '')))[1]::text::bigint AS hits FROM information_schema.columns c JOIN information_schema.tables t "
    "USING (table_schema, table_name) WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type IN "
    "('text', 'character varying', 'json', 'jsonb') AND c.table_name !~ '^(auth_|django_(content_type|migrations))') s"
).replace('%%', '%')
JOURNAL = (
    f'journalctl -q -n {LOOKED_AT} -o cat --output-fields=MESSAGE > /run/anlan-look; '
    f"echo lines $(wc -l < /run/anlan-look); echo phone $(grep -cE '{PHONE}' /run/anlan-look); "
    f"echo identity $(grep -cE '{IDENTITY}' /run/anlan-look); "
    "echo password $(grep -ciE '(password|passwd|secret|token)[\"=: ]+[^ ,*-]{6,}' /run/anlan-look | head -1); "
    'echo query $(grep -cE \'"uri":"[^"]*[?][^"-]\' /run/anlan-look); rm -f /run/anlan-look'
)
"""Of what is found only how often it is there leaves the host."""

INVENTORY = {
    'accounts_learner': {
        'id', 'password', 'last_login', 'is_superuser', 'username', 'first_name', 'last_name', 'email', 'is_staff', 'is_active',
        'date_joined',
    },
    'archive_archiverecord': {'id', 'sequence', 'learner_id', 'course_id', 'content', 'previous_sha256', 'sha256'},
    'progress_progressevent': {'id', 'event_id', 'learner_id', 'lesson_id', 'position_seconds', 'device', 'recorded_at'},
    'progress_lessonprogress': {
        'id', 'learner_id', 'lesson_id', 'position_seconds', 'furthest_seconds', 'device', 'updated_at',
    },
    'django_session': {'session_key', 'session_data', 'expire_date'},
    'accounts_learner_groups': {'id', 'learner_id', 'group_id'},
    'accounts_learner_user_permissions': {'id', 'learner_id', 'permission_id'},
}  # fmt: skip
"""Tables that say something of a person, and what of. Whether all of it is needed, a person judges."""

IMPERSONAL = {
    'archive_chainhead', 'auth_group', 'auth_group_permissions', 'auth_permission', 'courses_course', 'courses_lesson',
    'django_content_type', 'django_migrations',
}  # fmt: skip
SEALED = ('bytea',)
SENSITIVE = ('phone', 'mobile', 'id_number', 'identity', 'idcard', 'id_card', 'face', 'photo', 'portrait', 'biometric')


def columns(host):
    """Return what each table of the application holds, as (table, column, type)."""
    found = ask(host, COLUMNS, APPLICATION)
    if not found:
        not_verified('the application has no table yet')
    return [(*each.partition(' ')[0].split('.'), each.partition(' ')[2]) for each in found]


def plain(host, pattern):
    """Return the columns in which a text of this pattern is found."""
    found = ask(host, PLAIN.format(limit=LOOKED_AT, pattern=pattern), APPLICATION)
    if not found['looked']:
        not_verified('there is no column to look at')
    return found['found'] or []


def counted(host):
    """Return how often something is found among the newest lines of the journal."""
    told = dict(line.split() for line in host.run(JOURNAL).stdout.splitlines() if len(line.split()) == 2)
    if not told.get('lines', '0').isdigit() or int(told.get('lines', '0')) < 20:
        not_verified(f'the journal has {told.get("lines", "no")} lines')
    return {name: int(count) for name, count in told.items()}


def planted_table(words, more=''):
    """Return the violation that the application's database has one more table."""
    return executed(f'CREATE TABLE planted_person ({words}); {more}', 'DROP TABLE IF EXISTS planted_person', APPLICATION)


@tiers('data')
@clauses('22239-8.1.4.11-a', '35273-6.1')
@violation(planted_table('id integer'))
def test_no_table_is_outside_the_inventory_of_data(host):
    leader(host)
    more = {table for table, _, _ in columns(host)} - set(INVENTORY) - IMPERSONAL
    assert not more, f'tables that the inventory does not name: {", ".join(sorted(more))}'


@tiers('data')
@clauses('22239-8.1.4.11-a', '35273-6.1')
@violation(executed('ALTER TABLE accounts_learner_groups ADD COLUMN planted_address text',
                    'ALTER TABLE accounts_learner_groups DROP COLUMN IF EXISTS planted_address', APPLICATION))  # fmt: skip
def test_nothing_is_kept_of_a_person_but_what_is_named(host):
    leader(host)
    more = {f'{table}.{column}' for table, column, _ in columns(host) if table in INVENTORY and column not in INVENTORY[table]}
    assert not more, f'columns that the inventory does not name: {", ".join(sorted(more))}'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1')
@violation(planted_table('phone text'))
def test_a_column_for_sensitive_data_keeps_it_sealed(host):
    leader(host)
    wrong = [
        f'{table}.{column}' for table, column, kind in columns(host)
        if any(word in column for word in SENSITIVE) and kind not in SEALED
    ]  # fmt: skip
    assert not wrong, f'kept in plain: {", ".join(wrong)}'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1', '22239-8.1.4.11-a')
@pytest.mark.parametrize(
    'pattern',
    [
        pytest.param(PHONE, id='phone-numbers', marks=violation(planted_table('said text', "INSERT INTO planted_person VALUES ('call 13800138000')"))),
        pytest.param(IDENTITY, id='identity-numbers', marks=violation(planted_table('said text', "INSERT INTO planted_person VALUES ('11010519491231002X')"))),
    ],
)  # fmt: skip
def test_no_plain_number_of_a_person_is_in_the_database(host, pattern):
    leader(host)
    found = plain(host, pattern)
    assert not found, f'in plain: {", ".join(found)}'


@tiers('data')
@clauses('35273-6.3-b', '35273-6.3-c')
@violation(planted_table('face_image bytea'))
def test_no_picture_of_a_face_is_in_the_database(host):
    leader(host)
    wrong = [
        f'{table}.{column}' for table, column, _ in columns(host)
        if any(word in column for word in ('face', 'photo', 'portrait', 'biometric'))
    ]  # fmt: skip
    assert not wrong, f'biometrics beside identities: {", ".join(wrong)}'


@tiers('data')
@clauses('35273-6.1')
@violation(answered('pg_stat_user_tables', json.dumps({'sessions': 40000, 'ended': 39000, 'days': 400})))
def test_sessions_that_ended_do_not_stay(host):
    leader(host)
    found = ask(host, SESSIONS, APPLICATION)
    if not found['sessions']:
        not_verified('nobody has a session yet')
    assert (found['days'] or 0) <= 30, f'a session that ended {found["days"]:.0f} days ago is still there'


SESSIONS = (
    "SELECT json_build_object('sessions', count(*), 'ended', count(*) FILTER (WHERE expire_date < now()), 'days', extract(epoch "
    "FROM now() - min(expire_date)) / 86400, 'tables', (SELECT count(*) FROM pg_stat_user_tables)) FROM django_session"
)


@tiers('edge', 'balancer', 'app', 'data')
@clauses('22239-8.1.4.11-b', '35273-6.3-a', '22239-8.1.4.11-a')
@pytest.mark.parametrize(
    ('what', 'name'),
    [
        pytest.param(what, name, id=what, marks=violation(answered('/run/anlan-look', f'lines 900\n{what} 3\n')))
        for what, name in {'phone': 'phone number', 'identity': 'identity number', 'password': 'password'}.items()
    ],
)
def test_the_journal_has_nothing_of_a_person(host, what, name):
    count = counted(host).get(what)
    if count is None:
        not_verified('it was not counted')
    assert count == 0, f'{count} of the newest {LOOKED_AT} lines look like a {name}'


@tiers('edge')
@clauses('22239-8.1.4.11-b', '35273-6.3-a')
@violation(answered('/run/anlan-look', 'lines 900\nquery 3\n'))
def test_the_front_door_writes_down_no_query(host):
    count = counted(host).get('query')
    if count is None:
        not_verified('it was not counted')
    assert count == 0, f'{count} of the newest lines have a query, where names and searches are'
