from __future__ import annotations

from django.apps import AppConfig


class CoursesConfig(AppConfig):
    """Courses."""

    name = 'learning.courses'
    label = 'courses'
