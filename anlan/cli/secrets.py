"""`anlan secret`: which secrets there are and how old, new ones brought to the hosts, and the key that opens them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from anlan.cli.comparing import SITE
from anlan.cli.configuring import run_playbook
from anlan.cli.operating import operating
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.cli.releases import read_standing
from anlan.cli.rotating import bring, hosts_of, way_of, ways
from anlan.cli.status import check_status
from anlan.cli.work import Work
from anlan.console import print_json, results, say, step
from anlan.encrypted_file import EncryptedFile
from anlan.errors import EXIT_CODES_HELP, EXIT_FAILED, BadInput
from anlan.files import write_atomically
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.secret_key import parsed_recipient, read_key, read_recipients, write_recipients
from anlan.secret_rotation import Stage, begin, shorten, stages, under_way
from anlan.secret_store import NAMES, ensure_secrets, has_secrets, kept, read_all
from app_stack.release import release_id
from infra.authority import authority_key

OUTDATED = (
    'the release on the hosts is not that of the present source, and may not know how to accept two keys; '
    '`anlan up` first'
)

app = typer.Typer(help='The secrets of a platform: made, kept encrypted, rotated.', no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help='Names of secrets (`anlan secret list`).', metavar='NAME')]


@app.command('list', epilog=EXIT_CODES_HELP)
def list_secrets(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """List the secrets by name, when each was rotated last, and what would rotate it. No value is shown."""
    file = load_platform(platform)
    rows = described(file, PlatformPaths.of(file.name))
    if json:
        print_json(rows)
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('secret', 'rotated (UTC)', 'state', 'rotation'):
        table.add_column(column, no_wrap=column == 'secret', overflow='fold')
    for row in rows:
        rotated = (row['rotated'] or 'never')[:16].replace('T', ' ')
        way = row['refused'] or (f'in {row["steps"]} steps' if row['steps'] > 1 else 'in one step')
        table.add_row(row['name'], rotated, row['state'], way)
    results.print(table)


@app.command(epilog=EXIT_CODES_HELP)
def rotate(
    names: Names = None,
    platform: PlatformFile = DEFAULT_PLATFORM,
    every: Annotated[bool, typer.Option('--all', help='Every secret that can be rotated here.')] = False,
    revoke: Annotated[
        bool,
        typer.Option(
            '--revoke',
            help='It leaked: the one before is accepted no longer than it takes to bring the new one. '
            'Of django_secret_key that ends log-ins, of media_signing_key the addresses given out.',
        ),
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make secrets anew and bring them to the hosts, without loss of service. Run again, it takes up what was cut off.

    Without a name, only what is under way is taken to its end. `anlan up` does that too.
    """
    work = Work.of(platform)
    if not has_secrets(work.paths.secrets) or not work.paths.outputs.exists():
        raise BadInput(f'{work.platform.name} does not stand; `anlan up` makes it and its secrets')
    with hold(work.paths.lock, 'anlan secret rotate'):
        chosen, left_out = chosen_names(work.platform, names or [], every)
        chosen, left_out = without_overlapping(work, chosen, left_out, every=every, revoke=revoke)
        release = read_standing(work.paths).current
        if not release:
            raise BadInput(f'{work.platform.name} was never brought up to its end; `anlan up` first')
        going_on = under_way(work.paths.secrets, NAMES)
        require_ready(work, chosen, going_on, release)
        new = [name for name in chosen if name not in going_on]
        if not dry_run:
            ensure_secrets(work.paths.secrets)
            if new or going_on:
                with operating(work.platform, 'secret rotate') as noted:
                    noted |= {'secrets': sorted({*new, *going_on}), 'revoked': revoke}
                    start(work, chosen, going_on, revoke=revoke)
                    noted['changed'] = bring_under_way(work, release)
    document = {
        'rotated': new, 'taken_up': sorted(going_on), 'left_out': left_out, 'dry_run': dry_run,
        'hosts': hosts_of(work, [*new, *going_on]),
    }  # fmt: skip
    state = '' if dry_run or not (new or going_on) else check_status(work.platform).state
    if json:
        print_json(document | {'status': state or None})
    else:
        _print_rotated(document, state)
    if state not in ('', 'ok'):
        raise typer.Exit(EXIT_FAILED)


