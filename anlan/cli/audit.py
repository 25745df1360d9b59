"""`anlan audit`: every check on every host, again from the record, and whether each check sees its fault."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.audit_text import document_of, print_audit, print_mutation
from anlan.cli.auditing import audit_platform, mutate_platform, recorded_audit
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.printable import printable
from anlan.console import messages, print_json, results, step
from anlan.errors import EXIT_FAILED, BadInput
from anlan.platform import load_platform
from compliance.audit import Selection, commands_of, differences, replay
from compliance.check_list import list_checks

SHOWN = 40
RUN_CODES = (
    'Exit codes: 0 every check that could judge passed · 1 one failed, or a host was not observed · 2 bad input, it '
    'does not stand, or it cannot be observed.'
)
REPLAY_CODES = 'Exit codes: 0 the verdicts are those on record · 1 one is not · 2 there is no such record.'
MUTATE_CODES = 'Exit codes: 0 every planted fault was caught · 1 one was not · 2 bad input, or it is no lab.'

app = typer.Typer(help='Checks of every host, live or again from the record.', no_args_is_help=True)


def completed_checks(incomplete: str) -> list[str]:
    """Given the beginning of a name, return the checks that begin so."""
    try:
        return [check.name for check in list_checks() if check.name.startswith(incomplete)]
    except Exception:
        return []


Hosts = Annotated[list[str] | None, typer.Option('--host', help='Only this host; may be given again.')]
Clauses = Annotated[
    list[str] | None,
    typer.Option('--clause', help='Only checks of this clause (or its beginning); may be given again.'),
]
Checks = Annotated[
    list[str] | None,
    typer.Option('--check', help='Only this check (or its file); may be given again.', autocompletion=completed_checks),
]
All = Annotated[bool, typer.Option('--all', help=f'Print every finding, not the first {SHOWN}.')]


@app.command(epilog=RUN_CODES)
def run(
    platform: PlatformFile = DEFAULT_PLATFORM,
    host: Hosts = None,
    clause: Clauses = None,
    check: Checks = None,
    every: All = False,
    dry_run: Annotated[bool, typer.Option('--dry-run', help='Say which checks would run; ask no host.')] = False,
    json: Json = False,
) -> None:
    """Ask every host what the checks want to know, judge, and write it to the ledger.

    A host is asked all at once, as root, and nothing on it is changed. What belongs to the kernel is not verified on a
    host that is a container.
    """
    file = load_platform(platform)
    selection = Selection(tuple(host or ()), tuple(clause or ()), tuple(check or ()))
    if dry_run:
        _print_plan(selection, json)
        return
    started = time.monotonic()
    done = audit_platform(file, selection)
    if json:
        print_json(document_of(done))
    else:
        print_audit(done, time.monotonic() - started, None if every else SHOWN)
    silent = done.counts().get('fail') or any(not said for said in commands_of(done.observation).values())
    raise typer.Exit(EXIT_FAILED if silent else 0)


@app.command('replay', epilog=REPLAY_CODES)
def replay_record(
    record: Annotated[
        str | None, typer.Argument(help='Number of the record, or a file of answers; the newest audit without it.')
    ] = None,
    platform: PlatformFile = DEFAULT_PLATFORM,
    every: All = False,
    json: Json = False,
) -> None:
    """Judge again what an audit recorded, with the checks of this version and without any host."""
    recorded, observation = recorded_audit(load_platform(platform), record)
    started = time.monotonic()
    with step('Judging again') as shown:
        done = replay(observation, recorded, on_round=lambda number, checks: shown.note(f'{checks} checks'))
        shown.result = f'{len(done.results)}'
    differ = differences(recorded, done.results) if recorded is not None else []
    if json:
        print_json({**document_of(done), 'differences': differ})
    else:
        print_audit(done, time.monotonic() - started, None if every else SHOWN)
        same = 'the verdicts are those on record' if recorded is not None else 'there are no verdicts on record with it'
        text = f'{len(differ)} verdicts differ from the record' if differ else same
        results.print(Text(f'  {text}', style='red' if differ else 'green'))
        for line in differ[: None if every else SHOWN]:
            results.print(Text(f'  {printable(line)}', style='red'), soft_wrap=True)
    raise typer.Exit(EXIT_FAILED if differ else 0)


@app.command('checks', epilog='Exit codes: 0 done · 1 a file of checks cannot be read.')
def list_all(json: Json = False) -> None:
    """List every check: its cases, the tiers that it concerns and the clauses that it serves."""
    checks = list_checks()
    if json:
        print_json([{**vars(check), 'id': check.name} for check in checks])
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('check', 'cases', 'tiers', 'clauses'):
        table.add_column(column, justify='right' if column == 'cases' else 'left', overflow='fold')
    for each in checks:
        tiers = 'all' if len(each.tiers) == 8 else ', '.join(each.tiers)
        table.add_row(Text(each.name), str(len(each.cases)), tiers, ', '.join(each.clauses))
    results.print(table)
    results.print(f'  {len(checks)} checks, {sum(len(each.cases) for each in checks)} cases')


@app.command('mutate', epilog=MUTATE_CODES)
def mutate_hosts(
    platform: PlatformFile = DEFAULT_PLATFORM,
    check: Checks = None,
    yes: Annotated[bool, typer.Option('--yes', '-y', help="Do not ask for the platform's name.")] = False,
    dry_run: Annotated[bool, typer.Option('--dry-run', help='Say which checks name a fault; plant none.')] = False,
    json: Json = False,
) -> None:
    """Plant the fault that each check names on a host of a lab, and see whether the check fails there.

    Each fault is taken back at once, by the host itself if this program is stopped. Only on a lab: a fault is a fault.
    """
    file = load_platform(platform)
    if file.target.kind != 'lab':
        raise BadInput(f'{file.name} is no lab; faults are planted on hosts that may be spoilt, never on real ones')
    if dry_run:
        _print_plan(Selection(checks=tuple(check or ())), json)
        return
    if not yes and typer.prompt(f'Faults are planted on hosts of {file.name}. Type its name to go on') != file.name:
        raise BadInput('that is not its name; nothing was planted')
    found = mutate_platform(file, tuple(check or ()))
    if json:
        print_json(found.document())
    else:
        print_mutation(found)
    raise typer.Exit(0 if found.whole else EXIT_FAILED)


def _print_plan(selection: Selection, json: bool) -> None:
    chosen = selection.chosen()
    checks = [check for check in list_checks() if chosen(check.name, '', check.clauses)]
    if json:
        print_json([check.name for check in checks])
        return
    for check in checks:
        results.print(Text(f'  {check.name} ({len(check.cases)})'))
    results.print(f'  {len(checks)} checks would run; no host was asked')
    if not checks:
        messages.print('no check is chosen; `anlan audit checks` lists them', style='yellow')
