"""Events of progress, and what they add up to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from learning.courses.models import Lesson


class ProgressEvent(models.Model):
    """A learner reached a position. Append only."""

    event_id = models.UUIDField(unique=True)
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name='+')
    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name='+')
    position_seconds = models.FloatField()
    device = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=('learner', 'id'), name='progress_of_learner'),
            models.Index(fields=('learner', 'lesson'), name='progress_of_lesson'),
        ]


class LessonProgress(models.Model):
    """Where a learner is in a lesson: the last position, and the furthest one."""

    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name='+')
    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name='+')
    position_seconds = models.FloatField(default=0)
    furthest_seconds = models.FloatField(default=0)
    device = models.CharField(max_length=100, blank=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=('learner', 'lesson'), name='one_progress_a_lesson')]
