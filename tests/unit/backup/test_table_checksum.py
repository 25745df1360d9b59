"""Tables are compared by count and checksum, and a difference has a sentence."""

from __future__ import annotations

from anlan.paths import ROOT
from backup.table_checksum import Table, differences

SETTLE = ROOT / 'playbooks' / 'roles' / 'database_backup' / 'files' / 'database-backup-settle'
ONE = Table('public.people', 3, '1/2')


def test_the_same_is_the_same_in_any_order() -> None:
    other = Table('public.courses', 1, '5/6')
    assert differences((ONE, other), (other, ONE)) == ()


def test_each_difference_is_said() -> None:
    gone, new = Table('public.a', 1, '0/0'), Table('public.b', 1, '0/0')
    changed = Table('public.people', 3, '1/3')
    assert differences((ONE, gone), (changed, new)) == (
        'table public.a is missing', 'table public.b was not there', 'table public.people has 3 rows, but not the same',
    )  # fmt: skip
    assert differences((ONE,), (Table('public.people', 2, '1/2'),)) == ('table public.people has 2 rows, not 3',)


def test_nothing_recorded_is_no_agreement() -> None:
    assert differences((), (ONE,)) == ('nothing was recorded to compare with',)
