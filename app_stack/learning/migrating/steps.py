"""The two steps: which pending migrations may be applied now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from learning.migrating.classify import Contraction, contractions


@dataclass(frozen=True)
class Plan:
    """The pending migrations: those that may be applied while old code runs, and those that may not."""

    expand: tuple[Migration, ...]
    held: tuple[Migration, ...]
    contractions: tuple[Contraction, ...]
    is_first: bool


class Entangled(Exception):
    """An expand migration that needs a contract migration before it: neither order is safe."""


def split(pending: Sequence[Migration], is_first: bool) -> Plan:
    """Given the pending migrations in order, return which may be applied now.

    On the first install there is no old code, so all are. Raise Entangled if an expand migration depends on a held one.
    """
    if is_first:
        return Plan(tuple(pending), (), (), is_first)
    expand: list[Migration] = []
    held: list[Migration] = []
    found: list[Contraction] = []
    for migration in pending:
        contracting = contractions(migration)
        if contracting:
            held.append(migration)
            found += contracting
            continue
        names = {(other.app_label, other.name) for other in held}
        blockers = names.intersection(migration.dependencies)
        if blockers:
            raise Entangled(f'{migration} depends on {sorted(blockers)}, which must wait: run migrate_contract first')
        expand.append(migration)
    return Plan(tuple(expand), tuple(held), tuple(found), is_first)


def pending_plan() -> Plan:
    """Return the plan for this database. Raise Entangled if it has no safe order."""
    executor = MigrationExecutor(connection)
    steps = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return split([migration for migration, _ in steps], is_first=not executor.loader.applied_migrations)


def apply(migrations: Sequence[Migration], is_first: bool) -> None:
    """Apply these migrations in order. The first install is one transaction, so that it is whole or has never begun."""
    if is_first and connection.vendor == 'postgresql':
        with transaction.atomic():
            call_command('migrate', interactive=False, verbosity=0)
        return
    # `migrate` by target, not by plan, so that its signals (permissions, content types) are sent.
    for migration in migrations:
        call_command('migrate', migration.app_label, migration.name, interactive=False, verbosity=0)