def bring_under_way(work: Work, release: Mapping[str, str]) -> int:
    """Given a platform and its release, take every rotation that is under way to its end; return how much changed."""
    brought = under_way(work.paths.secrets, NAMES)
    if not brought:
        return 0
    with step('Rotation') as shown:
        # What a cut-off run left half reloaded is on hosts that nobody remembers: then all of them.
        limit = [] if work.paths.unfinished.exists() else hosts_of(work, brought)
        run = bring(work, lambda hosts: run_playbook(work, SITE, release, shown, limit=hosts), shown, limit)
        shown.result = f'{len(brought)} at the hosts'
    return run.changed


@app.command('export-key', epilog=EXIT_CODES_HELP)
def export_key(
    output: Annotated[Path, typer.Option('--output', '-o', help='The file to write, for its owner alone.')],
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
) -> None:
    """Write the key that opens the secrets to a file, to be kept apart from every backup of `var/`.

    Without it a backup of `var/` opens nothing; with both, everything is open. `age -d -i FILE` reads it too.
    """
    paths = PlatformPaths.of(load_platform(platform).name)
    key = read_key(paths.directory)
    if output.exists():
        raise BadInput(f'{output} is there already; nothing was written')
    if not output.parent.is_dir():
        raise BadInput(f'{output.parent}: there is no such folder')
    lines = ''.join(f'# public key: {each.to_public()}\n{each}\n' for each in key.identities)
    write_atomically(output, f'# opens the secrets of platform {paths.directory.name}\n{lines}')
    if json:
        print_json({'file': str(output), 'recipients': [str(each.to_public()) for each in key.identities]})
    else:
        typer.echo(f'{output}: the key of {paths.directory.name}; keep it apart from every copy of {paths.directory}')


@app.command(epilog=EXIT_CODES_HELP)
def share(
    platform: PlatformFile = DEFAULT_PLATFORM,
    add: Annotated[
        list[str] | None, typer.Option('--add', help='A public key of age (age1…) that can open them.')
    ] = None,
    remove: Annotated[list[str] | None, typer.Option('--remove', help='One that can no longer.')] = None,
    json: Json = False,
) -> None:
    """Say who can open the secrets, let others do so, or no longer. Who is removed has known them: rotate them then."""
    paths = PlatformPaths.of(load_platform(platform).name)
    if add or remove:
        with hold(paths.lock, 'anlan secret share'):
            present = list(read_recipients(paths.directory))
            wanted = wanted_recipients(present, add or [], remove or [])
            own = {str(each.to_public()) for each in read_key(paths.directory).identities}
            if not own & set(wanted):
                raise BadInput('without the key that is in use here nobody at this machine could open them any more')
            encrypt_for(paths, wanted)
    recipients = read_recipients(paths.directory)
    if json:
        print_json(list(recipients))
    else:
        for recipient in recipients:
            results.print(recipient, markup=False, soft_wrap=True)


def described(platform: Platform, paths: PlatformPaths) -> list[dict[str, Any]]:
    """Given a platform, return its secrets as rows without their values. Raise BadInput if it has none yet."""
    if not has_secrets(paths.secrets):
        raise BadInput(f'{platform.name} has no secrets yet; `anlan up` makes them')
    known, found = read_all(paths.secrets), stages(paths.secrets, NAMES)
    return [
        {
            'name': name, 'rotated': known.get(f'{name}_rotated'),
            'state': found[name].value if name in known else 'absent',
            'one_before_until': known.get(f'{name}_overlap_until') if found[name] is Stage.OVERLAPPING else None,
            'steps': 0 if way.refusal else 3 if way.announced else 1, 'refused': way.refusal or None,
            'tiers': list(way.tiers),
        }
        for name, way in ways(platform).items()
    ]  # fmt: skip


def chosen_names(platform: Platform, names: Collection[str], every: bool) -> tuple[list[str], dict[str, str]]:
    """Given what was asked for, return the names to rotate, and with `every` those left out, each with the reason.

    Raise BadInput naming every name that is none, or that is not rotated here.
    """
    wrong = [f'{name}: there is no such secret' for name in names if name not in NAMES]
    refused = {name: way.refusal for name in NAMES if (way := way_of(platform, name)).refusal}
    wrong += [f'{name} is not rotated here: {refused[name]}' for name in names if name in refused]
    if wrong:
        raise BadInput('; '.join(wrong))
    if every and names:
        raise BadInput('give names or --all, not both')
    if every:
        return [name for name in NAMES if name not in refused], refused
    return list(dict.fromkeys(names)), {}


