"""`anlan status`: the platform as its clients see it, and every host."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.observing import observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.console import print_json, results, step
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.secret_store import read_secret
from monitoring.collect import collect
from monitoring.status import EXIT_CODE, Status, judge

NUMBERS = ('lag', 'certificate', 'clock')
SHORT_RELEASE = 8

MARK = {'ok': ('✓', 'green'), 'degraded': ('!', 'yellow'), 'down': ('✗', 'red')}
SENTENCE = {
    'ok': 'All is well.',
    'degraded': 'Degraded: learners are served, but something is missing.',
    'down': 'Down: no client can learn.',
}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'status',
        epilog='Exit codes: 0 all is well · 1 degraded, redundancy is lost · 2 down: no client can learn, '
        'it does not stand, it cannot be observed, or the platform file is wrong.',
    )(status)


def status(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """Walk a learner's journey from every client, ask every host, and say what is missing."""
    file = load_platform(platform)
    if json:
        found = check_status(file)
        print_json(found.document())
    else:
        with step('Asking every host and client'):
            found = check_status(file)
        print_status(found)
    raise typer.Exit(EXIT_CODE[found.state])


def check_status(platform: Platform, outdated: Collection[str] = ()) -> Status:
    """Given a platform that stands, collect and judge. Raise AnlanError if it does not stand or is not observed.

    What the `outdated` hosts, still to be made anew, never had is not missed on them.
    """
    with observing(platform) as (remote, outputs):
        password = read_secret(PlatformPaths.of(platform.name).secrets, 'journey_password')
        require_bastion(platform, remote)
        return judge(collect(remote, outputs, password), outdated)


def print_status(found: Status) -> None:
    """Given a status, print it as tables for people."""
    mark, colour = MARK[found.state]
    results.print(Text(f'{mark} {found.platform}  {SENTENCE[found.state]}', style=colour))
    results.print(f'  front door  {found.front_door}   checked {found.checked_at}', markup=False)
    results.print(_hosts_table(found))
    results.print(_virtual_table(found))
    results.print(_journey_table(found))
    for lost in found.lost_redundancy:
        results.print(Text(f'  redundancy lost: {lost}', style='yellow'))
    for reason in found.reasons:
        results.print(Text(f'  {reason}', style='yellow'))


def _hosts_table(found: Status) -> Table:
    lag = {replica['name']: replica['lag_bytes'] for replica in found.database.get('replicas', [])}
    table = _marked('host', [host.name for host in found.hosts])
    for column in ('tier', 'role', 'lag', 'certificate', 'clock', 'release'):
        table.add_column(column, justify='right' if column in NUMBERS else 'left', no_wrap=column != 'role')
    for host in found.hosts:
        mark, colour = MARK[host.state]
        days = f'{host.certificate_days:.0f} d' if host.certificate_days is not None else '–'
        offset = f'{host.clock_offset_seconds * 1000:+.1f} ms' if host.clock_offset_seconds is not None else '–'
        behind = lag.get(host.name)
        table.add_row(
            Text(mark, style=colour), host.name, host.tier, ', '.join(dict.fromkeys(host.roles)),
            _size(behind) if behind is not None else '', days, offset, (host.release or '')[:SHORT_RELEASE],
        )  # fmt: skip
    return table


def _virtual_table(found: Status) -> Table:
    table = _marked('virtual address', [row['name'] for row in found.virtual_addresses])
    for column in ('zone', 'address', 'held by'):
        table.add_column(column, overflow='fold')
    for row in found.virtual_addresses:
        good = len(row['holders']) == 1
        mark, colour = MARK['ok' if good else 'degraded']
        table.add_row(
            Text(mark, style=colour), row['name'], row['zone'], row['address'], ', '.join(row['holders']) or 'nobody'
        )
    return table


def _journey_table(found: Status) -> Table:
    names = list(dict.fromkeys(item['name'] for row in found.journey for item in row['steps']))
    table = _marked('journey, ms', [row['client'] for row in found.journey])
    for name in names:
        table.add_column(name.replace('_', ' '), justify='right', min_width=max(map(len, name.split('_'))))
    table.add_column('mean', justify='right')
    for row in found.journey:
        mark, colour = MARK['ok' if row['ok'] else 'down']
        by_name: dict[str, Any] = {item['name']: item for item in row['steps']}
        cells = [_milliseconds(by_name.get(name)) for name in names]
        mean = f'{row["mean_seconds"] * 1000:.0f}' if row['mean_seconds'] is not None else '–'
        table.add_row(Text(mark, style=colour), row['client'], *cells, mean)
    return table


def _marked(title: str, names: Sequence[str]) -> Table:
    """Given a title and names, return a table of a mark and the name, neither of which a narrow terminal may cut."""
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    table.add_column('', no_wrap=True, min_width=1)
    table.add_column(title, no_wrap=True, min_width=max(map(len, (title, *names))))
    return table


def _milliseconds(item: dict[str, Any] | None) -> str:
    if item is None:
        return '–'
    return f'{item["seconds"] * 1000:.0f}' if item['ok'] else 'failed'


def _size(count: int) -> str:
    return f'{count} B' if count < 10_000 else f'{count / 1024:.0f} KiB'
