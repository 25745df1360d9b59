"""What a database is compared by: of each table of the application the number of rows and a checksum of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SETTINGS = (
    "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601';"
    " SET extra_float_digits = 1; SET bytea_output = 'hex'; SET statement_timeout = '0';"
)
"""How values are written does not depend on whom they are shown to."""

TABLES = (
    "SELECT n.nspname || '.' || c.relname, c.oid::regclass::text"
    ' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace'
    " WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname = 'public' ORDER BY 1"
)
COLUMNS = (
    "count(*), coalesce(sum(hashtextextended(t::text, 1)::numeric), 0)::text || '/' ||"
    ' coalesce(sum(hashtextextended(t::text, 2)::numeric), 0)::text'
)
"""Does not depend on the order of rows. The database's own function anlan_backup.fingerprint counts the same."""


@dataclass(frozen=True, order=True)
class Table:
    """One table: how many rows, and what they come to."""

    name: str
    row_count: int
    checksum: str


def differences(recorded: Sequence[Table], found: Sequence[Table]) -> tuple[str, ...]:
    """Given what was recorded and what was found, return each difference as a sentence; of nothing recorded, that."""
    if not recorded:
        return ('nothing was recorded to compare with',)
    then, now = {each.name: each for each in recorded}, {each.name: each for each in found}
    said = [f'table {name} is missing' for name in sorted(then.keys() - now.keys())]
    said += [f'table {name} was not there' for name in sorted(now.keys() - then.keys())]
    for name in sorted(then.keys() & now.keys()):
        before, after = then[name], now[name]
        if before.row_count != after.row_count:
            said.append(f'table {name} has {after.row_count} rows, not {before.row_count}')
        elif before.checksum != after.checksum:
            said.append(f'table {name} has {after.row_count} rows, but not the same')
    return tuple(said)
