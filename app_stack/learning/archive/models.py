"""Records of the archive, and the head of their chain."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from learning.courses.models import Course


class ArchiveRecord(models.Model):
    """A learner completed a course. Its hash covers its content and the hash of the record before."""

    sequence = models.PositiveBigIntegerField(unique=True)
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name='+')
    course = models.ForeignKey(Course, models.PROTECT, related_name='+')
    # Canonical JSON, kept as text: the bytes that were hashed, whatever a database would make of JSON.
    content = models.TextField()
    # Unique, so that even without the lock two records could not follow the same one.
    previous_sha256 = models.CharField(max_length=64, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ('sequence',)
        constraints = [models.UniqueConstraint(fields=('learner', 'course'), name='one_record_a_course')]


class ChainHead(models.Model):
    """The last record of the chain, in a single row that is the lock of the chain; it also shows a cut-off end."""

    sequence = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
