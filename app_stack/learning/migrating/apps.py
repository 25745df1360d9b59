from __future__ import annotations

from django.apps import AppConfig


class MigratingConfig(AppConfig):
    """Migrating."""

    name = 'learning.migrating'
    label = 'migrating'
