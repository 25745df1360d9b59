"""A learner."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class Learner(AbstractUser):
    """Somebody who learns here: Django's user, under a name of our own so that it can grow."""
