"""`anlan block list`, `add`, `remove`: who is shut out on the firewalls and edges, and an operator's own decisions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.observing import NotObserved, observing, require_bastion
from anlan.cli.operating import operating
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.console import print_json, results
from anlan.errors import EXIT_FAILED, AnlanError, BadInput
from anlan.platform import Platform, load_platform
from anlan.remote import Remote, Unreachable
from monitoring.block_list import BlockListing, answer_of, enforcers_of, judge, missing

PROGRAM = ('sudo', 'python3', '-B', '/usr/local/lib/anlan/block_list')
COMMAND_SECONDS = 15.0
LONGEST_SECONDS = 30 * 86400
REASON_CHARACTERS = 160
"""The longest that the enforcers shut a source out for."""

SETTLED_SECONDS = 5.0
"""Within this, two hosts that differ because a decision is under way no longer differ."""

IPV6_LENGTH = 64
REASON_WIDTH = 24
"""Columns that a reason has at least: it is folded within them, and never cut."""

CODES = (
    'Exit codes: 0 done, and so on every enforcer · 1 refused, or not so on every enforcer · 2 bad input, the platform '
    'file is wrong, it does not stand, or it cannot be observed · 130 interrupted.'
)
Source = Annotated[
    str, typer.Argument(help='An IPv4 address, or an IPv6 /64. One IPv6 address stands for the whole /64 it is in.')
]
Reason = Annotated[str, typer.Option('--reason', help='Why; it stands in the list and in the journal.')]

app = typer.Typer(help='Sources that are shut out on every firewall and edge.', no_args_is_help=True)


@app.command(
    'list',
    epilog='Exit codes: 0 every enforcer shuts out the same · 1 they differ, or one was not observed · '
    '2 the platform file is wrong, it does not stand, or it cannot be observed.',
)
def list_blocks(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """Say who is shut out, why, since and until when, and where; name every difference between the enforcers."""
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        listing = settled(remote, enforcers_of(outputs))
    if json:
        print_json(listing.document())
    else:
        print_listing(listing)
    raise typer.Exit(EXIT_FAILED if listing.findings else 0)


@app.command('add', epilog=CODES)
def add(
    source: Source,
    reason: Reason,
    *,
    platform: PlatformFile = DEFAULT_PLATFORM,
    seconds: Annotated[
        int | None,
        typer.Option(
            '--seconds',
            min=1,
            max=LONGEST_SECONDS,
            help=f'For how long, {LONGEST_SECONDS} s (30 days) at most; as the platform file says without it.',
        ),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Shut SOURCE out on every firewall and edge. Addresses of the platform are refused, but not a lab's clients."""
    require_source(source)
    require_reason(reason)
    file = load_platform(platform)
    wanted = file.block_list.seconds if seconds is None else seconds
    words = ['add', f'--reason={reason}', f'--seconds={wanted}', '--', source]
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        with _operating(file, 'block add', dry_run) as noted:
            document = decide(remote, enforcers_of(outputs), words, shut_out=True, dry_run=dry_run)
            noted |= {'prefix': document['prefix'], 'reason': reason, 'seconds': wanted, 'not_on': document['not_on']}
    notes = [f'the whole /64 that {source} is in'] if is_widened(source, document['prefix']) else []
    before = document['before_seconds']
    if before is not None and before > wanted:
        notes.append(f'{"is" if dry_run else "was"} shut out for another {before} s')
    report(document | {'seconds': wanted}, json, f'shut out for {wanted} s', notes)


