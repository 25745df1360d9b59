"""`delete_learner`: a learner who asks for it, or one who was made for a test."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from learning.accounts.deletion import MustBeKept, delete_learner
from learning.accounts.models import Learner


class Command(BaseCommand):
    """Delete a learner."""

    help = (
        'Delete a learner with personal data, progress and sessions, and print as JSON how much of each. '
        'Exit 0 done, or there is none · 1 refused: the archive has records of this learner, nothing was deleted.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the user name."""
        parser.add_argument('username')

    def handle(self, *arguments: Any, username: str, **options: Any) -> None:
        """Delete. Raise CommandError if the learner must be kept."""
        learner = Learner.objects.filter(username=username).first()
        if learner is None:
            self.stdout.write(json.dumps({'learners': 0}))
            return
        try:
            counts = delete_learner(learner)
        except MustBeKept as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({'learners': 1, **counts}))
