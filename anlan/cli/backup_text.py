"""What `anlan backup` shows people: states, snapshots, and what came of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from anlan.cli.backup_lag import Measured
from anlan.console import results
from backup.failure import ExitClass
from backup.judgement import spoken
from backup.record import Ended, RestoreEnded, RunEnded, StolenEnded, VerificationEnded
from backup.status import PolicyStatus

PLAN_CODES = 'Exit codes: 0 done · 2 bad input, or a policy is wrong.'
KIT_CODES = (
    'Exit codes: 0 done · 1 failed · 2 bad input, or it does not stand · 3 another command works on the platform.'
)
SHOWN_REASONS = 4
NAMES = frozenset({'snapshot', 'policy', 'host', 'place', 'files', 'MB'})
UNKNOWN_LAG = 'how far it is behind is not known'
COLOUR = {'ok': 'green', 'unproven': 'cyan', 'late': 'yellow', 'failed': 'red', 'never': 'red'}


def is_bad(end: Ended) -> bool:
    """Given an end, return whether it says anything but that all is well."""
    if end.failure is not None:
        return True
    if isinstance(end, RestoreEnded):
        return not end.verified
    if isinstance(end, StolenEnded):
        return end.verdict != 'pass'
    return isinstance(end, VerificationEnded) and bool(end.problems)


def print_ends(ends: Iterable[Ended], reasons: Iterable[str]) -> None:
    """Given what came of tasks, print a line each."""
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('', 'host', 'place', 'what', 'seconds'):
        table.add_column(column, justify='right' if column == 'seconds' else 'left')
    for each in ends:
        mark = Text('✗', style='red') if is_bad(each) else Text('✓', style='green')
        table.add_row(mark, each.host, each.place, _what(each), f'{each.seconds:.1f}')
    results.print(table)
    for reason in reasons:
        results.print(Text(f'  ✗ {reason}', style='red'), soft_wrap=True)


def _what(end: Ended) -> str:
    if end.failure is not None:
        return f'{end.sentence} ({end.failure})'
    if isinstance(end, RestoreEnded):
        problems = '; '.join(end.problems[:3])
        noted = f'; {end.sentence}' if end.sentence else ''
        back = f'{end.files} files, {end.restored_bytes / 1e6:.1f} MB back, {end.checks} things compared'
        return problems or back + noted
    if isinstance(end, StolenEnded):
        return _stolen(end)
    if isinstance(end, VerificationEnded):
        return '; '.join(end.problems[:3]) or f'{end.depth} is whole'
    if isinstance(end, RunEnded):
        snapshot = short(end.snapshot or 'nothing')
        return f'{snapshot}: {end.files} files, {end.source_bytes / 1e6:.1f} MB, new {end.added_bytes / 1e6:.1f} MB'
    return 'done'


def _stolen(end: StolenEnded) -> str:
    """Return what a drill of stolen credentials showed: why it did not pass, or all that was seen."""
    wrong = [*(f'not refused: {each}' for each in end.succeeded), *end.problems, *end.unproven]
    if wrong or end.verdict != 'pass':
        return '; '.join(wrong[:3]) or 'not everything was tried and compared, so it proves nothing'
    until = '' if end.kept_until is None else f', locked until {end.kept_until:%Y-%m-%d}'
    return (
        f'{end.objects} objects overwritten and deleted, {end.refused} of {end.tried} attacks refused; had back as of '
        f'before at {end.bytes_per_second / 1e6:.1f} MB/s, {end.files} files, {end.checks} things compared; '
        f'{end.kept_bytes / 1e6:.1f} MB stay in the store{until}, then its lifecycle takes them'
    )


def print_statuses(found: Iterable[PolicyStatus], silent: Mapping[str, str]) -> None:
    """Given the states of policies and which hosts said nothing, print them for people."""
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('policy', 'state', 'last success (UTC)', 'last verified restore (UTC)', 'would lose', 'promised'):
        table.add_column(column, no_wrap=column == 'policy', overflow='fold')
    known = list(found)
    for each in known:
        age = each.recovery_point_age_seconds
        table.add_row(
            each.name, Text(each.state, style=COLOUR[each.state]), _moment(each.last_success),
            _moment(each.last_verified_restore), '–' if age is None else spoken(age),
            spoken(each.promised_recovery_point_seconds),
        )  # fmt: skip
    results.print(table)
    for each in known:
        for reason in each.reasons[:SHOWN_REASONS]:
            results.print(Text(f'  {each.name}: {reason.en}', style=COLOUR[reason.state]), soft_wrap=True)
        if len(each.reasons) > SHOWN_REASONS:
            results.print(f'  {each.name}: and {len(each.reasons) - SHOWN_REASONS} more; --json has them all')
    for sentence in silent.values():
        results.print(Text(f'  {sentence}', style='red'), soft_wrap=True)


def print_snapshots(places: Sequence[Mapping[str, Any]]) -> None:
    """Given what both places hold, print a line a snapshot."""
    table = Table(box=None, padding=(0, 1), pad_edge=True, collapse_padding=True)
    for column in ('snapshot', 'policy', 'host', 'place', 'taken (UTC)', 'files', 'MB'):
        side: JustifyMethod = 'right' if column in {'files', 'MB'} else 'left'
        table.add_column(
            column, justify=side, no_wrap=column in NAMES, overflow='fold', min_width=len(column.partition(' ')[0])
        )
    for place in places:
        for each in place['snapshots'] or ():
            table.add_row(
                short(each['identity']), each['policy'], each['host'], place['place'],
                each['started'][:19].replace('T', ' '), str(each['files']), f'{each["source_bytes"] / 1e6:.1f}',
            )  # fmt: skip
    if table.row_count:
        results.print(table)
    for sentence in _without(places):
        results.print(Text(f'  {sentence}', style='yellow'), soft_wrap=True)
    for place in places:
        if place['snapshots'] is None and place['failure'] != ExitClass.NO_REPOSITORY.word:
            sentence = f'  {place["repository"]} of {place["host"]}, {place["place"]}: {place["sentence"]}'
            results.print(Text(sentence, style='red'), soft_wrap=True)


def _without(places: Iterable[Mapping[str, Any]]) -> list[str]:
    """Given what both places hold, say where there is nothing, in a sentence a repository and place."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for each in places:
        if each['snapshots'] == [] or each.get('failure') == ExitClass.NO_REPOSITORY.word:
            hosts.setdefault((each['repository'], each['place']), []).append(each['host'])
    return [
        f'{repository} of {", ".join(sorted(names))}, {place}: nothing there'
        for (repository, place), names in sorted(hosts.items())
    ]


def _moment(at: datetime | None) -> str:
    return '–' if at is None else f'{at:%m-%d %H:%M}'


def print_lag(lag: Measured | None) -> None:
    """Given a measurement of the replica of the other site, if there is one, print it."""
    if lag is None:
        return
    changes = '' if lag.lag.changes is None else f', {lag.lag.changes} changes'
    behind = f'{lag.lag.seconds:.1f} s{changes} behind' if lag.lag.seconds is not None else UNKNOWN_LAG
    text = f'  {lag.replica} follows the database: {behind}'
    results.print(Text(text, style='red' if lag.lag.problems else 'green'), soft_wrap=True)
    for problem in lag.lag.problems:
        results.print(Text(f'  {lag.replica}: {problem}', style='red'), soft_wrap=True)


def short(identity: str) -> str:
    """Given the identity of a snapshot, return as much of it as people need: a label of pgBackRest is needed whole."""
    return identity if '-' in identity else identity[:8]
