"""`reencrypt_personal_data`: after a rotation, every row under the present keys; then those before may be forgotten."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from learning.personal.rotation import reencrypt, verify

SHOWN = 10


class Command(BaseCommand):
    """Re-encrypt or verify."""

    help = (
        'Put all personal data under the present keys, in batches; cut off anywhere, run it again. '
        'Exit 0: no row needs an older key any more · 1: some do, or cannot be read; they are named, keep the old keys.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --batch-rows and --check."""
        parser.add_argument('--batch-rows', type=int, default=500, help='rows in one transaction, default 500')
        parser.add_argument('--check', action='store_true', help='open every row and change nothing')

    def handle(self, *arguments: Any, batch_rows: int, check: bool, **options: Any) -> None:
        """Do it. Raise CommandError naming the rows that failed."""
        if batch_rows < 1:
            raise CommandError('--batch-rows: wanted at least 1')
        word = 'good' if check else 'changed'
        outcome = (verify if check else reencrypt)(
            batch_rows, lambda so_far: self.stdout.write(f'{word} {so_far.good}, failed {len(so_far.failures)}')
        )
        if outcome.failures:
            reasons = '; '.join(list(outcome.failures.values())[:SHOWN])
            raise CommandError(f'{len(outcome.failures)} rows failed, keep the keys before: {reasons}')
        self.stdout.write(f'{word} {outcome.good}, none left under an older key')
