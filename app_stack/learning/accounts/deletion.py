"""Deletion: a learner with all that is theirs, unless the law wants some of it kept."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.sessions.models import Session
from django.db import transaction
from learning.accounts.models import Learner
from learning.archive.models import ArchiveRecord
from learning.personal.models import PersonalData
from learning.progress.models import LessonProgress, ProgressEvent


class MustBeKept(Exception):
    """The learner has records in the archive, which the law keeps."""


def delete_learner(learner: Learner) -> Mapping[str, int]:
    """Given a learner, delete them and everything of theirs, and return how much of each kind it was.

    Raise MustBeKept, and delete nothing, if they completed a course.
    """
    with transaction.atomic():
        records = ArchiveRecord.objects.filter(learner=learner).count()
        if records:
            raise MustBeKept(
                f'{learner.username} has {records} records in the archive, which are kept for years by law'
            )
        counts = {
            'personal_data': PersonalData.objects.filter(learner=learner).delete()[0],
            'progress_events': ProgressEvent.objects.filter(learner=learner).delete()[0],
            'lesson_progress': LessonProgress.objects.filter(learner=learner).delete()[0],
            'sessions': _delete_sessions(str(learner.pk)),
        }
        learner.delete()
    return counts


def _delete_sessions(identity: str) -> int:
    theirs = [
        session.pk
        for session in Session.objects.iterator(chunk_size=1000)
        if session.get_decoded().get('_auth_user_id') == identity
    ]
    return Session.objects.filter(pk__in=theirs).delete()[0]
