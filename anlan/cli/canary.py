"""`anlan canary`: a person who is nobody registers, and is searched for in plain text on every host."""

from __future__ import annotations

import math
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.observing import observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.recording import Recording
from anlan.console import Step, json_text, print_json, results, step
from anlan.errors import AnlanError, BadInput
from anlan.paths import ROOT
from anlan.platform import Platform, load_platform
from compliance.canary import Canary, Hosts, HostSearch, examine
from compliance.canary import register as register_canary

MARK = {'pass': ('✓', 'green'), 'not-verified': ('?', 'yellow'), 'fail': ('✗', 'red')}
SENTENCE = {
    'pass': 'Personal data was found in plain text nowhere.',
    'not-verified': 'Not verified: no personal data was found, but not everything could be searched.',
    'fail': 'Personal data stands in plain text.',
}
HOST_SECONDS = 300.0
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'canary',
        epilog='Exit codes: 0 found nowhere · 1 found in plain text, or not verified · 2 it does not stand, it cannot '
        'be observed, or the platform file is wrong.',
    )(canary)


def canary(
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
    host_seconds: Annotated[
        float, typer.Option('--host-seconds', help='How long one host may be searched.')
    ] = HOST_SECONDS,
) -> None:
    """Register a person who is nobody, search every host for name, number and phone in plain text, and delete it.

    A control in plain text that the search must find is planted in the database and taken away. Low priority; the
    memory of processes is out of scope, but Valkey's.
    """
    if not math.isfinite(host_seconds) or host_seconds <= 0:
        raise BadInput('--host-seconds: wanted a number of seconds above 0')
    file = load_platform(platform)
    if json:
        found = check_canary(file, host_seconds)
        print_json(found.document())
    else:
        with step('Searching for a canary') as shown:
            found = check_canary(file, host_seconds, shown)
        print_canary(found)
    raise typer.Exit(0 if found.verdict == 'pass' else 1)


def check_canary(platform: Platform, host_seconds: float = HOST_SECONDS, shown: Step | None = None) -> Canary:
    """Given a platform that stands, examine it. Raise AnlanError if it does not stand or is not observed."""
    with observing(platform) as (remote, outputs):
        require_bastion(platform, remote)
        client = next((name for name, host in outputs['hosts'].items() if host['tier'] == 'client'), None)
        if client is None:
            raise AnlanError(f'{platform.name} has no client that a canary could register from')
        door = outputs['variables']['platform']['front_door']
        url = f'https://{door["name"]}{"" if door["port"] == 443 else ":" + str(door["port"])}/'
        browser = (ROOT / 'monitoring' / 'learner.py').read_text(encoding='utf-8')
        hosts, done = Hosts.of(outputs), 0

        def searched(found: HostSearch) -> None:
            nonlocal done
            done += 1
            if shown is not None:
                shown.total(len(hosts.every))
                shown.done(done)

        recording = Recording.begun(platform, 'canary', 'personal data in plain text on any host', outputs)
        found = examine(
            remote, hosts, lambda person: register_canary(remote, client, url, browser, person),
            host_seconds=host_seconds, note=shown.note if shown is not None else lambda _: None, searched=searched,
        )  # fmt: skip
    recording.ended(
        found.verdict,
        {
            'hosts': len(found.searches),
            'files': sum(search.counts.get('files', 0) for search in found.searches.values()),
            'bytes': sum(search.counts.get('bytes', 0) for search in found.searches.values()),
            'reasons': len(found.reasons),
        },
        {'canary.json': json_text(found.document()).encode()},
    )
    return found


def print_canary(found: Canary) -> None:
    """Given what was found, print it for people."""
    mark, colour = MARK[found.verdict]
    results.print(Text(f'{mark} {SENTENCE[found.verdict]}', style=colour))
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('host', 'files', 'MB', 'opened', 'journals', 'not searched', 'seconds'):
        table.add_column(column, justify='left' if column == 'host' else 'right', no_wrap=True)
    for name, search in sorted(found.searches.items()):
        counts = [search.counts.get(key, 0) for key in ('files', 'bytes', 'opened', 'journals')]
        counts[1] //= 1_000_000
        table.add_row(name, *map(str, counts), str(search.places_skipped), f'{search.seconds:.0f}')
    results.print(table)
    for reason in found.reasons[:SHOWN]:
        results.print(Text(f'  {reason}', style=colour), soft_wrap=True)
    if len(found.reasons) > SHOWN:
        results.print(f'  and {len(found.reasons) - SHOWN} more; --json prints them')
