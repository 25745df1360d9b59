"""`anlan plan`, `up`, `down`, `drift`, `recover`: the platform as its file says, and the way back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from anlan.cli.bring_up import bring_up, forget
from anlan.cli.comparing import drifted, not_comparable, planned
from anlan.cli.confirming import confirm_by_name
from anlan.cli.operating import operating, standing
from anlan.cli.options import DEFAULT_PLATFORM, AtOnce, DryRun, Json, PlatformFile, YesLose
from anlan.cli.recording import Recording
from anlan.cli.renewing import losses_of
from anlan.cli.status import print_status
from anlan.cli.work import Work
from anlan.console import json_text, print_json, results, say, step
from anlan.errors import EXIT_CODES_HELP, EXIT_FAILED
from anlan.ledger import Ledger, Verdict
from anlan.lock import hold
from infra.targets.base import Target
from infra.targets.changes import Drift
from monitoring.status import Status

UNFINISHED = 'the last run was killed or failed: whatever may have been left half done is named; `anlan up` finishes it'

DRIFT_CODES = (
    'Exit codes: 0 nothing has drifted · 1 something has, `anlan up` puts it right, or the check failed · '
    '2 bad input · 3 another run holds the platform.'
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command('plan', epilog=EXIT_CODES_HELP)(plan)
    app.command('up', epilog=EXIT_CODES_HELP)(up)
    app.command('down', epilog=EXIT_CODES_HELP)(down)
    app.command('drift', epilog=DRIFT_CODES)(drift)
    app.command('recover', epilog=EXIT_CODES_HELP)(recover)


def plan(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False, at_once: AtOnce = False) -> None:
    """Say what `up` would change, in the infrastructure and on every host. Nothing is touched.

    Of a run that was killed, the lock and the unfinished operations are cleared from the state.
    """
    work = Work.of(platform)
    target = work.target()
    with hold(work.paths.lock, 'anlan plan'):
        with step('Infrastructure'):
            changes = target.plan().changes
        lost, fate = losses_of(work.topology, changes, at_once) if work.paths.outputs.exists() else ([], '')
        unfinished = work.paths.unfinished.exists()
        reason = 'hosts change first' if changes else not_comparable(work, target)
        configuration = [] if reason else planned(work)
    document = {
        'platform': work.platform.name,
        'infrastructure': [str(change) for change in changes],
        'hosts_lost': [change.resource.removeprefix('host ') for change in lost],
        'their_fate': fate if lost else '',
        'configuration': configuration,
        'configuration_not_asked': reason,
        'unfinished': unfinished,
    }
    if json:
        print_json(document)
    else:
        _print_changes(document)


def up(
    platform: PlatformFile = DEFAULT_PLATFORM,
    yes: YesLose = False,
    at_once: AtOnce = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make the platform stand as its file says, and verify it from its clients. Run again, it takes up where it was."""
    _bring_up(platform, yes=yes, at_once=at_once, dry_run=dry_run, json=json)


