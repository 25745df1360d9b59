"""The learning archive: its chain of hashes, verified by the application's own command, and what holds it together."""

from __future__ import annotations

import json
import re

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.application import MANAGE
from compliance.reading.database import content
from compliance.violation import answered

VERIFY = f'{MANAGE} verify_archive'
NEEDED = {
    'one-place-each': 'archive_archiverecord u sequence',
    'one-record-a-course': 'archive_archiverecord u course_id,learner_id',
    'one-successor-each': 'archive_archiverecord u previous_sha256',
    'no-hash-twice': 'archive_archiverecord u sha256',
    'a-learner-stays': 'archive_archiverecord f learner_id',
}


def said(**parts):
    """Return the violation that the database says this of the archive."""
    good = {'held': list(NEEDED.values()), 'head': [], 'records': 0, 'last': None}
    return answered('archive_chainhead', json.dumps({**good, **parts}))


@tiers('app')
@clauses('22239-8.1.4.7-b', 'cosha-6.4', 'jiangxi-16', 'aq8011-4.7', 'aq8011-qa-4', 'work-safety-28')
@violation(
    answered(
        'verify_archive', 'CommandError: the archive is broken at record 3: its content does not match its hash', 1
    )
)
def test_the_chain_of_the_archive_is_whole(host):
    told = host.run(VERIFY)
    text = (told.stdout + told.stderr).strip()
    assert 'broken' not in text, text.splitlines()[-1]
    if told.rc != 0:
        not_verified(f'the archive could not be verified: {text[-200:]}')
    found = re.search(r'the archive is whole: (\d+) records', text)
    assert found, f'the archive is not said to be whole: {text[-200:]}'
    if found[1] == '0':
        not_verified('the archive holds no record yet')


@tiers('data')
@clauses('22239-8.1.4.7-b', 'cosha-6.4', 'jiangxi-16', 'aq8011-4.7', 'aq8011-qa-4', 'work-safety-28')
@pytest.mark.parametrize(
    'what',
    [
        pytest.param(
            what, id=what, marks=violation(said(held=[each for each in NEEDED.values() if each != NEEDED[what]]))
        )
        for what in NEEDED
    ],
)
def test_the_database_holds_the_chain_together(host, what):
    held = content(host)['held'] or []
    assert NEEDED[what] in held, f'there is nothing that holds {NEEDED[what]}'


@tiers('data')
@clauses('22239-8.1.4.7-b', 'cosha-6.4', 'jiangxi-16', 'aq8011-4.7', 'aq8011-qa-4', 'work-safety-28')
@violation(said(head=[{'sequence': 4, 'sha256': 'a'}], records=3, last={'sequence': 3, 'sha256': 'b'}))
def test_the_head_names_the_last_record(host):
    found = content(host)
    heads = found['head'] or []
    assert len(heads) <= 1, f'the chain has {len(heads)} heads'
    if not found['records'] and (not heads or heads[0]['sequence'] == 0):
        not_verified('the archive holds no record yet')
    assert heads and heads[0] == found['last'], 'the last record is not the one that the head names'
    assert heads[0]['sequence'] == found['records'], (
        f'{found["records"]} records, and the head is at {heads[0]["sequence"]}'
    )
