"""`anlan cdn show`, `purge`, `warm`, `rotate-key`: the caches between the learners and the origin."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.observing import observing, require_bastion
from anlan.cli.operating import operating
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.cli.warming import Warmed, completed_courses, ladders_of_course, warm_edges
from anlan.console import Step, print_json, results, say, step
from anlan.errors import EXIT_CODES_HELP, EXIT_FAILED, AnlanError, BadInput
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.remote import Remote, Result
from anlan.secret_store import has_secrets, require_settled, rotate_secret
from monitoring.delivery import LEVEL_OF_TIER, CacheHost, document, levels, parse_host

ASK_SECONDS = 20.0
PURGE_SECONDS = 60.0
NOTHING_TO_PURGE = 4
SHOWN_PURGES = 5
KEY = 'media_signing_key'
REVOKED = (
    'Once `up` has brought it no other is accepted; until then the leaked one is. That costs: every address given out '
    'stops working, so learners in a restricted lesson have to load its page anew; and while `up` runs no restricted '
    'lesson plays, from when the edges have the new key until the last app host signs with it.'
)
REPORT = (
    'echo "$(date +%s) $(systemctl is-active nginx.service)"; '
    'sudo /usr/local/sbin/cache-purge --history || echo "[]"; cat /run/anlan/metrics/cache.prom 2>/dev/null'
)

PURGE_CODES = (
    'Exit codes: 0 purged on every level · 1 a cache was not reached or not purged, run it again · 2 bad input · '
    '4 no cache has anything with that tag.'
)
SHOW_CODES = (
    'Exit codes: 0 every cache answers and stores · 1 one does not, or was not observed · 2 the platform file is '
    'wrong, it does not stand, or it cannot be observed.'
)
Course = Annotated[
    str, typer.Argument(help='The course, by the name in its address.', autocompletion=completed_courses)
]

app = typer.Typer(
    help='The caches between learners and origin: edges, and the shield behind them.', no_args_is_help=True
)


@app.command(epilog=SHOW_CODES)
def show(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """Show how much each level answers by itself, what it holds, and the last purges."""
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        caches = caches_of(outputs)
        with shown_step('Asking the caches', json) as shown:
            require_bastion(file, remote)
            hosts = ask(remote, caches)
            shown.result = _counted(len(caches), 'cache')
    if json:
        print_json(document(hosts))
    else:
        print_caches(hosts)
    raise typer.Exit(EXIT_FAILED if any(host.reason for host in hosts) else 0)


@app.command(epilog=PURGE_CODES)
def purge(
    platform: PlatformFile = DEFAULT_PLATFORM,
    tag: Annotated[
        str | None,
        typer.Option('--tag', help='What has this tag: a course, a ladder, `media`, `static`, `restricted`.'),
    ] = None,
    everything: Annotated[bool, typer.Option('--all', help='Everything.')] = False,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Remove from every cache what has a tag; the shield first, so that no edge takes the old from it again."""
    if tag is not None and everything:
        raise BadInput('give --tag or --all, not both')
    if tag is None and not everything:
        raise BadInput('say what to purge: --tag TAG, or --all')
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        with shown_step('Counting what would go' if dry_run else 'Purging the shield, then the edges', json) as shown:
            found = purge_levels(remote, caches_of(outputs), tag, dry_run=dry_run)
            shown.result = _counted(len(found), 'cache')
    failed = [f'{name}: {answer["reason"]}' for name, answer in found.items() if answer['reason']]
    removed = sum(answer['removed'] for answer in found.values())
    if json:
        print_json({'tag': tag, 'dry_run': dry_run, 'removed': removed, 'hosts': found})
    else:
        for name, answer in found.items():
            results.print(f'  {name}: {answer["reason"] or _removed(answer, dry_run)}', markup=False)
    if failed:
        raise AnlanError(f'not purged everywhere; run it again: {"; ".join(failed)}')
    if not removed:
        say(
            'nothing in any cache is there to be purged'
            if tag is None
            else f'no cache has anything with the tag {tag!r}'
        )
        raise typer.Exit(NOTHING_TO_PURGE)


