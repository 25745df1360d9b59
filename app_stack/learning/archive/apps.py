from __future__ import annotations

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    """Archive."""

    name = 'learning.archive'
    label = 'archive'
