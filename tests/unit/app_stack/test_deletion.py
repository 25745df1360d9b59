from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone
from learning.accounts.models import Learner
from learning.archive.models import ArchiveRecord
from learning.personal.models import PersonalData
from learning.personal.person import Person
from learning.personal.registering import register_person
from learning.progress.models import LessonProgress, ProgressEvent


def give_everything(learner, course):
    lesson = course.lessons.first()
    register_person(learner, Person('张三', '11010519491231002X', '13812340000'))
    ProgressEvent.objects.create(
        event_id=uuid.uuid4(),
        learner=learner,
        lesson=lesson,
        position_seconds=1,
        device='x',
        recorded_at=timezone.now(),
    )
    LessonProgress.objects.create(learner=learner, lesson=lesson)


def test_a_deleted_learner_leaves_nothing_behind(course, client, learner, capsys):
    other = Learner.objects.create_user('other', password='a long password')
    give_everything(learner, course)
    call_command('delete_learner', 'wang')
    assert json.loads(capsys.readouterr().out) == {
        'learners': 1, 'personal_data': 1, 'progress_events': 1, 'lesson_progress': 1, 'sessions': 1,
    }  # fmt: skip
    assert list(Learner.objects.all()) == [other]
    assert not any(model.objects.exists() for model in (PersonalData, ProgressEvent, LessonProgress, Session))


def test_who_is_not_there_needs_no_deletion(database, capsys):
    call_command('delete_learner', 'nobody')
    assert json.loads(capsys.readouterr().out) == {'learners': 0}


def test_a_learner_whose_archive_the_law_keeps_is_not_deleted(course, learner):
    give_everything(learner, course)
    ArchiveRecord.objects.create(
        sequence=1, learner=learner, course=course, content='{}', previous_sha256='0' * 64, sha256='1' * 64
    )
    with pytest.raises(CommandError, match='1 records in the archive'):
        call_command('delete_learner', 'wang')
    assert PersonalData.objects.exists() and ProgressEvent.objects.exists()