@app.command(epilog=EXIT_CODES_HELP)
def warm(
    course: Course, platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False, dry_run: DryRun = False
) -> None:
    """Fetch every file of a course through every edge, before a mass training; each file is held against its hash."""
    file = load_platform(platform)
    paths = PlatformPaths.of(file.name)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        edges = [name for name, level in caches_of(outputs).items() if level == 'edge']
        ladders = ladders_of_course(remote, outputs, course)
        if dry_run:
            files = sum(len(ladder.files) for ladder in ladders)
            typer.echo(
                f'would fetch {_counted(files, "file")} of {_counted(len(ladders), "lesson")} '
                f'through {", ".join(edges)}'
            )
            return
        with step(f'Warming {course}') as shown:
            warmed = warm_edges(remote, outputs, platform=file, paths=paths, edges=edges, ladders=ladders, shown=shown)
            shown.result = f'{_counted(sum(each.files for each in warmed), "file")}, {_counted(len(edges), "edge")}'
    if json:
        print_json({'course': course, 'edges': [vars(each) for each in warmed]})
    else:
        _print_warmed(warmed)
    failed = [reason for each in warmed for reason in each.failures]
    if failed:
        raise AnlanError(f'{_counted(len(failed), "file")} not fetched, the first: {failed[0]}')


