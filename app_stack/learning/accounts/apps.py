from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Learners."""

    name = 'learning.accounts'
    label = 'accounts'
