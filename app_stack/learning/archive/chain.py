"""The chain of the archive: how a record is appended, and how the whole is verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from learning.accounts.models import Learner
from learning.archive.models import ArchiveRecord, ChainHead
from learning.courses.models import Course, Lesson

GENESIS = '0' * 64
HEAD_ID = 1
# The rest is credits and rounding.
COMPLETED_PORTION = 0.95


@dataclass(frozen=True)
class Flaw:
    """The first place where the chain is not what it must be."""

    sequence: int
    reason: str

    def __str__(self) -> str:
        return f'record {self.sequence}: {self.reason}'


def canonical(content: dict[str, Any]) -> str:
    """Return the one text of this content: sorted keys, no spaces, no floats inside by convention."""
    return json.dumps(content, sort_keys=True, separators=(',', ':'), ensure_ascii=False)


def digest(previous_sha256: str, content: str) -> str:
    """Return the hash of a record, over its content and the hash of the record before."""
    return hashlib.sha256(canonical({'content': content, 'previous': previous_sha256}).encode()).hexdigest()


def append_if_completed(learner: Learner, course: Course, completed_at: datetime) -> ArchiveRecord | None:
    """Given a learner who moved on in a course, append its record if it is completed now and was not before.

    Must be called inside a transaction: the head's row is locked until its end, so that app hosts append one by one.
    """
    from learning.progress.models import LessonProgress

    lessons = list(Lesson.objects.filter(course=course, published=True))
    rows = LessonProgress.objects.filter(learner=learner, lesson__in=lessons)
    furthest = {row.lesson_id: row.furthest_seconds for row in rows}
    if any(furthest.get(lesson.id, 0) < COMPLETED_PORTION * lesson.duration_seconds for lesson in lessons):
        return None
    if ArchiveRecord.objects.filter(learner=learner, course=course).exists():
        return None
    ChainHead.objects.get_or_create(id=HEAD_ID, defaults={'sha256': GENESIS})
    head = ChainHead.objects.select_for_update().get(id=HEAD_ID)
    # Again, under the lock: another device may have finished the course in the meantime.
    if ArchiveRecord.objects.filter(learner=learner, course=course).exists():
        return None
    content = canonical({
        'sequence': head.sequence + 1,
        'learner_id': learner.id,
        'learner': learner.username,
        'course': course.slug,
        'title_zh': course.title_zh,
        'title_en': course.title_en,
        'completed_at': completed_at.isoformat(),
        'lessons': [
            {
                'key': lesson.key,
                'media_sha256': lesson.media_sha256,
                'watched_milliseconds': round(1000 * furthest[lesson.id]),
                'duration_milliseconds': round(1000 * lesson.duration_seconds),
            }
            for lesson in lessons
        ],
    })  # fmt: skip
    record = ArchiveRecord.objects.create(
        sequence=head.sequence + 1,
        learner=learner,
        course=course,
        content=content,
        previous_sha256=head.sha256,
        sha256=digest(head.sha256, content),
    )
    head.sequence, head.sha256 = record.sequence, record.sha256
    head.save()
    return record


def first_flaw(records: Iterable[ArchiveRecord], head: ChainHead | None) -> Flaw | None:
    """Given all records in order and the head, return the first flaw of the chain, or None if it is whole."""
    previous, sequence = GENESIS, 0
    for record in records:
        sequence += 1
        if record.sequence != sequence:
            return Flaw(sequence, f'is missing, the next one is {record.sequence}')
        if record.previous_sha256 != previous:
            return Flaw(sequence, 'does not follow the record before it')
        if record.sha256 != digest(previous, record.content):
            return Flaw(sequence, 'its content does not match its hash')
        content = json.loads(record.content)
        told = (content['sequence'], content['learner_id'], content['course'])
        if told != (record.sequence, record.learner_id, record.course.slug):
            return Flaw(sequence, 'its columns do not match its content')
        previous = record.sha256
    expected = (head.sequence, head.sha256) if head else (0, GENESIS)
    if expected[0] > sequence:
        return Flaw(sequence + 1, f'is missing, the head is at {expected[0]}')
    if expected != (sequence, previous):
        return Flaw(sequence, 'is not the one that the head names')
    return None
