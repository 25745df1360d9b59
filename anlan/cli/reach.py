"""`anlan reach`: what passes between the zones, tried from every host, held against what the platform declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.block_list import spare
from anlan.cli.observing import observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.recording import Recording
from anlan.console import json_text, messages, print_json, results, step
from anlan.platform import Platform, load_platform
from monitoring.block_list import enforcers_of
from monitoring.collect import collect_reachability
from monitoring.reachability import UNDECLARED, UNSEEN, Reachability, attempts_of, judge, outside_addresses

SHOWN = 20
SPARED_SECONDS = 30.0


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'reach',
        epilog='Exit codes: 0 what is declared passes and nothing else does · 1 something differs, or was not observed '
        '· 2 it does not stand, it cannot be observed, or the platform file is wrong.',
    )(reach)


def reach(
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
    every: Annotated[bool, typer.Option('--all', help=f'Print every finding, not the first {SHOWN}.')] = False,
) -> None:
    """Try every zone from every host: what is declared must pass, and nothing else.

    Thousands of connections, closed at once. Names rules that nothing has used, and rules that no flow declares.
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
    """Given a platform that stands, try and judge. Raise AnlanError if it does not stand or is not observed."""
    with observing(platform) as (remote, outputs):
        require_bastion(platform, remote)
        recording = Recording.begun(platform, 'reachability', 'every zone from every host', outputs)
        attempts = attempts_of(outputs)
        # From outside this is a scan. What sees it would shut our clients out in the middle of it.
        unspared = spare(remote, enforcers_of(outputs), outside_addresses(outputs), SPARED_SECONDS, 'anlan reach')
        for reason in unspared:
            messages.print(f'the block list may disturb what is tried: {reason}', style='yellow', markup=False)
        answers, rules, unreachable = collect_reachability(remote, outputs, attempts)
    found = judge(outputs, attempts, answers, unreachable, rules)
    kinds = {finding.kind for finding in found.findings}
    recording.ended(
        'pass' if not kinds else 'not-verified' if kinds == {UNSEEN} else 'fail',
        {'tried': found.tried, 'passed': found.passed, 'findings': len(found.findings)},
        {'reachability.json': json_text(found.document()).encode()},
    )
    return found


def print_reachability(found: Reachability, limit: int | None) -> None:
    """Given what was found, print it as a table of zones and a list of findings."""
    targets = list(next(iter(found.zones.values()), {}))
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('from \\ to', *targets):
        table.add_column(Text(column), no_wrap=True)
    for zone, row in found.zones.items():
        cells = (Text('!', style='red') if UNDECLARED in row[each] else _count(row[each]) for each in targets)
        table.add_row(zone, *('' if each == zone else cell for each, cell in zip(targets, cells, strict=True)))
    unseen = sum(finding.kind == UNSEEN for finding in found.findings)
    differ = len(found.findings) - unseen
    text = f'{differ} differ from what is declared.' if differ else 'Only what is declared passes.'
    if unseen:
        text = f'{text if differ or found.tried else ""} {unseen} could not be observed.'.strip()
    good = not found.findings
    results.print(Text(f'{"✓" if good else "✗"} {text}', style='green' if good else 'red'))
    results.print(f'  {found.tried} connections tried between zones, {found.passed} passed.')
    results.print('  How many declared flows passed from one zone to another (! something that none declares):')
    results.print(table)
    for finding in found.findings[:limit]:
        results.print(Text(f'  {finding.kind}: {finding.what}: {finding.reason}', style='red'), soft_wrap=True)
    if limit is not None and len(found.findings) > limit:
        results.print(f'  and {len(found.findings) - limit} more; --all prints them')
    if found.never_used:
        names = ', '.join(found.never_used)
        results.print(Text(f'  not used by any packet before: {names}', style='yellow'), soft_wrap=True)


def _count(flows: Sequence[str]) -> Text:
    return Text(str(len(flows)) if flows else '·')
