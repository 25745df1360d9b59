"""`migrate_expand`: what a rolling deploy may apply while the old release is still serving."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from learning.migrating.steps import Entangled, apply, pending_plan


class Command(BaseCommand):
    """Apply pending migrations if all of them expand."""

    help = (
        'Apply pending migrations if none of them would break the code of the release before. '
        'Exit 0 done, 1 refused and nothing was applied.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --hold and --dry-run."""
        parser.add_argument('--hold', action='store_true', help='leave contract migrations for migrate_contract')
        parser.add_argument('--dry-run', action='store_true', help='say what would be applied')

    def handle(self, *arguments: Any, hold: bool, dry_run: bool, **options: Any) -> None:
        """Apply. Raise CommandError naming each operation that must wait."""
        try:
            plan = pending_plan()
        except Entangled as error:
            raise CommandError(str(error)) from error
        if plan.contractions and not hold:
            listed = '\n'.join(f'  {contraction}' for contraction in plan.contractions)
            raise CommandError(f'refused, old code would not survive these (see --hold):\n{listed}')
        if not dry_run:
            apply(plan.expand, plan.is_first)
        self.stdout.write(f'applied {len(plan.expand)}, held {len(plan.held)}{" (dry run)" if dry_run else ""}')
        for migration in plan.held:
            self.stdout.write(f'held for migrate_contract: {migration}')
