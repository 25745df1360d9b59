from __future__ import annotations

import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from learning.accounts.models import Learner
from learning.archive.chain import first_flaw
from learning.archive.models import ArchiveRecord, ChainHead
from learning.progress.recording import record
from learning.progress.reports import Report


def complete(learner, course, position=9.6):
    for lesson in course.lessons.all():
        record(learner, lesson, Report(uuid.uuid4(), position, 'computer'))


@pytest.fixture
def chain(course):
    """Give a chain of three records."""
    for name in ('wang', 'li', 'zhao'):
        complete(Learner.objects.create_user(name), course)
    return list(ArchiveRecord.objects.all())


def test_a_completed_course_is_archived_once(course, learner):
    complete(learner, course, 9.4)
    assert not ArchiveRecord.objects.exists()
    complete(learner, course, 9.5)
    complete(learner, course, 10)
    content = json.loads(ArchiveRecord.objects.get().content)
    assert (content['learner'], content['course']) == ('wang', 'height')
    assert [lesson['watched_milliseconds'] for lesson in content['lessons']] == [9500, 9500]


def test_a_whole_chain_is_verified(chain, capsys):
    call_command('verify_archive')
    assert '3 records' in capsys.readouterr().out


@pytest.mark.parametrize('place', [0, 40, -2])
def test_one_flipped_byte_is_caught_and_named(chain, place):
    bad = chain[1]
    flipped = bytearray(bad.content.encode())
    flipped[place] ^= 1
    ArchiveRecord.objects.filter(pk=bad.pk).update(content=flipped.decode(errors='replace'))
    with pytest.raises(CommandError, match='record 2'):
        call_command('verify_archive')


def test_a_record_with_a_new_hash_of_its_own_is_caught_at_the_next_one(chain):
    from learning.archive.chain import digest

    bad = chain[0]
    content = bad.content.replace('wang', 'zhou')
    ArchiveRecord.objects.filter(pk=bad.pk).update(content=content, sha256=digest(bad.previous_sha256, content))
    with pytest.raises(CommandError, match='record 2: does not follow'):
        call_command('verify_archive')


def test_a_missing_record_in_the_middle_is_caught(chain):
    chain[1].delete()
    with pytest.raises(CommandError, match='record 2: is missing'):
        call_command('verify_archive')


def test_a_cut_off_end_is_caught_by_the_head(chain):
    chain[2].delete()
    with pytest.raises(CommandError, match='record 3: is missing'):
        call_command('verify_archive')


def test_a_record_given_to_somebody_else_is_caught(chain):
    stranger = Learner.objects.create_user('stranger')
    ArchiveRecord.objects.filter(pk=chain[2].pk).update(learner=stranger)
    assert str(first_flaw(ArchiveRecord.objects.all(), ChainHead.objects.get())).startswith('record 3: its columns')


def test_the_archive_page_shows_the_learners_own_records(client, course, learner):
    complete(learner, course)
    page = client.get('/archive/').content.decode()
    assert '高处作业' in page
    assert ArchiveRecord.objects.get().sha256 in page
