"""`anlan harden`: the hardening of hosts alone, with how every clause stood before and stands after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.audit_text import COLOUR, print_findings
from anlan.cli.auditing import audit_platform
from anlan.cli.configuring import run_playbook
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.recording import Recording
from anlan.cli.work import Work
from anlan.console import json_text, print_json, results, step
from anlan.errors import EXIT_FAILED, BadInput
from anlan.files import write_json
from anlan.ledger import Verdict
from anlan.lock import hold
from compliance.audit import Audit, Selection, commands_of
from compliance.remediation import HARDENED, Remediation, remediation
from infra.configure import Run
from infra.outputs import inventory_of
from infra.outputs import outputs as outputs_of
from infra.outputs_file import read_outputs

PLAYBOOK = 'harden.yml'
SHOWN = 40
CODES = (
    'Exit codes: 0 no check of these clauses fails (with --dry-run: nothing would change) · 1 one fails, a host does '
    'not answer, or something would change · 2 bad input, it does not stand · 3 another run holds the platform.'
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command('harden', epilog=CODES)(harden)


def harden(
    platform: PlatformFile = DEFAULT_PLATFORM,
    apply: Annotated[bool, typer.Option('--apply', help='Harden the hosts.')] = False,
    dry_run: Annotated[bool, typer.Option('--dry-run', help='Say what would change; change nothing.')] = False,
    undo: Annotated[
        bool, typer.Option('--undo', help='Take back the last change of SSH, PAM, sudo and firewall on every host.')
    ] = False,
    host: Annotated[list[str] | None, typer.Option('--host', help='Only this host; may be given again.')] = None,
    json: Json = False,
) -> None:
    """Shut hosts as tightly as the platform file says, and show each clause before and after.

    A change of SSH, PAM, sudo or the firewall stays only if a new log-in through the bastion confirms it: the
    host puts the old state back by itself otherwise. `anlan up` does the same as --apply, with all the rest. What
    --undo took back comes again with the next `up`, unless the platform file says otherwise.
    """
    if [apply, dry_run, undo].count(True) != 1:
        raise BadInput('give one of --dry-run, --apply and --undo')
    work = Work.of(platform)
    selection = Selection(hosts=tuple(host or ()), clauses=HARDENED)
    outputs = declared_outputs(work)
    hosts = selection.hosts_of(outputs)
    before = audit_platform(work.platform, selection, outputs)
    with hold(work.paths.lock, 'anlan harden'), _written(work, outputs) as outputs_file:
        recording = (
            None if dry_run else Recording.begun(work.platform, 'hardening', 'undo' if undo else 'apply', outputs)
        )
        try:
            with step('Looking at what would change' if dry_run else 'Taking back' if undo else 'Hardening') as shown:
                run = run_playbook(
                    work, PLAYBOOK, {}, shown, check=dry_run, limit=hosts if host else (),
                    outputs_file=outputs_file, further={'hardening_undo': undo},
                )  # fmt: skip
                shown.result = f'{run.changed} {"to change" if dry_run else "changed"}'
        except BaseException as error:
            # Else an earlier hardening that went well would go on speaking for hosts that are half changed.
            if recording is not None:
                recording.ended('not-verified', {'ended_by': type(error).__name__}, {})
            raise
    after = before if dry_run else audit_platform(work.platform, selection, outputs)
    found = remediation(before.results, after.results, changed_by_host(run))
    unseen = () if dry_run else silent_hosts(after)
    if recording is not None:
        recording.ended(
            hardening_verdict(after, undo=undo, part=bool(host)),
            {'changed': run.changed, 'failing': len(found.failing), 'silent': list(unseen)},
            {'hardening.json': json_text(found.document()).encode()},
        )
    if json:
        print_json({**found.document(), 'changed': list(run.changed_tasks)})
    else:
        print_remediation(found, run, dry_run=dry_run)
        for name in unseen:
            results.print(Text(f'  {name}: does not answer now; how it stands is not known', style='red'))
    raise typer.Exit(EXIT_FAILED if (run.changed if dry_run else unseen or (found.failing and not undo)) else 0)


def declared_outputs(work: Work) -> dict[str, Any]:
    """Given a platform that stands, return its outputs as `up` would write them: the hosts of the last one, with what
    the platform file says now. Raise BadInput if its hosts are others.
    """
    try:
        return outputs_of(work.platform, work.topology, inventory_of(work.topology, read_outputs(work.paths.outputs)))
    except KeyError as error:
        raise BadInput(f'host {error} of the platform file does not stand yet; run `anlan up`') from None


@contextmanager
def _written(work: Work, outputs: Mapping[str, Any]) -> Iterator[Path]:
    # Beside the platform's own, for the roles keep keys of hosts there.
    file = work.paths.directory / 'hardening.anlan.json'
    try:
        write_json(file, dict(outputs))
        yield file
    finally:
        file.unlink(missing_ok=True)


def hardening_verdict(after: Audit, *, undo: bool, part: bool) -> Verdict | None:
    """Given the audit after a hardening, return the verdict of its record.

    None for a `part` of the hosts that does well: it says nothing of the others.
    """
    if undo:
        return 'not-verified'
    verdict = after.verdict()
    return None if part and verdict == 'pass' else verdict


def silent_hosts(done: Audit) -> tuple[str, ...]:
    """Given an audit, return the hosts that did not answer."""
    return tuple(name for name, commands in commands_of(done.observation).items() if not commands)


def changed_by_host(run: Run) -> dict[str, int]:
    """Given a run of the hardening, return how many tasks changed something on each host."""
    return {host: int(counts.get('changed', 0)) for host, counts in run.statistics.items()}


def print_remediation(found: Remediation, run: Run, *, dry_run: bool) -> None:
    """Given what came of a hardening, print a line a clause, what was changed, and what still fails."""
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('clause', 'before', '' if dry_run else 'after'):
        table.add_column(column)
    for change in found.changes:
        table.add_row(change.clause, _counted(change.before), Text('') if dry_run else _counted(change.after))
    results.print(table)
    for line in run.changed_tasks[:SHOWN]:
        results.print(Text(f'  {line}'), soft_wrap=True)
    if len(run.changed_tasks) > SHOWN:
        results.print(f'  and {len(run.changed_tasks) - SHOWN} more')
    results.print(f'  {run.changed} {"would change" if dry_run else "changed"}')
    if dry_run:
        return
    print_findings(found.failing, SHOWN)
    for host, checks in found.idle.items():
        text = f'  {host}: nothing was changed there, though these fail: {", ".join(checks)}'
        results.print(Text(text, style='red'), soft_wrap=True)


def _counted(counts: Mapping[str, int]) -> Text:
    text = Text()
    for verdict in ('pass', 'fail', 'not-verified', 'not-applicable'):
        if counts.get(verdict):
            text.append(f'{counts[verdict]} {verdict}  ', style=COLOUR.get(verdict, ''))
    return text
