"""`anlan reach`: what passes between the zones, tried from every host, held against what the platform declares."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.console import print_json, results, step
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from infra.connect import connect
from infra.outputs_file import read_outputs
from monitoring.collect import collect_reachability
from monitoring.reachability import Reachability, attempts_of, judge

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'reach',
        epilog='Exit codes: 0 what is declared passes and nothing else does · 1 something differs, or was not observed '
        '· 2 it does not stand, or the platform file is wrong.',
    )(reach)


def reach(
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
    every: Annotated[bool, typer.Option('--all', help=f'Print every finding, not the first {SHOWN}.')] = False,
) -> None:
    """Try every zone from every host: what is declared must pass, and nothing else.

    Some 4,000 connections, closed at once, and pings. Says also which rules of the firewalls no packet has used since
    they were loaded, and which no flow declares.
    """
    file = load_platform(platform)
    if json:
        found = check_reachability(file)
        print_json(found.document())
    else:
        with step('Trying every zone from every host'):
            found = check_reachability(file)
        print_reachability(found, None if every else SHOWN)
    raise typer.Exit(1 if found.findings else 0)


def check_reachability(platform: Platform) -> Reachability:
    """Given a platform that stands, try and judge. Raise AnlanError if it does not stand."""
    paths = PlatformPaths.of(platform.name)
    outputs = read_outputs(paths.outputs)
    attempts = attempts_of(outputs)
    with connect(platform, paths, outputs) as remote:
        answers, rules, unreachable = collect_reachability(remote, outputs, attempts)
    return judge(outputs, attempts, answers, unreachable, rules)


def print_reachability(found: Reachability, limit: int | None) -> None:
    """Given what was found, print it as a table of zones and a list of findings."""
    zones = list(found.zones)
    targets = list(dict.fromkeys([*zones, *(target for row in found.zones.values() for target in row), 'outside']))
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('from \\ to', *targets):
        table.add_column(Text(column), no_wrap=True)
    for zone in zones:
        cells = []
        for target in targets:
            names = found.zones[zone].get(target, ())
            cells.append(Text('!', style='red') if '!' in names else Text(str(len(names)) if names else '·'))
        table.add_row(zone, *cells)
    good = not found.findings
    text = 'Only what is declared passes.' if good else f'{len(found.findings)} differ from what is declared.'
    results.print(Text(f'{"✓" if good else "✗"} {text}', style='green' if good else 'red'))
    results.print(f'  {found.tried} tried between zones, {found.passed} passed. Declared flows that passed, by zone:')
    results.print(table)
    for finding in found.findings[:limit]:
        results.print(Text(f'  {finding.kind}: {finding.what}: {finding.reason}', style='red'), soft_wrap=True)
    if limit is not None and len(found.findings) > limit:
        results.print(f'  and {len(found.findings) - limit} more; --all prints them')
    if found.never_used:
        results.print(
            Text(f'  no packet has used, since the rules were loaded: {", ".join(found.never_used)}', style='yellow')
        )
