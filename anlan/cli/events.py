"""`anlan events`: what the hosts of the boundary saw and did, as both monitoring hosts keep it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.observing import NotObserved, observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.console import print_json, results
from anlan.errors import EXIT_FAILED
from anlan.platform import load_platform
from anlan.remote import Remote, Unreachable
from monitoring.events import Answer, Event, EventListing, answer_of, judge, moment_of, monitors_of

PROGRAM = ('sudo', '/usr/local/lib/anlan/event-read')
COMMAND_SECONDS = 60.0
SETTLED_SECONDS = 5.0
"""Within this, an event that is on its way to one of two monitoring hosts has arrived."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'events',
        epilog='Exit codes: 0 both monitoring hosts have the same · 1 one lacks events, or was not observed · '
        '2 it does not stand, no monitoring host can be observed, or the platform file or an option is wrong.',
    )(events)


def events(
    *,
    platform: PlatformFile = DEFAULT_PLATFORM,
    since: Annotated[str, typer.Option('--since', help='90s, 10m, 1h, 7d, or a time (UTC).')] = '1h',
    kinds: Annotated[
        list[str] | None, typer.Option('--type', help='Only of this type (block, intrusion, …); may be repeated.')
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option('--source', help='Only from this address; may be repeated.')
    ] = None,
    limit: Annotated[
        int, typer.Option('--limit', min=1, max=100000, help='The newest of each host, at most so many.')
    ] = 1000,
    json: Json = False,
) -> None:
    """Say what the firewalls, edges, balancers and application hosts saw and did: when, who, against whom, and what.

    Both monitoring hosts are asked. What one of them lacks is said.
    """
    moment = moment_of(since, datetime.now(UTC))
    words = ['--since', f'{moment.timestamp():.6f}', '--limit', str(limit)]
    words += [word for kind in kinds or () for word in ('--type', kind)]
    words += [word for source in sources or () for word in ('--source', source)]
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        listing = settled(remote, monitors_of(outputs), words, limit)
    if json:
        print_json(listing.document())
    else:
        print_listing(listing)
    raise typer.Exit(EXIT_FAILED if listing.findings else 0)


def settled(remote: Remote, monitors: Sequence[str], words: Sequence[str], limit: int) -> EventListing:
    """Given the monitoring hosts, return the events; where they differ, once what is under way has arrived.

    Raise NotObserved if none of them says anything.
    """
    end = time.monotonic() + SETTLED_SECONDS
    while True:
        answers = asked(remote, monitors, words)
        if not any(isinstance(answer, Answer) for answer in answers.values()):
            reasons = '; '.join(f'{monitor}: {answer}' for monitor, answer in answers.items())
            raise NotObserved(f'no monitoring host says anything of events: {printable(reasons)}')
        listing = judge(answers, limit)
        if not listing.findings or time.monotonic() >= end:
            return listing
        time.sleep(0.5)


def asked(remote: Remote, monitors: Sequence[str], words: Sequence[str]) -> dict[str, Answer | str]:
    """Given the monitoring hosts, ask all of them at once and return what they say."""
    answers: dict[str, Answer | str] = {}
    for monitor, result in remote.run_on_all(monitors, [*PROGRAM, *words], COMMAND_SECONDS).items():
        if isinstance(result, Unreachable):
            answers[monitor] = str(result)
        elif result.code != 0 and not result.out.strip():
            lines = result.err.strip().splitlines()
            answers[monitor] = lines[-1][-200:] if lines else 'it gave no answer'
        else:
            answers[monitor] = answer_of(result.out)
    return answers


def print_listing(listing: EventListing) -> None:
    """Given the events, print them as a table, and what is amiss."""
    if listing.events:
        table = Table(box=None, padding=(0, 1), pad_edge=True)
        for column, whole in (('time (UTC)', True), ('host', True), ('event', False), ('from → to', False),
                              ('action', True), ('what', False)):  # fmt: skip
            # On a narrow terminal the texts fold; when and where something was seen stays on one line.
            table.add_column(Text(column), no_wrap=whole, overflow='fold', min_width=8 if not whole else None)
        for event in listing.events:
            table.add_row(*map(Text, row_of(event)))
        results.print(table)
    elif not listing.findings:
        results.print('No events.')
    for finding in listing.findings:
        results.print(Text(f'  {printable(finding)}', style='red'), soft_wrap=True)


def row_of(event: Event) -> tuple[str, ...]:
    """Given an event, return what stands in its row, without what steers a terminal: attackers have words in it."""
    moment = f'{event.time:%m-%d %H:%M:%S}'
    kind = f'{event.event} {event.type}'.strip()
    way = ' → '.join(side for side in (event.source, event.target) if side)
    return tuple(map(printable, (moment, event.host, kind, way, event.action, event.reason or event.message)))


def printable(text: str) -> str:
    """Given text from outside, return it with a dot for each character that cannot be printed."""
    return ''.join(character if character.isprintable() else '·' for character in text)