@app.command('remove', epilog=CODES)
def remove(
    source: Source,
    reason: Reason = 'by hand',
    platform: PlatformFile = DEFAULT_PLATFORM,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let SOURCE in again everywhere."""
    require_source(source)
    require_reason(reason)
    file = load_platform(platform)
    words = ['remove', f'--reason={reason}', '--', source]
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        with _operating(file, 'block remove', dry_run) as noted:
            document = decide(remote, enforcers_of(outputs), words, shut_out=False, dry_run=dry_run)
            noted |= {'prefix': document['prefix'], 'reason': reason, 'not_on': document['not_on']}
    report(document, json, 'let in again')


def _operating(platform: Platform, command: str, dry_run: bool) -> AbstractContextManager[dict[str, Any]]:
    nothing: dict[str, Any] = {}
    return nullcontext(nothing) if dry_run else operating(platform, command)


def require_source(source: str) -> None:
    """Given a source as it was typed, raise BadInput if it is no IPv4 address, IPv6 address or IPv6 /64."""
    try:
        # What stands behind a percent sign names a link of one host.
        network = None if '%' in source else ip_network(source)
    except ValueError:
        network = None
    if network is None:
        raise BadInput(f'{source[:60]!r} is no address')
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if network.prefixlen < (network.max_prefixlen if network.version == 4 or mapped else IPV6_LENGTH):
        raise BadInput(f'{source} is wider than one IPv4 address or one IPv6 /{IPV6_LENGTH}')


def require_reason(reason: str) -> None:
    """Given a reason, raise BadInput if it says nothing, is longer than the list keeps, or is no text."""
    if not reason.strip():
        raise BadInput('--reason is empty: say why, for those who read the list')
    if len(reason) > REASON_CHARACTERS:
        raise BadInput(f'--reason has {len(reason)} characters; the list keeps {REASON_CHARACTERS}')
    if not reason.isprintable():
        raise BadInput('--reason is one line of text in UTF-8')


def is_widened(source: str, prefix: str) -> bool:
    """Given a source and the prefix that stands for it, return whether one IPv6 address became its /64."""
    return '/' in prefix and ip_network(source).num_addresses == 1


def settled(remote: Remote, enforcers: list[str]) -> BlockListing:
    """Given the enforcers, return what they shut out; where they differ, once a decision under way has arrived."""
    end = time.monotonic() + SETTLED_SECONDS
    while True:
        listing = asked(remote, enforcers)
        if not listing.findings or time.monotonic() >= end:
            return listing
        time.sleep(0.5)


def asked(remote: Remote, enforcers: list[str]) -> BlockListing:
    """Given the enforcers, ask all of them at once and return what they say."""
    answers: dict[str, dict[str, Any] | str] = {}
    for host, result in remote.run_on_all(enforcers, [*PROGRAM, 'list'], COMMAND_SECONDS).items():
        if isinstance(result, Unreachable):
            answers[host] = str(result)
        else:
            answers[host] = answer_of(result.out) if result.out else last_line(result.err)
    return judge(answers)


def decide(remote: Remote, enforcers: list[str], words: list[str], *, shut_out: bool, dry_run: bool) -> dict[str, Any]:
    """Given a decision, have the first enforcer that answers make it, and see that it holds on all.

    `before_seconds` is how long the source was shut out for already, None if it was not or is let in. Raise Refused if
    they say no, NotObserved if no enforcer answers.
    """
    silent = []
    for host in enforcers:
        try:
            listed = remote.run(host, [*PROGRAM, 'list'], COMMAND_SECONDS) if shut_out else None
            result = remote.run(
                host, [*PROGRAM, words[0], *(['--dry-run'] if dry_run else []), *words[1:]], COMMAND_SECONDS
            )
        except Unreachable as error:
            silent.append(str(error))
            continue
        answer = answer_of(result.out) if result.out else last_line(result.err)
        if isinstance(answer, dict):
            break
        if 'does not answer' not in answer and result.out:
            raise Refused(answer)
        silent.append(f'{host}: {answer}')
    else:
        raise NotObserved('no firewall and no edge answers: ' + '; '.join(silent))
    prefix = str(answer['prefix'])
    before = left_seconds(answer_of(listed.out), prefix) if listed is not None else None
    document = {'prefix': prefix, 'dry_run': dry_run, 'not_on': [], 'silent': silent, 'before_seconds': before}
    if dry_run:
        return document
    end = time.monotonic() + SETTLED_SECONDS
    while True:
        listing = asked(remote, enforcers)
        document['not_on'] = list(missing(listing, prefix, shut_out)) + [
            finding for finding in listing.findings if 'not observed' in finding or 'not in force' in finding
        ]
        if not document['not_on'] or time.monotonic() >= end:
            return document
        time.sleep(0.2)


def left_seconds(answer: dict[str, Any] | str, prefix: str) -> int | None:
    """Given what an enforcer lists, return how long a prefix is still shut out, in whole seconds, None if it is not."""
    if isinstance(answer, str):
        return None
    return next((round(each['left_seconds']) for each in answer['entries'] if each['prefix'] == prefix), None)


def spare(remote: Remote, enforcers: list[str], sources: list[str], seconds: float, reason: str) -> list[str]:
    """Given sources from which we attack on purpose, have no sensor shut them out for so long, on every enforcer.

    Return, by enforcer that does not say yes, why. An operator's own decision still holds.
    """
    words = [*PROGRAM, 'spare', *sources, '--seconds', f'{seconds:g}', '--reason', reason]

    def ask(host: str) -> str:
        try:
            result = remote.run(host, words, COMMAND_SECONDS)
        except AnlanError as error:
            return str(error)
        if result.code == 0:
            return ''
        answer = answer_of(result.out) if result.out else last_line(result.err)
        return f'{host}: {answer}'

    with ThreadPoolExecutor(max(1, len(enforcers))) as pool:
        return [said for said in pool.map(ask, enforcers) if said]


class Refused(AnlanError):
    """The enforcers do not do it, and say why."""


def report(document: dict[str, Any], json: bool, done: str, notes: Sequence[str] = ()) -> None:
    """Given what came of a decision, and notes on it, print it, and exit with 1 if it does not hold everywhere."""
    more = ''.join(f'; {note}' for note in notes)
    if json:
        print_json(document)
    elif document['dry_run']:
        results.print(f'{document["prefix"]} would be {done}{more}', markup=False, soft_wrap=True)
    elif document['not_on']:
        results.print(
            Text(f'✗ {document["prefix"]} is not {done} everywhere: {"; ".join(document["not_on"])}', style='red'),
            soft_wrap=True,
        )
    else:
        results.print(Text(f'✓ {document["prefix"]} is {done}{more}', style='green'), soft_wrap=True)
    if document['not_on']:
        raise typer.Exit(EXIT_FAILED)


def last_line(text: str) -> str:
    """Given what a command wrote to its errors, return the last line of it."""
    lines = text.strip().splitlines()
    return lines[-1][-200:] if lines else 'it gave no answer'


def moment(text: str) -> str:
    """Given a time as hosts tell it, return month, day and time of day."""
    return text[5:19].replace('T', ' ')


def print_listing(listing: BlockListing) -> None:
    """Given what is shut out, print it as a table, and every difference."""
    if listing.blocks:
        table = Table(box=None, padding=(0, 1), pad_edge=True)
        for column in ('source', 'seen by', 'on', 'why', 'since (UTC)', 'until (UTC)', 'shut out on'):
            table.add_column(Text(column), overflow='fold', min_width=REASON_WIDTH if column == 'why' else None)
        for block in listing.blocks:
            everywhere = set(block.on) == set(listing.enforcers)
            where = Text('every enforcer') if everywhere else Text(', '.join(block.on) or 'none', style='red')
            row = (block.prefix, block.sensor, block.origin, block.reason, moment(block.since), moment(block.until))
            table.add_row(*map(Text, row), where)
        results.print(table)
    elif len(listing.findings) == 0:
        results.print('Nobody is shut out.')
    for finding in listing.findings:
        results.print(Text(f'  {finding}', style='red'), soft_wrap=True)
