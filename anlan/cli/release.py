"""`anlan release`: the learning platform packed, deployed without losing a request, and rolled back."""

from __future__ import annotations

import json as json_format
from typing import Annotated, Any

import typer
from rich.table import Table

from anlan.cli.bring_up import pack
from anlan.cli.configuring import release_variables, run_playbook
from anlan.cli.operating import operating
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.cli.releases import note_deployed, note_rolled_back, read_standing
from anlan.cli.work import Work
from anlan.console import print_json, results, step
from anlan.errors import EXIT_CODES_HELP, AnlanError
from anlan.lock import hold
from anlan.remote import Result
from app_stack.release import PackingFailed, Release, release_id
from infra.connect import connect
from infra.outputs_file import read_outputs

app = typer.Typer(no_args_is_help=True, help='The learning platform: pack a release, deploy it, roll it back.')

ASK_SECONDS = 20.0


@app.command(epilog=EXIT_CODES_HELP)
def build(json: Json = False, dry_run: DryRun = False) -> None:
    """Pack the present source into one file that an app host without a way out can install."""
    if dry_run:
        identity = _identity()
        print_json({'id': identity}) if json else typer.echo(f'would pack release {identity}')
        return
    release = _packed()
    if json:
        print_json(release.as_json())
    else:
        typer.echo(f'{release.id} {release.path}')


@app.command(epilog=EXIT_CODES_HELP)
def show(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """Show which release each app host runs and which one it would go back to."""
    hosts = _hosts(Work.of(platform), _identity())
    if json:
        print_json({'source': _identity(), 'hosts': hosts})
        return
    table = Table(box=None, padding=(0, 1))
    for column in ('host', 'current', 'previous', 'drained by', 'to do'):
        table.add_column(column)
    for name, host in hosts.items():
        reasons = '; '.join(host['reasons']) or '–'
        table.add_row(name, host['current'] or '–', host['previous'] or '–', host['drained_by'] or '–', reasons)
    results.print(table)
    results.print(f'  the present source is release {_identity()}', markup=False)


@app.command(epilog=EXIT_CODES_HELP)
def deploy(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False, dry_run: DryRun = False) -> None:
    """Bring every app host to the release of the present source, one after the other, without losing a request."""
    work = Work.of(platform)
    read_outputs(work.paths.outputs)
    if dry_run:
        hosts = _hosts(work, _identity())
        if json:
            print_json({'release': _identity(), 'hosts': {name: host['reasons'] for name, host in hosts.items()}})
            return
        for name, host in hosts.items():
            typer.echo(f'{name}: {"; ".join(host["reasons"]) or "nothing to do"}')
        return
    with hold(work.paths.lock, 'anlan release deploy'), operating(work.platform, 'release deploy') as noted:
        release = release_variables(_packed())
        with step('Rolling deploy') as shown:
            run = run_playbook(work, 'deploy.yml', release, shown)
            shown.result = f'{release["id"]}, {run.changed} changed'
        noted |= {'release': release['id'], 'changed': run.changed}
        note_deployed(work.paths, release)
    if json:
        print_json({'release': release['id'], 'changed': run.changed, 'seconds': round(run.seconds, 1)})


@app.command(epilog=EXIT_CODES_HELP)
def rollback(
    platform: PlatformFile = DEFAULT_PLATFORM,
    bad: Annotated[
        str | None, typer.Option('--from', help='The release to leave. Without it: the one that was deployed last.')
    ] = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Go back to the release before, one host after the other. `anlan up` keeps it until another one is deployed."""
    work = Work.of(platform)
    read_outputs(work.paths.outputs)
    with hold(work.paths.lock, 'anlan release rollback'):
        hosts = _hosts(work, _identity())
        standing = read_standing(work.paths)
        current = {str(host['current']) for host in hosts.values() if host['current']}
        # One that was left already and still runs somewhere: a rollback that was cut off.
        unfinished = next((identity for identity in standing.left if identity in current), None)
        deployed = str(standing.current['id']) if standing.current else None
        leave = bad or unfinished or deployed or next(iter(current), None)
        if leave is None:
            raise AnlanError('no app host runs a release; there is nothing to go back from')
        targets = {host['previous'] for host in hosts.values() if host['current'] == leave}
        if None in targets:
            raise AnlanError(f'there is no release before {leave} on every app host; nothing was changed')
        if not targets:
            raise AnlanError(f'no app host runs release {leave}; nothing was changed')
        back = sorted(map(str, targets))
        if dry_run:
            if json:
                print_json({'left': leave, 'release': back})
            else:
                typer.echo(f'would go from {leave} back to {", ".join(back)}')
            return
        with operating(work.platform, 'release rollback') as noted:
            noted |= {'left': leave, 'release': back[0]}
            # Noted before it is done: an `up` after a rollback that was cut off must not bring the release back.
            note_rolled_back(work.paths, leave, _archive(back[0]))
            with step('Rolling back') as shown:
                run = run_playbook(work, 'rollback.yml', {'id': leave}, shown)
                shown.result = f'{leave} → {", ".join(back)}'
            noted['changed'] = run.changed
    if json:
        print_json({'left': leave, 'release': back[0], 'changed': run.changed, 'seconds': round(run.seconds, 1)})


def _archive(identity: str) -> dict[str, str]:
    from anlan.paths import cache_directory

    folder = cache_directory() / 'release' / 'packed'
    try:
        document = json_format.loads((folder / f'{identity}.json').read_text(encoding='utf-8'))
    except (OSError, ValueError):
        document = {'sha256': ''}
    return {'id': identity, 'archive': str(folder / f'{identity}.tar'), 'sha256': str(document['sha256'])}


def _hosts(work: Work, wanted: str) -> dict[str, dict[str, Any]]:
    """Return what every app host says of its releases. Raise AnlanError if one does not answer."""
    outputs = read_outputs(work.paths.outputs)
    names = [name for name, host in outputs['hosts'].items() if host['tier'] == 'app']
    with connect(work.platform, work.paths, outputs) as remote:
        answers = remote.run_on_all(names, ['sudo', '/usr/local/sbin/anlan-release', 'status', wanted], ASK_SECONDS)
    found = {}
    for name, answer in answers.items():
        if not isinstance(answer, Result):
            raise answer
        if answer.code != 0:
            raise AnlanError(f'{name}: does not say which release it runs: {answer.err.strip()[-200:]}')
        found[name] = json_format.loads(answer.out)
    return found


def _packed() -> Release:
    with step('Packing the release') as shown:
        try:
            release = pack()
        except PackingFailed as error:
            raise AnlanError(f'the application could not be packed: {error}') from None
        shown.result = f'{release.id}, {release.size_bytes / 1_000_000:.0f} MB'
    return release


def _identity() -> str:
    try:
        return release_id()
    except PackingFailed as error:
        raise AnlanError(str(error)) from None
