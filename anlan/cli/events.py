"""`anlan events`: what the hosts of the boundary saw and did, as both monitoring hosts keep it; and what they keep."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from anlan.cli.event_stores import show_stores, show_verification
from anlan.cli.observing import NotObserved, observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.printable import printable
from anlan.console import print_json, results
from anlan.errors import EXIT_FAILED, BadInput
from anlan.platform import load_platform
from anlan.remote import Remote, Unreachable
from monitoring.events import (
    EPOCH,
    NAMES,
    Answer,
    Event,
    EventListing,
    Row,
    answer_of,
    judge,
    moment_of,
    monitors_of,
    name_of,
    network_of,
    request_of,
    rows_of,
    source_of,
)

PROGRAM = ('sudo', '/usr/local/lib/anlan/event-read')
COMMAND_SECONDS = 60.0
SETTLED_SECONDS = 5.0
"""So long is asked again where the monitoring hosts differ."""

ROWS = 50
FETCHED, FETCHED_JSON = 1000, 10000
"""So many events are asked for of each host, or as many as are wanted."""

COLUMNS = ('time (UTC)', 'host', 'event', 'from → to', 'action', 'what')
GIVING = ((5, 32), (3, 0), (4, 0), (2, 0), (1, 0), (5, 0))
"""Columns that become narrower on a narrow terminal, in this order, and down to what. The time stays whole."""

WORDS = (14, 40, 15, 60, 20, 40)
"""A word that is longer than this is broken on a narrow terminal. Addresses and names of hosts are shorter."""

WHAT_SMALLEST = 16
ROOMY = 100
NUMBER = re.compile(r', request [0-9a-f?]{1,64}\)$')


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'events',
        epilog='Exit codes: 0 both monitoring hosts have the same · 1 one lacks events, or was not observed · '
        '2 it does not stand, no monitoring host can be observed, or the platform file or an option is wrong. '
        '--stores and --verify: 1 if anything is amiss.',
    )(events)


def events(
    *,
    platform: PlatformFile = DEFAULT_PLATFORM,
    since: Annotated[
        str | None,
        typer.Option(
            '--since', help='90s, 10m, 1h, 7d, or a time (UTC). Without it 1h; with --request, all that is kept.'
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            '--type',
            help=f'Only these events (`event` of the JSON): {", ".join(NAMES)}; may be repeated. '
            'Without it, all but backup.',
        ),
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option('--source', help='Only from this address or network (IPv4, IPv6); may be repeated.'),
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(
            '--request', help='Only the refusal with this number, which the page "Request refused" shows; in full.'
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            '--limit',
            min=1,
            max=100000,
            help=f'Print the newest rows, so many at most ({ROWS}). With --json: the newest events, the oldest first; '
            f'without it, all of them, up to {FETCHED_JSON} of each host.',
        ),
    ] = None,
    stores: Annotated[
        bool,
        typer.Option(
            '--stores', help='Say instead what each monitoring host keeps of every host, since when, and for how long.'
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            '--verify', help='Hold instead all that is kept against the chains of what came in; takes minutes.'
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Say what the firewalls, edges, balancers and application hosts saw and did: when, who, against whom, and what.

    Both monitoring hosts are asked. What one of them lacks is said, once it is 10 s old. What several hosts tell within
    2 s is one row of the table; --json has every event. A host of which nothing came for 15 min is named.
    """
    if stores and verify:
        raise BadInput('--stores, --verify: are two questions; ask one of them')
    if stores or verify:
        if since or kinds or sources or request or limit:
            raise BadInput('--stores, --verify: are about all that is kept; without --since, --type and the like')
        raise typer.Exit((show_verification if verify else show_stores)(load_platform(platform), json))
    now = datetime.now(UTC)
    number = None if request is None else request_of(request)
    moment = EPOCH if since is None and number else moment_of('1h' if since is None else since, now)
    fetched = limit or FETCHED_JSON if json else max(limit or ROWS, FETCHED)
    words = ['--since', f'{moment.timestamp():.6f}', '--limit', str(fetched)]
    words += [word for kind in kinds or () for word in ('--type', name_of(kind))]
    words += [word for source in sources or () for word in ('--source', network_of(source))]
    words += ['--request', number] if number else []
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        listing = settled(remote, monitors_of(outputs), words, fetched)
    if json:
        print_json((listing.newest(limit) if limit else listing).document())
    elif number:
        print_details(listing)
    else:
        print_listing(listing, limit or ROWS)
    raise typer.Exit(EXIT_FAILED if listing.findings else 0)


