from __future__ import annotations

from django.apps import AppConfig


class PersonalConfig(AppConfig):
    """Personal data."""

    name = 'learning.personal'
    label = 'personal'