@app.command('rotate-key', epilog=EXIT_CODES_HELP)
def rotate_key(
    platform: PlatformFile = DEFAULT_PLATFORM,
    revoke: Annotated[
        bool,
        typer.Option(
            '--revoke',
            help='The present key has leaked: accept no key but the new one. Addresses already given out stop working.',
        ),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Have a new key for signed addresses; `anlan up` brings it to the hosts, and the one before holds beside it.

    The first `anlan up` after the last address by the one before has ended takes that one from the edges; without an
    `up` it stays accepted. Until the new key is at the hosts no other is made, unless with --revoke.
    """
    file = load_platform(platform)
    paths = PlatformPaths.of(file.name)
    if not has_secrets(paths.secrets):
        raise BadInput(f'{file.name} has no secrets yet; `anlan up` makes them')
    if dry_run:
        require_settled(paths.secrets, KEY, revoke=revoke)
        typer.echo(f'would make a new key. {REVOKED if revoke else _overlapping(file)}')
        return
    # Not while `up` runs: it would take a key for brought that it never had.
    with hold(paths.lock, 'anlan cdn rotate-key'), operating(file, 'cdn rotate-key') as noted:
        noted |= {'secrets': [KEY], 'revoked': revoke}
        rotate_secret(paths.secrets, KEY, revoke=revoke)
    typer.echo(f'a new key is made; `anlan up` brings it to the hosts. {REVOKED if revoke else _overlapping(file)}')


def caches_of(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Given the outputs, return the level of every host that has a cache."""
    hosts = outputs['hosts'].items()
    return {name: LEVEL_OF_TIER[host['tier']] for name, host in hosts if host['tier'] in LEVEL_OF_TIER}


@contextmanager
def shown_step(name: str, json: bool) -> Iterator[Step]:
    """Given a step's name, show it while the body runs; nothing is shown to a program that reads JSON."""
    if json:
        yield Step(None, None)
        return
    with step(name) as shown:
        yield shown


def ask(remote: Remote, caches: Mapping[str, str]) -> list[CacheHost]:
    """Given the caches, return what each says of itself; one that gives no answer says so in its reason."""
    answers = remote.run_on_all(list(caches), ['sh', '-c', REPORT], ASK_SECONDS)
    found = []
    for name, level in caches.items():
        answer = answers[name]
        if not isinstance(answer, Result):
            found.append(CacheHost(name, level, reason=str(answer)))
            continue
        first, _, rest = answer.out.partition('\n')
        now, _, nginx = first.partition(' ')
        history, _, metrics = rest.partition('\n')
        try:
            found.append(parse_host(name, level, metrics, json_format.loads(history), float(now), nginx=nginx))
        except ValueError:
            found.append(CacheHost(name, level, reason=f'what it says cannot be read: {answer.err.strip()[-100:]}'))
    return found


def purge_levels(
    remote: Remote, caches: Mapping[str, str], tag: str | None, *, dry_run: bool = False
) -> dict[str, dict[str, Any]]:
    """Given the caches and a tag (None: all), purge the shield, then the edges, and return what each host counted."""
    words = ['--all'] if tag is None else ['--tag', tag]
    argv = ['sudo', '/usr/local/sbin/cache-purge', *words, *(['--dry-run'] if dry_run else [])]
    found: dict[str, dict[str, Any]] = {}
    for level in ('shield', 'edge'):
        names = [name for name, own in caches.items() if own == level]
        for name, answer in remote.run_on_all(names, argv, PURGE_SECONDS).items():
            found[name] = _purged(level, answer)
    return found


def _purged(level: str, answer: Result | Exception) -> dict[str, Any]:
    nothing = {'level': level, 'removed': 0, 'removed_bytes': 0, 'removed_late': 0}
    if not isinstance(answer, Result):
        return nothing | {'reason': str(answer)}
    if answer.code == 2:
        raise BadInput(answer.err.strip())
    try:
        counted = json_format.loads(answer.out)
    except ValueError:
        return nothing | {'reason': answer.err.strip()[-200:] or f'failed with {answer.code}'}
    fault = counted['faults'][0] if counted['faults'] else ''
    # A host that the present version was not brought to yet has no second pass, and does not count one.
    return nothing | {key: counted[key] for key in nothing if key in counted} | {'reason': fault}


def _overlapping(platform: Platform) -> str:
    seconds = platform.delivery.signed_url_seconds + platform.delivery.clock_skew_seconds
    return (
        'The one before is accepted beside it, and is left out by the first `anlan up` that begins '
        f'{duration(seconds)} or more after the new one was brought; '
        'until such an `up` it stays accepted.'
    )


def print_caches(hosts: Sequence[CacheHost]) -> None:
    """Given every cache, print levels, hosts, and the last purges."""
    table = Table(box=None, padding=(0, 1))
    for column in ('', 'requests', 'hits', 'bytes from cache', 'holds', 'files'):
        table.add_column(column, justify='left' if not column else 'right')
    for level in levels(hosts):
        table.add_row(
            Text(level.name, style='bold'), str(level.requests), _share(level.hit_ratio), _share(level.byte_ratio),
            _megabytes(level.size_bytes), '',
        )  # fmt: skip
        for host in [host for host in hosts if host.level == level.name]:
            own = levels([host])[0 if level.name == 'edge' else 1]
            table.add_row(
                f'  {host.name}', str(own.requests), _share(own.hit_ratio), _share(own.byte_ratio),
                _megabytes(own.size_bytes), f'{host.gauges["files"]:.0f}' if 'files' in host.gauges else '–',
            )  # fmt: skip
    results.print(table)
    for host in hosts:
        if host.reason:
            results.print(Text(f'  ✗ {host.name}: {host.reason}', style='red'), soft_wrap=True)
    # A purge that found nothing must not push out of sight one that did.
    named = [purge for host in hosts for purge in _named(host) if purge[3]]
    purges = sorted(named, key=lambda row: row[0], reverse=True)
    for when, name, tag, removed in purges[:SHOWN_PURGES]:
        moment = datetime.fromtimestamp(when, UTC).isoformat(timespec='seconds')
        results.print(f'  purged {moment} {name}: {tag or "all"}, {removed} removed', markup=False)


def _named(host: CacheHost) -> list[tuple[int, str, str | None, int]]:
    return [(int(each['time']), host.name, each['tag'], int(each['removed'])) for each in host.purges]


def duration(seconds: int) -> str:
    """Given whole seconds, return them for people, from an hour on rounded up to minutes: `4 h 1 min`."""
    if seconds >= 3600:
        seconds += -seconds % 60
    parts = ((seconds // 3600, 'h'), (seconds // 60 % 60, 'min'), (seconds % 60, 's'))
    return ' '.join(f'{count} {unit}' for count, unit in parts if count) or '0 s'


def size(size_bytes: int) -> str:
    """Given bytes, return them in the unit that leaves a number of at most three digits: `2.4 MB`."""
    if size_bytes < 1000:
        return f'{size_bytes} B'
    return f'{size_bytes / 1e3:.1f} kB' if size_bytes < 999_950 else f'{size_bytes / 1e6:.1f} MB'


def _counted(count: int, noun: str) -> str:
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'


def _removed(answer: Mapping[str, Any], dry_run: bool) -> str:
    late = f', {answer["removed_late"]} of them fetched meanwhile' if answer['removed_late'] else ''
    done = 'would be removed' if dry_run else 'removed'
    return f'{answer["removed"]} {done}, {size(answer["removed_bytes"])}{late}'


def _megabytes(size_bytes: int | None) -> str:
    return '–' if size_bytes is None else f'{size_bytes / 1e6:.1f} MB'


def _share(ratio: float | None) -> str:
    return '–' if ratio is None else f'{ratio:.1%}'


def _print_warmed(warmed: Sequence[Warmed]) -> None:
    for each in warmed:
        results.print(
            f'  {each.edge}: {_counted(each.files, "file")}, {size(each.body_bytes)}, '
            f'{each.hits} were there already, {len(each.failures)} failed',
            markup=False,
        )
