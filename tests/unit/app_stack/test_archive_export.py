"""What the application archives is verified by the standard library alone, as it stands in an export."""

from __future__ import annotations

import json
import uuid

from learning.accounts.models import Learner
from learning.archive.chain import digest
from learning.archive.models import ArchiveRecord, ChainHead
from learning.progress.recording import record
from learning.progress.reports import Report

from backup import archive_chain


def exported():
    """Return what the policy `archive` exports: the columns that its statement names."""
    columns = ('sequence', 'previous_sha256', 'sha256', 'content')
    lines = [json.dumps(row) for row in ArchiveRecord.objects.order_by('sequence').values(*columns)]
    return lines + [json.dumps({'head': head.sha256, 'sequence': head.sequence}) for head in ChainHead.objects.all()]


def test_an_application_without_a_record_has_nothing_to_verify_and_nothing_wrong(course):
    found = archive_chain.verified(exported())
    assert (found.checks, found.problems, found.reason) == (0, (), archive_chain.NOTHING)


def test_the_chain_that_the_application_makes_is_whole(course):
    for name in ('wang', '李四', 'zhao'):
        learner = Learner.objects.create_user(name)
        for lesson in course.lessons.all():
            record(learner, lesson, Report(uuid.uuid4(), 9.6, 'computer'))
    found = archive_chain.verified(exported())
    assert (found.records, found.checks, found.problems) == (3, 4, ())
    ArchiveRecord.objects.filter(sequence=2).update(content='{"sequence":2}')
    assert archive_chain.verified(exported()).problems == ('record 2: its content does not match its hash',)


def test_both_make_the_same_hash():
    content = '{"learner":"王\u2028\\"\\u0000"}'
    assert archive_chain.digest('a' * 64, content) == digest('a' * 64, content)


def test_the_statement_names_columns_and_tables_that_the_application_has():
    fields = {field.column for field in ArchiveRecord._meta.get_fields()}
    assert {'sequence', 'previous_sha256', 'sha256', 'content'} <= fields
    assert f'FROM {ArchiveRecord._meta.db_table} ' in archive_chain.EXPORT
    assert f'FROM {ChainHead._meta.db_table} ' in archive_chain.EXPORT
