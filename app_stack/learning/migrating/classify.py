"""What a migration does to code that runs without knowing of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

# Nothing that old code reads or writes is touched.
HARMLESS = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
)


@dataclass(frozen=True)
class Contraction:
    """An operation that the old code would not survive, and why."""

    migration: str
    operation: str
    reason: str

    def __str__(self) -> str:
        return f'{self.migration}: {self.operation} ({self.reason})'


def contractions(migration: Migration) -> list[Contraction]:
    """Given a migration, return its operations that must wait until the old code is gone."""
    found = []
    for operation in _flattened(migration.operations):
        reason = _reason(operation)
        if reason:
            found.append(Contraction(str(migration), operation.describe(), reason))
    return found


def is_expand(migration: Migration) -> bool:
    """Return whether this migration may be applied while the old code runs."""
    return not contractions(migration)


def _flattened(listed: list[Operation]) -> list[Operation]:
    flat = []
    for operation in listed:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            flat += _flattened(operation.database_operations)
        else:
            flat.append(operation)
    return flat


def _reason(operation: Operation) -> str | None:
    if isinstance(operation, HARMLESS):
        return None
    if isinstance(operation, operations.AddField):
        field = operation.field
        if field.null or field.many_to_many or getattr(field, 'db_default', NOT_PROVIDED) is not NOT_PROVIDED:
            return None
        return 'old code inserts rows without it: give it null=True or a db_default'
    if isinstance(operation, (operations.RunPython, operations.RunSQL)):
        # Nobody but its author can know; an author who does says so.
        declared = (getattr(operation, 'hints', None) or {}).get('expand') is True
        return None if declared else "unknown to us: say hints={'expand': True} if old code does not mind"
    if isinstance(operation, (operations.RemoveField, operations.DeleteModel)):
        return 'old code still reads and writes it'
    if isinstance(operation, (operations.RenameField, operations.RenameModel, operations.AlterModelTable)):
        return 'old code knows it under its old name'
    return 'old code may break on it'