def recover(
    platform: PlatformFile = DEFAULT_PLATFORM,
    yes: YesLose = False,
    at_once: AtOnce = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take up a killed `up`: clear what it left, a lock in a shared state too, then do as `up` does."""
    _bring_up(platform, yes=yes, at_once=at_once, dry_run=dry_run, json=json, recover=True)


def down(
    platform: PlatformFile = DEFAULT_PLATFORM,
    yes: Annotated[bool, typer.Option('--yes', '-y', help="Do not ask for the platform's name.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove every host and network of the platform, and their data. The platform's name has to be typed."""
    work = Work.of(platform)
    name = work.platform.name
    target = work.target()
    if not work.makes_hosts:
        target.down()  # refuses with the reason
    if dry_run:
        for host, state in target.hosts().items():
            if state != 'missing':
                typer.echo(f'host {host} would be removed ({state})')
        return
    if not yes:
        confirm_by_name(name, f'This removes platform {name} and all of its data', 'nothing was removed')
    # A platform that was never recorded leaves nothing, a ledger least of all.
    nothing: dict[str, Any] = {}
    noting: AbstractContextManager[dict[str, Any]] = (
        operating(work.platform, 'down') if Ledger(work.paths.ledger).stands else nullcontext(nothing)
    )
    with hold(work.paths.lock, 'anlan down'), noting as noted, step(f'Removing platform {name}') as shown:
        removed: set[str] = set()

        def report(resource: str, state: str) -> None:
            shown.note(f'{resource} {state}')
            if state == 'deleted':
                removed.add(resource)

        target.down(report)
        forget(work)
        noted['removed'] = len(removed)
        shown.result = f'{len(removed)} removed' if removed else 'nothing stood'


def drift(
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
    hosts_only: Annotated[
        bool, typer.Option('--hosts-only', help='Do not ask the hosts for their configuration.')
    ] = False,
) -> None:
    """Name all that is no longer as `up` left it: hosts, networks, and what stands on every host.

    What was found is written to the ledger.
    """
    work = Work.of(platform)
    target = work.target()
    with hold(work.paths.lock, 'anlan drift'):
        unfinished = work.paths.unfinished.exists()
        drifts, configuration, reason = compared(work, target, hosts_only=hosts_only)
    if json:
        print_json(
            {
                'platform': work.platform.name,
                'drift': [{'resource': item.resource, 'kind': item.kind, 'reason': item.reason} for item in drifts],
                'configuration': configuration,
                'configuration_not_asked': reason,
                'unfinished': unfinished,
            }
        )
    else:
        for item in drifts:
            results.print(f'  {item}', markup=False)
        for line in configuration:
            results.print(f'  {line}', markup=False)
        if not drifts and not configuration:
            results.print('Nothing has drifted.' if not reason else 'No host has drifted.')
        if reason:
            results.print(f'  configuration: {reason}', markup=False)
        if unfinished and configuration:
            results.print(f'  {UNFINISHED}', markup=False)
    raise typer.Exit(EXIT_FAILED if drifts or configuration else 0)


def compared(work: Work, target: Target, *, hosts_only: bool) -> tuple[list[Drift], list[str], str]:
    """Given a platform, return what drifted among hosts and networks, on hosts, and why these were not asked, if not.

    It is written to the ledger where the platform stands: `pass` only if all was looked at and nothing has drifted.
    """
    outputs = standing(work.platform)
    subject = 'hosts, networks and configuration'
    recording = None if outputs is None else Recording.begun(work.platform, 'drift', subject, outputs)
    verdict: Verdict = 'not-verified'
    found: dict[str, Any] = {'drift': [], 'configuration': []}
    reason = 'it ended before it had seen all'
    try:
        with step('Infrastructure'):
            drifts = target.drift()
        found['drift'] = [str(item) for item in drifts]
        reason = 'not asked for (--hosts-only)' if hosts_only else not_comparable(work, target)
        found['configuration'] = configuration = [] if reason else drifted(work)
        verdict = 'fail' if drifts or configuration else 'not-verified' if reason else 'pass'
    finally:
        if recording is not None:
            counts = {name: len(lines) for name, lines in found.items()}
            recording.ended(verdict, {**counts, 'not_asked': reason}, {'drift.json': json_text(found).encode()})
    return drifts, configuration, reason


def _print_changes(document: dict[str, Any]) -> None:
    def show(part: str) -> None:
        lines = document[part]
        results.print(f'{part.capitalize()}: {len(lines) or "nothing"} to change', markup=False)
        for line in lines:
            results.print(f'  {line}', markup=False)

    show('infrastructure')
    if document['hosts_lost']:
        results.print(f'  {", ".join(document["hosts_lost"])} {document["their_fate"]}', markup=False)
    if document['configuration_not_asked']:
        results.print(f'Configuration: not asked; {document["configuration_not_asked"]}', markup=False)
        return
    show('configuration')
    if document['unfinished'] and document['configuration']:
        results.print(f'  {UNFINISHED}', markup=False)


def _bring_up(platform: Path, *, yes: bool, at_once: bool, dry_run: bool, json: bool, recover: bool = False) -> None:
    if dry_run:
        plan(platform, json, at_once)
        return
    work = Work.of(platform)
    command = 'anlan recover' if recover else 'anlan up'
    _finish(work, platform, bring_up(work, command, recover=recover, may_lose_hosts=yes, at_once=at_once), json)


def _finish(work: Work, file: Path, status: Status, json: bool) -> None:
    if json:
        print_json(status.document())
    else:
        print_status(status)
        if status.state == 'ok':
            _print_next(work, file)
    if status.state != 'ok':
        raise typer.Exit(EXIT_FAILED)


def _print_next(work: Work, given: Path) -> None:
    file = '' if given.resolve() == DEFAULT_PLATFORM else f' -p {given}'
    say('Try next:')
    for command, what in (
        (f'anlan status{file}', 'the platform as its clients see it'),
        (f'anlan backup status{file}', 'what is kept, and what of it is proven'),
        (f'anlan plan{file}', 'what a change of the platform file would do'),
        (f'anlan ssh{file} db-1 -- sudo patronictl -c /etc/patroni/config.yml list', 'a command on a host'),
        (f'anlan ssh{file} client-1 -- curl -s {work.platform.front_door_url()}', 'the front door from a client'),
    ):
        say(f'  {what}:\n    .venv/bin/{command}')
