"""`migrate_contract`: what is applied when no host runs the release before any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from learning.migrating.steps import apply


class Command(BaseCommand):
    """Apply every pending migration."""

    help = 'Apply every pending migration, contract ones too. Run it when every host has this release. Exit 0 done.'

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --dry-run."""
        parser.add_argument('--dry-run', action='store_true', help='say what would be applied')

    def handle(self, *arguments: Any, dry_run: bool, **options: Any) -> None:
        """Apply all that is pending."""
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        pending = [migration for migration, _ in plan]
        if not dry_run:
            apply(pending, is_first=not executor.loader.applied_migrations)
        self.stdout.write(f'applied {len(pending)}{" (dry run)" if dry_run else ""}')
