"""Recording progress: the event, the position and, with the last lesson, the archive's record, all or nothing."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from learning.accounts.models import Learner
from learning.archive.chain import append_if_completed
from learning.courses.models import Lesson
from learning.progress.models import LessonProgress, ProgressEvent
from learning.progress.reports import Report


class EventConflict(Exception):
    """The event's number was used before, for something else."""


def record(learner: Learner, lesson: Lesson, report: Report) -> ProgressEvent:
    """Given a report, return its event, made now or by an earlier try. Raise EventConflict if it is another's.

    What is returned is safe on more than one host. A first try may have been cut off while it waited for the
    replica: its row is then visible but not yet safe. The row lock below is a write, made by repetitions too, so
    their commit waits for the replica as well, and with it for everything before it. The lock is the learner's, so
    that of two devices that finish the last two lessons at once, the second sees the first.
    """
    with transaction.atomic():
        Learner.objects.select_for_update(no_key=True).get(pk=learner.pk)
        progress, _ = LessonProgress.objects.get_or_create(learner=learner, lesson=lesson)
        event, created = ProgressEvent.objects.get_or_create(
            event_id=report.event_id,
            defaults={
                'learner': learner,
                'lesson': lesson,
                'position_seconds': report.position_seconds,
                'device': report.device,
                'recorded_at': timezone.now(),
            },
        )
        if not created:
            if (event.learner_id, event.lesson_id) != (learner.id, lesson.id):
                raise EventConflict(str(report.event_id))
            return event
        progress.position_seconds = report.position_seconds
        progress.furthest_seconds = max(progress.furthest_seconds, report.position_seconds)
        progress.device = report.device
        progress.updated_at = event.recorded_at
        progress.save()
        append_if_completed(learner, lesson.course, event.recorded_at)
    return event