def settled(remote: Remote, monitors: Sequence[str], words: Sequence[str], limit: int) -> EventListing:
    """Given the monitoring hosts, return the events; where they differ, once what is under way has arrived.

    Raise NotObserved if none of them says anything.
    """
    begun, end = datetime.now(UTC), time.monotonic() + SETTLED_SECONDS
    while True:
        answers = asked(remote, monitors, words)
        if not any(isinstance(answer, Answer) for answer in answers.values()):
            reasons = '; '.join(f'{monitor}: {answer}' for monitor, answer in answers.items())
            raise NotObserved(f'no monitoring host says anything of events: {printable(reasons)}')
        # Of the first question's time: what happened since then is as young as it was.
        listing = judge(answers, limit, begun)
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


def print_listing(listing: EventListing, limit: int = ROWS) -> None:
    """Given the events and how many rows to show, print the newest as a table, what is amiss, and how many are left."""
    rows = rows_of(listing.events)
    if rows:
        results.print(table_of([row_of(row) for row in rows[-limit:]], results.width), crop=False)
    elif not listing.findings:
        results.print('No events.')
    print_findings(listing)
    if len(rows) > limit:
        # What is older than the oldest that a host was asked for is not counted.
        least = 'at least ' if listing.cut else ''
        results.print(
            f'The newest {limit} of {least}{len(rows)} rows; `--limit {len(rows)}` shows the other '
            f'{len(rows) - limit}, --since, --type and --source choose among them.',
            markup=False, soft_wrap=True,
        )  # fmt: skip


def print_details(listing: EventListing) -> None:
    """Given the events of one request, print what is known of each, a line for each thing, none of them broken."""
    for event in listing.events:
        details = {
            'request': event.request, 'time': f'{event.time:%Y-%m-%d %H:%M:%S} UTC', 'host': event.host,
            'event': f'{event.event} {event.type}'.strip(), 'from': source_of(event), 'to': event.target,
            'action': event.action, 'what': words_of(event), 'rules': event.rules,
        }  # fmt: skip
        for name, value in details.items():
            if value:
                results.print(Text(f' {name:<9}{printable(value)}'), soft_wrap=True)
        results.print()
    if not listing.events and not listing.findings:
        results.print('No event with this number is kept.')
    print_findings(listing)


def print_findings(listing: EventListing) -> None:
    """Given a listing, print what is amiss."""
    for finding in listing.findings:
        results.print(Text(f'  {printable(finding)}', style='red'), soft_wrap=True)


def table_of(rows: Sequence[Sequence[str]], width: int) -> Table:
    """Given rows and how many columns a terminal has, return a table in which no address or name is broken.

    Where that needs more than the terminal has, the table is wider than the terminal.
    """
    gap = 2 if width >= ROOMY else 1
    widths, least = [], []
    for cells, longest in zip(zip(COLUMNS, *rows, strict=True), WORDS, strict=True):
        widths.append(max(map(cell_len, cells)))
        least.append(min(longest, max(cell_len(word) for cell in cells for word in cell.split() or [''])))
    least[0], least[-1] = widths[0], min(widths[-1], max(least[-1], WHAT_SMALLEST))
    for index, floor in GIVING:
        widths[index] = max(
            least[index], min(floor, widths[index]), widths[index] - max(0, sum(widths) + gap * len(widths) - width)
        )
    whole = sum(widths) + gap * len(widths)
    table = Table(box=None, padding=(0, gap, 0, 0), width=whole if whole > width else None)
    for column, given in zip(COLUMNS, widths, strict=True):
        table.add_column(Text(column), width=given, overflow='fold')
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def row_of(row: Row) -> tuple[str, ...]:
    """Given a row, return what stands in it, without what steers a terminal: attackers have words in it."""
    event = row.first
    # Of several hosts that each tell of themselves, the hosts' names say it all.
    targets = [target for target in row.targets if len(row.hosts) == 1 or target not in row.hosts]
    target = targets[0] if targets else ''
    more = f' and {len(targets) - 1} more' if len(targets) > 1 else ''
    kind = f'{event.event} {event.type}'.strip()
    way = ' → '.join(printable(side) for side in (source_of(event), f'{target}{more}') if side)
    count = f' ({row.count} events)' if row.count > len(row.hosts) else ''
    cells = (f'{event.time:%m-%d %H:%M:%S}', ', '.join(row.hosts), kind, event.action, f'{words_of(event)}{count}')
    return (*map(printable, cells[:3]), way, *map(printable, cells[3:]))


def words_of(event: Event) -> str:
    """Given an event, return why it came about, else what was said.

    Without what stands elsewhere: who, against whom, and a request's number, which would be broken.
    """
    way = f': {event.source} → {event.target} ({event.action})'
    return event.reason or NUMBER.sub(')', event.message.removeprefix(f'{event.source} ').removesuffix(way))
