"""Personal data: which there is, who may read it, and that none of it stands where it does not belong."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.database import APPLICATION, content, executed
from compliance.violation import answered

INVENTORY = {
    'accounts_learner': {
        'id',
        'password',
        'last_login',
        'is_superuser',
        'username',
        'first_name',
        'last_name',
        'email',
        'is_staff',
        'is_active',
        'date_joined',
    },
    'archive_archiverecord': {'id', 'sequence', 'learner_id', 'course_id', 'content', 'previous_sha256', 'sha256'},
    'progress_progressevent': {
        'id',
        'event_id',
        'learner_id',
        'lesson_id',
        'position_seconds',
        'device',
        'recorded_at',
    },
    'progress_lessonprogress': {
        'id',
        'learner_id',
        'lesson_id',
        'position_seconds',
        'furthest_seconds',
        'device',
        'updated_at',
    },
    'personal_personaldata': {
        'learner_id',
        'real_name',
        'identity_number',
        'mobile_phone',
        'identity_index',
        'data_key_id',
        'index_key_id',
        'consent_version',
        'consented_at',
    },
    'django_session': {'session_key', 'session_data', 'expire_date'},
    'accounts_learner_groups': {'id', 'learner_id', 'group_id'},
    'accounts_learner_user_permissions': {'id', 'learner_id', 'permission_id'},
}
"""Tables that say something of a person, and what of. Whether all of it is needed, a person judges."""

IMPERSONAL = {
    'archive_chainhead',
    'auth_group',
    'auth_group_permissions',
    'auth_permission',
    'courses_course',
    'courses_lesson',
    'django_content_type',
    'django_migrations',
}
SEALED = ('bytea',)
SENSITIVE = (
    'real_name', 'phone', 'mobile', 'id_number', 'identity', 'idcard', 'id_card', 'face', 'photo', 'portrait',
    'biometric',
)  # fmt: skip
BLIND = '_index'
"""A column of this end has a hash under a key, by which the application finds a row and nobody reads it."""


def columns(host):
    """Return what each table of the application holds, as (table, column, type). Ends the check on a replica."""
    found = content(host)['columns']
    if not found:
        not_verified('the application has no table yet')
    return [(*each.partition(' ')[0].split('.'), each.partition(' ')[2]) for each in found]


def plain(host, what):
    """Return the columns in which a number of this kind is found. Ends the check on a replica."""
    found = content(host)
    if not found['looked']:
        not_verified('there is no column to look at')
    return found[what] or []


def of_persons(**parts):
    """Return the violation that the database says this of learners' personal data."""
    good = {'named': 0, 'persons': 5, 'without_consent': 0, 'short': 0, 'same': 0}
    return answered('personal_personaldata', json.dumps({**good, **parts}))


def planted_table(words, more=''):
    """Return the violation that the application's database has one more table."""
    return executed(
        f'CREATE TABLE planted_person ({words}); {more}', 'DROP TABLE IF EXISTS planted_person', APPLICATION
    )


@tiers('data')
@clauses('22239-8.1.4.11-a', '35273-6.1', 'csl-23-4')
@violation(planted_table('id integer'))
def test_no_table_is_outside_the_inventory_of_data(host):
    more = {table for table, _, _ in columns(host)} - set(INVENTORY) - IMPERSONAL
    assert not more, f'tables that the inventory does not name: {", ".join(sorted(more))}'


@tiers('data')
@clauses('22239-8.1.4.11-a', '35273-6.1', 'csl-23-4')
@violation(
    executed(
        'ALTER TABLE accounts_learner_groups ADD COLUMN planted_address text',
        'ALTER TABLE accounts_learner_groups DROP COLUMN IF EXISTS planted_address',
        APPLICATION,
    )
)
def test_nothing_is_kept_of_a_person_but_what_is_named(host):
    more = {
        f'{table}.{column}'
        for table, column, _ in columns(host)
        if table in INVENTORY and column not in INVENTORY[table]
    }
    assert not more, f'columns that the inventory does not name: {", ".join(sorted(more))}'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1', 'csl-23-4')
@violation(planted_table('phone text'))
def test_a_column_for_sensitive_data_keeps_it_sealed(host):
    wrong = [
        f'{table}.{column}' for table, column, kind in columns(host)
        if any(word in column for word in SENSITIVE)
        and kind not in SEALED
        and not column.endswith(BLIND)
    ]  # fmt: skip
    assert not wrong, f'kept in plain: {", ".join(wrong)}'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1', '22239-8.1.4.11-a')
@pytest.mark.parametrize(
    'what',
    [
        pytest.param(
            'phone',
            id='phone-numbers',
            marks=violation(planted_table('said text', "INSERT INTO planted_person VALUES ('call 13800138000')")),
        ),
        pytest.param(
            'identity',
            id='identity-numbers',
            marks=violation(planted_table('said text', "INSERT INTO planted_person VALUES ('11010519491231002X')")),
        ),
    ],
)
def test_no_plain_number_of_a_person_is_in_the_database(host, what):
    found = plain(host, what)
    assert not found, f'in plain: {", ".join(found)}'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1')
@violation(of_persons(named=2))
def test_no_name_stands_beside_an_account(host):
    named = content(host)['named']
    assert named == 0, f'{named} account(s) have a name or an address in plain'


@tiers('data')
@clauses('35273-6.3-a', '22239-8.1.4.8-b', 'cosha-7.1', 'csl-23-4')
@pytest.mark.parametrize(
    ('what', 'fault'),
    [
        pytest.param('short', 'too short to be sealed', id='sealed', marks=violation(of_persons(short=1))),
        pytest.param('same', 'sealed alike', id='each-by-itself', marks=violation(of_persons(same=1))),
    ],
)
def test_personal_data_is_sealed(host, what, fault):
    found = content(host)
    if not found['persons']:
        not_verified('nobody has given personal data yet')
    assert found[what] == 0, f'of {found[what]} learner(s) something is {fault}'


@tiers('data')
@clauses('35273-5')
@violation(of_persons(without_consent=1))
def test_each_learner_has_agreed_to_a_notice(host):
    found = content(host)
    if not found['persons']:
        not_verified('nobody has given personal data yet')
    assert found['without_consent'] == 0, f'{found["without_consent"]} learner(s) have agreed to nothing'


@tiers('data')
@clauses('35273-6.3-b', '35273-6.3-c', 'face-on-device', 'face-retention')
@violation(planted_table('face_image bytea'))
def test_no_picture_of_a_face_is_in_the_database(host):
    wrong = [
        f'{table}.{column}' for table, column, _ in columns(host)
        if any(word in column for word in ('face', 'photo', 'portrait', 'biometric'))
    ]  # fmt: skip
    assert not wrong, f'biometrics beside identities: {", ".join(wrong)}'


@tiers('data')
@clauses('35273-6.1')
@violation(answered('django_session', json.dumps({'sessions': {'count': 40000, 'days': 400}})))
def test_sessions_that_ended_do_not_stay(host):
    found = content(host)['sessions']
    if not found['count']:
        not_verified('nobody has a session yet')
    assert (found['days'] or 0) <= 30, f'a session that ended {found["days"]:.0f} days ago is still there'
