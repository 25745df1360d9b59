"""`publish_courses MANIFEST`: show what a release brought, as far as its media were verified on this host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from learning.courses.publishing import publish


class Command(BaseCommand):
    """Create or update courses and lessons from a release's manifest."""

    help = 'Create or update courses and lessons from a manifest. Exit 0 done, 1 some media were refused.'

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the manifest's path."""
        parser.add_argument('manifest', type=Path)

    def handle(self, *arguments: Any, manifest: Path, **options: Any) -> None:
        """Publish. Raise CommandError naming each lesson that stays hidden."""
        published = publish(json.loads(manifest.read_text()), Path(settings.MEDIA_ROOT))
        self.stdout.write(f'changed {published.changed}, shown {published.shown}, refused {len(published.refused)}')
        if published.refused:
            raise CommandError('not shown: ' + '; '.join(published.refused))
