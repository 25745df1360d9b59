"""Personal data and the archive: what is outside the inventory, in plain, or out of the chain is found."""

import json
import re

import pytest

from compliance.checks import test_archive as archive
from compliance.checks import test_personal_data as checks
from compliance.checks import test_personal_traces as traces
from compliance.checks import test_replication as replication
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, fails

COLUMNS = ['accounts_learner.username character varying', 'courses_course.title_zh character varying']


def leader(**content):
    return Asked({
        'pg_stat_wal_receiver': json.dumps(replication.GOOD),
        'django_session': json.dumps({'columns': COLUMNS, **content}),
    })  # fmt: skip


@pytest.mark.parametrize(
    ('check', 'column', 'saying'),
    [
        (checks.test_no_table_is_outside_the_inventory_of_data, 'visitors.name text', 'visitors'),
        (
            checks.test_nothing_is_kept_of_a_person_but_what_is_named,
            'accounts_learner.address text',
            'accounts_learner.address',
        ),
        (checks.test_a_column_for_sensitive_data_keeps_it_sealed, 'accounts_learner.id_number text', 'id_number'),
        (checks.test_no_picture_of_a_face_is_in_the_database, 'accounts_learner.face_image bytea', 'face_image'),
    ],
)
def test_a_column_that_must_not_be_is_found(check, column, saying):
    check(leader())
    fails(check, leader(columns=[*COLUMNS, column]), saying=saying)
    cannot_judge(check, leader(columns=None))


@pytest.mark.parametrize(
    ('pattern', 'text', 'found'),
    [
        (traces.PHONE, 'call 13800138000 now', True),
        (traces.PHONE, '"13800138000"', True),
        (traces.PHONE, '1795644137289037', False),
        (traces.PHONE, 'request a13800138000b', False),
        (traces.PHONE, '11012345678', False),
        (traces.IDENTITY, 'id=11010519491231002X', True),
        (traces.IDENTITY, '110105194912310025', True),
        (traces.IDENTITY, '110105194913310025', False),
        (traces.IDENTITY, 'f110105194912310025', False),
    ],
)
def test_a_number_of_a_person_is_told_from_other_numbers(pattern, text, found):
    assert bool(re.search(pattern, text)) is found


def test_a_journal_of_few_lines_is_not_judged():
    cannot_judge(
        traces.test_the_journal_has_nothing_of_a_person, Asked({'mktemp': 'lines 3\nphone 0\n'}), 'phone', 'number'
    )
    said = Asked({'mktemp': 'lines 900\nphone 2\n'})
    fails(traces.test_the_journal_has_nothing_of_a_person, said, 'phone', 'phone number', saying='2 of the newest')


def test_personal_data_that_is_short_alike_or_without_consent_is_found():
    def person(**parts):
        told = {'named': 0, 'persons': 2, 'without_consent': 0, 'short': 0, 'same': 0, **parts}
        return leader(**told)

    checks.test_personal_data_is_sealed(person(), 'short', 'x')
    fails(checks.test_personal_data_is_sealed, person(short=1), 'short', 'too short', saying='too short')
    fails(checks.test_each_learner_has_agreed_to_a_notice, person(without_consent=1), saying='agreed to nothing')
    fails(checks.test_no_name_stands_beside_an_account, person(named=1), saying='in plain')
    cannot_judge(checks.test_personal_data_is_sealed, person(persons=0), 'short', 'x')
    cannot_judge(checks.test_each_learner_has_agreed_to_a_notice, person(persons=0))


def test_a_broken_archive_fails_and_an_empty_one_is_not_judged():
    check = archive.test_the_chain_of_the_archive_is_whole
    check(Asked({'verify_archive': 'the archive is whole: 4 records'}))
    fails(
        check,
        Asked({'verify_archive': Said('', 1, 'CommandError: the archive is broken at record 3')}),
        saying='record 3',
    )
    cannot_judge(check, Asked({'verify_archive': 'the archive is whole: 0 records'}), saying='no record yet')
    cannot_judge(check, Asked({'verify_archive': Said('', 75, 'the database does not answer')}))


def test_a_head_that_names_another_record_is_found():
    check = archive.test_the_head_names_the_last_record
    last = {'sequence': 3, 'sha256': 'b'}
    check(leader(head=[last], records=3, last=last))
    fails(check, leader(head=[last], records=2, last=last), saying='2 records')
    fails(check, leader(head=[{'sequence': 4, 'sha256': 'c'}], records=3, last=last), saying='the head names')
    cannot_judge(check, leader(head=None, records=0, last=None))
