"""`verify_archive`: recompute the whole chain."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from learning.archive.chain import HEAD_ID, first_flaw
from learning.archive.models import ArchiveRecord, ChainHead


class Command(BaseCommand):
    """Verify the archive's chain."""

    help = 'Recompute the chain of the archive. Exit 0 whole, 1 broken; the first bad record is named.'

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Verify. Raise CommandError naming the first bad record."""
        with transaction.atomic():
            if connection.vendor == 'postgresql':
                # One moment for records and head, while learners go on completing courses.
                connection.cursor().execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
            head = ChainHead.objects.filter(id=HEAD_ID).first()
            records = ArchiveRecord.objects.select_related('course').order_by('sequence')
            flaw = first_flaw(records.iterator(chunk_size=1000), head)
        if flaw:
            raise CommandError(f'the archive is broken at {flaw}')
        self.stdout.write(f'the archive is whole: {head.sequence if head else 0} records')
