"""Courses and lessons. What they are comes from a release's manifest (see publishing.py), nobody edits them here."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import models
from learning.courses.signing import expiry, signed_path


class Course(models.Model):
    """A course of safety training."""

    slug = models.SlugField(unique=True)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200)
    summary_zh = models.TextField(blank=True)
    summary_en = models.TextField(blank=True)
    position = models.PositiveIntegerField()
    # Its media are only for those who sign in, by addresses that end.
    restricted = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ('position', 'slug')

    def __str__(self) -> str:
        return self.slug


class Lesson(models.Model):
    """One video of a course."""

    course = models.ForeignKey(Course, models.CASCADE, related_name='lessons')
    key = models.SlugField(unique=True)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200)
    position = models.PositiveIntegerField()
    duration_seconds = models.FloatField()
    media_sha256 = models.CharField(max_length=64)
    published = models.BooleanField(default=False)

    class Meta:
        ordering = ('position', 'key')

    def __str__(self) -> str:
        return self.key

    @property
    def playlist_url(self) -> str:
        """The address of the ladder's master playlist; its content never changes. Of a restricted course it ends."""
        if self.course.restricted:
            expires = expiry(time.time(), settings.SIGNED_URL_SECONDS)
            return signed_path(settings.MEDIA_SIGNING_KEY, expires, self.media_sha256, 'master.m3u8')
        return f'{settings.MEDIA_URL}{self.media_sha256}/master.m3u8'