def require_ready(
    work: Work, chosen: Collection[str], going_on: Mapping[str, Stage], release: Mapping[str, str]
) -> None:
    """Raise BadInput if these secrets cannot be rotated now."""
    if 'django_secret_key' in chosen and 'django_secret_key' not in going_on and release['id'] != release_id():
        raise BadInput(f'django_secret_key: {OUTDATED}')
    if work.paths.unfinished.exists() and not going_on and chosen:
        raise BadInput('the last `anlan up` did not end; run it again first')


def without_overlapping(
    work: Work, chosen: list[str], left_out: dict[str, str], *, every: bool, revoke: bool
) -> tuple[list[str], dict[str, str]]:
    """Given what was chosen, leave out with `every` what cannot be rotated yet. Raise BadInput if that was named.

    Hosts accept one key beside the present one: a third would cut off what was given out by the first.
    """
    found = {} if revoke else stages(work.paths.secrets, chosen)
    known = read_all(work.paths.secrets)
    waiting = {
        name: f'the one before is accepted until {known[f"{name}_overlap_until"]}; --revoke ends that at once'
        for name, stage in found.items()
        if stage is Stage.OVERLAPPING
    }
    if waiting and not every:
        raise BadInput('; '.join(f'{name}: {reason}' for name, reason in waiting.items()))
    return [name for name in chosen if name not in waiting], left_out | waiting


def start(work: Work, chosen: Collection[str], going_on: Collection[str], *, revoke: bool) -> None:
    """Given names, make anew what is not being rotated already, and note that; nothing reaches a host yet.

    With `revoke` the one before ends with the rotation, also of those that are under way.
    """
    file, now = work.paths.secrets, datetime.now(UTC)
    if revoke:
        shorten(file, chosen, now)
    made = {name: way_of(work.platform, name) for name in chosen if name not in going_on}
    seconds = {name: 0.0 if revoke else way.overlap_seconds for name, way in made.items()}
    announced = {name: seconds[name] for name, way in made.items() if way.announced}
    if made:
        begin(file, announced, {name: seconds[name] for name in made if name not in announced}, now)


def wanted_recipients(present: list[str], add: Collection[str], remove: Collection[str]) -> list[str]:
    """Given who can open the secrets and the changes, return who is to. Raise BadInput if a key is none."""
    for recipient in add:
        parsed_recipient(recipient)
    if unknown := [recipient for recipient in remove if recipient not in present]:
        raise BadInput(f'{", ".join(unknown)}: cannot open them now')
    return [each for each in dict.fromkeys([*present, *add]) if each not in remove]


def encrypt_for(paths: PlatformPaths, recipients: list[str]) -> None:
    """Given a platform's paths and public keys, encrypt all that is encrypted there for exactly these.

    Cut off, some files are for those before and some for these; the same command again ends it.
    """
    for file in (
        kept(paths.secrets), authority_key(paths.certificates),
        EncryptedFile(paths.ledger / 'key.pem', paths.directory),
        *(EncryptedFile(file.with_suffix(''), paths.directory) for file in paths.journal_keys.glob('*.age')),
    ):  # fmt: skip
        if file.exists():
            file.write(file.read(), tuple(recipients))
    write_recipients(paths.directory, recipients)


def _print_rotated(document: Mapping[str, Any], state: str) -> None:
    would = 'would be made anew' if document['dry_run'] else 'made anew'
    for name in document['rotated']:
        results.print(f'  {name}: {would}', markup=False)
    for name in document['taken_up']:
        results.print(f'  {name}: {"would be taken" if document["dry_run"] else "taken"} to its end', markup=False)
    for name, reason in document['left_out'].items():
        results.print(f'  {name}: left out: {reason}', markup=False, soft_wrap=True)
    if not document['rotated'] and not document['taken_up']:
        say('Nothing is under way; name a secret, or give --all.')
    elif state:
        results.print(f'  the platform is {state}', markup=False)
    elif document['dry_run']:
        results.print(f'  on {", ".join(document["hosts"])}', markup=False)
