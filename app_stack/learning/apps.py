"""The project's own application: templates' tags and static files."""

from __future__ import annotations

from django.apps import AppConfig


class LearningConfig(AppConfig):
    """The platform as one Django application beside those of its nouns."""

    name = 'learning'
    label = 'learning'
