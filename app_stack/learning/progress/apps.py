from __future__ import annotations

from django.apps import AppConfig


class ProgressConfig(AppConfig):
    """Progress."""

    name = 'learning.progress'
    label = 'progress'
