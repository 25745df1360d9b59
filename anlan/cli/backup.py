"""`anlan backup`: what is kept, how far it is, runs, looks and restores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from json import loads as from_json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.backup_evidence import DRILLS, clauses_of, observed_of, verdict_of
from anlan.cli.backup_hosts import LISTING_SECONDS, AgentFailed, Answer, ask_agent, ends_of, records_of
from anlan.cli.backup_lag import Measured, measure
from anlan.cli.backup_moment import MomentWish, discard_moment, restore_moment
from anlan.cli.backup_rebuild import rebuild_command
from anlan.cli.backup_report import check_output, write_report
from anlan.cli.backup_restore import LATEST, FileWish, bar, check_restore, restore_files
from anlan.cli.backup_rewind import rewind_command
from anlan.cli.backup_text import KIT_CODES, PLAN_CODES, is_bad, print_ends, print_lag, print_snapshots, print_statuses
from anlan.cli.handing_over import hand_over
from anlan.cli.observing import observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.recording import Recording
from anlan.cli.recovery_kit import kit_of, write_kit
from anlan.cli.work import Work
from anlan.console import print_json, results, step
from anlan.errors import BadInput
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.remote import Remote, Unreachable
from backup.failure import MEANING, ExitClass
from backup.judgement import judge, spoken
from backup.moment import wanted
from backup.policies_file import load_policies
from backup.policy import STOLEN_ENGINES, Policy
from backup.record import Ended, Record, line_of
from backup.report.words import LANGUAGES
from backup.schedule import OPERATOR, hosts_of, next_runs, plans
from backup.status import PolicyStatus, document_of
from backup.task import HostPlan, Promise

CODES = (
    'Exit codes: 0 done · 1 failed · 2 bad input, or it does not stand · 3 another job works on the repository · '
    + ' · '.join(f'{each.value} {MEANING[each]}' for each in ExitClass if each.value >= 10)
    + '.'
)
SHOWN_RUNS = 20
PolicyName = Annotated[str, typer.Argument(help='Name of a policy; `anlan backup plan` lists them.')]

app = typer.Typer(help='Backups: policies, runs, looks and restores.', no_args_is_help=True)


@app.command('plan', epilog=PLAN_CODES)
def plan(
    platform: PlatformFile = DEFAULT_PLATFORM,
    hours: Annotated[float, typer.Option('--hours', help='How far to look ahead.')] = 24.0,
    json: Json = False,
) -> None:
    """Show every policy, what it promises, and which host does what next. Nothing is asked and nothing is done."""
    if not math.isfinite(hours) or not 0 < hours <= 24 * 366:
        raise BadInput('--hours: wanted a number above 0 and up to 8784')
    file, policies = load_platform(platform), load_policies()
    parts = plans(file.name, policies, hosts_of(file))
    now = datetime.now(UTC)
    due = next_runs(parts.values(), now, now + timedelta(hours=hours))
    if json:
        print_json(
            {
                'policies': [each.model_dump(mode='json') for each in policies],
                'runs': [{'at': each.at.isoformat(), 'host': each.host, 'task': each.task} for each in due],
            }
        )
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('policy', 'engine', 'places', 'loses at most', 'is back within', 'kept as'):
        table.add_column(column, no_wrap=column in {'policy', 'engine', 'kept as'}, overflow='fold')
    for each in policies:
        place = 'planned' if each.planned else ', '.join(each.places) + (', real time' if each.real_time else '')
        table.add_row(
            each.name, each.engine, place, spoken(each.recovery_point_seconds), spoken(each.recovery_time_seconds),
            each.keep.retention_class,
        )  # fmt: skip
    results.print(table)
    results.print(f'\n  {len(due)} tasks within {hours:g} h; the next of them (UTC):')
    for run in due[:SHOWN_RUNS]:
        results.print(f'  {run.at:%m-%d %H:%M}  {run.host:<8} {run.task}')


@app.command('status', epilog=CODES)
def status(platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False) -> None:
    """Show how each policy stands: last success, last verified restore, and every reason why it is not well."""
    file = load_platform(platform)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        lag = measure(remote, outputs)
        found, silent = statuses(file, remote, lag)
    if json:
        replica = None if lag is None else lag.document()
        print_json({**document_of(found, file.name, datetime.now(UTC)), 'silent': dict(silent), 'replica': replica})
    else:
        print_statuses(found, silent)
        print_lag(lag)
    raise typer.Exit(0 if not silent and all(each.state == 'ok' for each in found) else 1)


@app.command('run', epilog=CODES)
def run(
    policy: PolicyName,
    platform: PlatformFile = DEFAULT_PLATFORM,
    full: Annotated[bool, typer.Option('--full', help='Read all of it anew.')] = False,
    copy: Annotated[bool, typer.Option('--copy/--no-copy', help='Copy it to the other site, too.')] = True,
    json: Json = False,
) -> None:
    """Run a policy now, on the hosts that have its data, and copy what is new to the other site."""
    _do(platform, policy, ('full' if full else 'incremental', *(['copy'] if copy else [])), json=json)


@app.command('verify', epilog=CODES)
def verify(
    policy: PolicyName,
    platform: PlatformFile = DEFAULT_PLATFORM,
    data: Annotated[bool, typer.Option('--data', help='Read bytes too, not the structure alone.')] = False,
    json: Json = False,
) -> None:
    """Look whether what is kept of a policy is whole, in both places."""
    _do(platform, policy, ('data' if data else 'structure',), json=json)


@app.command('drill', epilog=CODES)
def drill(
    policy: PolicyName,
    platform: PlatformFile = DEFAULT_PLATFORM,
    accident: Annotated[
        bool, typer.Option('--accident', help='Of the database: delete rows of the drill, and have them back.')
    ] = False,
    stolen: Annotated[
        bool,
        typer.Option(
            '--stolen', help="Of files: attack an off-site copy with the writers' credentials, and have it back."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Restore a policy from both places into a scratch folder, compare it with what was kept, wipe it, record it."""
    if accident and stolen:
        raise BadInput('--accident and --stolen are two drills; do one after the other')
    if stolen and policy_named(policy).engine not in STOLEN_ENGINES:
        raise BadInput(f'--stolen: {policy} is kept by {policy_named(policy).engine}; the drill copies one of restic')
    if accident and policy_named(policy).engine != 'pgbackrest':
        raise BadInput(f'--accident: {policy} is kept as snapshots, between which there is nothing to go back to')
    _do(platform, policy, ('stolen' if stolen else 'accident' if accident else 'restore',), json=json)


@app.command('list', epilog=CODES)
def list_snapshots(
    policy: Annotated[str | None, typer.Argument(help='Only of this policy.')] = None,
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
) -> None:
    """List the snapshots that can be restored, in both places."""
    file = load_platform(platform)
    words = [] if policy is None else ['--policy', policy, '--repository', policy_named(policy).repository]
    with observing(file) as (remote, _), step('Asking both places'):
        require_bastion(file, remote)
        answer = ask_agent(remote, remote.bastion, ['list', *words], LISTING_SECONDS)
    reason = answer.failure()
    if reason is not None:
        raise AgentFailed(answer.code, reason)
    places = answer.documents[-1]['places']
    if json:
        print_json({'places': places})
    else:
        print_snapshots(places)
    if policy is not None and not any(each['snapshots'] for each in places):
        raise typer.Exit(ExitClass.NO_REPOSITORY.value)
    raise typer.Exit(0 if all(each['snapshots'] is not None for each in places) else 1)


@app.command('restore', epilog=CODES)
def restore(
    policy: PolicyName,
    target: Annotated[str, typer.Option('--target', help='An empty folder on the operations host; never a live path.')],
    platform: PlatformFile = DEFAULT_PLATFORM,
    host: Annotated[str | None, typer.Option('--host', help='Whose files.')] = None,
    snapshot: Annotated[str, typer.Option('--snapshot', help='Its identity; `latest` is the newest.')] = LATEST,
    to_time: Annotated[
        str | None,
        typer.Option('--to-time', help='As of when: ISO 8601 with a zone (2026-11-26T10:42:00+08:00), or `latest`.'),
    ] = None,
    place: Annotated[str, typer.Option('--place', help='`local` or `offsite`.')] = 'local',
    path: Annotated[list[str] | None, typer.Option('--path', help='Only what is below; may be given again.')] = None,
    discard: Annotated[bool, typer.Option('--discard', help='Wipe the database that stands in the folder.')] = False,
    standing_hours: Annotated[float, typer.Option('--standing-hours', help='How long a database may stand.')] = 24.0,
    dry_run: Annotated[bool, typer.Option('--dry-run', help='Say what would be done; do nothing.')] = False,
    seconds: Annotated[float, typer.Option('--seconds', help='How long it may take.')] = 3600.0,
    json: Json = False,
) -> None:
    """Restore into an empty folder on the operations host: files of a snapshot, or a database as of a moment.

    Of files every byte is compared. A database is started in the folder, sealed, and read over its socket there.
    """
    file, chosen = load_platform(platform), policy_named(policy)
    if place not in {'local', 'offsite'}:
        raise BadInput(f'--place: {place!r} is neither local nor offsite')
    if not math.isfinite(seconds) or seconds <= 0:
        raise BadInput('--seconds: wanted a number of seconds above 0')
    moment = None if to_time is None else wanted(to_time, datetime.now(UTC))
    given = {'--to-time': to_time is not None, '--host': host is not None, '--snapshot': snapshot != LATEST,
             '--path': bool(path), '--discard': discard}  # fmt: skip
    check_restore(chosen, {name for name, is_given in given.items() if is_given}, standing_hours)
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        if discard:
            discard_moment(file, remote, outputs, policy, target, dry_run=dry_run, json=json)
        elif chosen.engine == 'pgbackrest':
            a_moment = MomentWish(place, moment, target, standing_hours, seconds)
            restore_moment(file, remote, outputs, policy, a_moment, dry_run=dry_run, json=json)
        else:
            files = FileWish(str(host), place, snapshot, moment, target, tuple(path or ()), seconds)
            restore_files(file, remote, outputs, chosen, files, dry_run=dry_run, json=json)


@app.command('report', epilog=CODES)
def report(
    output: Annotated[Path, typer.Option('--output', help='The file to write: .html or .pdf.')],
    platform: PlatformFile = DEFAULT_PLATFORM,
    language: Annotated[str, typer.Option('--language', help='`zh` or `en`.')] = 'zh',
    force: Annotated[bool, typer.Option('--force', help='Replace a file that is there.')] = False,
    json: Json = False,
) -> None:
    """Write the report for auditors: each policy with what it promises and what was measured, the last restores."""
    file, spoken_in = load_platform(platform), next((each for each in LANGUAGES if each == language), None)
    if spoken_in is None:
        raise BadInput(f'--language: {language!r} is neither zh nor en')
    check_output(output, force=force)
    with observing(file) as (remote, outputs), step('Report') as shown:
        require_bastion(file, remote)
        records, silent = known_records(file, remote, measure(remote, outputs))
        found = judge(promises_of(file), records, datetime.now(UTC))
        size_bytes = write_report(output, spoken_in, file.name, found, records)
        shown.result = f'{size_bytes / 1000:.0f} kB in {output}'
    if json:
        print_json({'file': str(output), 'bytes': size_bytes, 'silent': dict(silent)})
    for sentence in () if json else silent.values():
        results.print(Text(f'  {sentence}', style='red'), soft_wrap=True)
    raise typer.Exit(1 if silent else 0)


@app.command('kit', epilog=KIT_CODES)
def kit(
    output: Annotated[Path, typer.Option('--output', '-o', help='The file to write, for its owner alone.')],
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
) -> None:
    """Write the recovery kit: what opens the off-site copies when all else is gone. Keep it offline, apart."""
    work = Work.of(platform)
    if not work.paths.outputs.exists():
        raise BadInput(f'platform {work.platform.name} does not stand; `anlan up` brings it up')
    with hold(work.paths.lock, 'anlan backup kit'):
        made = kit_of(work.platform, work.topology, work.paths, platform.read_text(encoding='utf-8'))
        write_kit(output, made, work.paths.directory)
    if json:
        print_json({'file': str(output)})
        return
    results.print(f'  {output}: opens all off-site copies of {work.platform.name}; two custodians keep it, offline')


app.command('rebuild', epilog=CODES)(rebuild_command)
app.command('rewind', epilog=CODES)(rewind_command)


def statuses(
    platform: Platform, remote: Remote, lag: Measured | None = None
) -> tuple[tuple[PolicyStatus, ...], Mapping[str, str]]:
    """Given a platform that stands, ask every host that has a part in backups, and judge each policy.

    Return the states, and by host why it said nothing: what it keeps is then not known to be well.
    """
    records, silent = known_records(platform, remote, lag)
    return judge(promises_of(platform), records, datetime.now(UTC)), silent


def promises_of(platform: Platform) -> tuple[Promise, ...]:
    """Given a platform, return what its policies promise."""
    return next(iter(plans(platform.name, load_policies(), hosts_of(platform)).values())).promises


def known_records(platform: Platform, remote: Remote, lag: Measured | None) -> tuple[list[Record], Mapping[str, str]]:
    """Return the records of all hosts that have a part in backups, and by host why there are none of it."""
    parts = plans(platform.name, load_policies(), hosts_of(platform))
    records, silent = records_of(remote, sorted(parts))
    if lag is not None:
        followed = [each.policy for each in promises_of(platform) if each.real_time_lag_seconds is not None]
        records += [each for policy in followed for each in lag.records(policy)]
    return records, silent


def policy_named(name: str) -> Policy:
    """Given a name, return its policy. Raise BadInput with those that there are."""
    policies = load_policies()
    found = next((each for each in policies if each.name == name), None)
    if found is None:
        raise BadInput(f'there is no policy {name!r}; there are {", ".join(each.name for each in policies)}')
    if found.planned is not None:
        raise BadInput(f'{name} is planned only: {found.planned.en}')
    return found


def _do(platform_file: Any, name: str, kinds: Sequence[str], *, json: bool) -> None:
    """Do tasks of a policy now where they belong, note it in the ledger, show what came of it, and exit."""
    file, chosen = load_platform(platform_file), policy_named(name)
    parts = plans(file.name, load_policies(), hosts_of(file))
    with observing(file) as (remote, outputs):
        require_bastion(file, remote)
        recording = Recording.begun(file, DRILLS.get(kinds[0], 'backup'), name, outputs)
        if {'incremental', 'full'} & set(kinds) and any(each.tier == OPERATOR for each in chosen.sources):
            paths = PlatformPaths.of(file.name)
            with hold(paths.lock, 'anlan backup run'), step('What stands under var/'):
                hand_over(remote, paths)
        ends: list[Ended] = []
        code, reasons = 0, list[str]()
        for kind in kinds:
            for host, words, seconds in _errands(parts, remote.bastion, chosen, kind):
                try:
                    with step(f'{" ".join(words[:2])} on {host}') as shown:
                        answer = ask_agent(remote, host, words, seconds, bar(shown))
                        found = ends_of(answer)
                        shown.result = _short(found, answer)
                except (AgentFailed, Unreachable) as failure:
                    code, reasons = code or failure.exit_code, [*reasons, str(failure)]
                    continue
                ends += found
                code = code or answer.code
        if not ends and not reasons:
            reasons = [f'nothing of {name} is kept yet; `anlan backup run {name}` keeps it']
            code = code or ExitClass.NO_REPOSITORY.value
        recording.ended(
            verdict_of(ends, reasons, kinds[0]),
            observed_of(ends, reasons),
            {'backup.jsonl': ''.join(line_of(each) + '\n' for each in ends).encode()},
            clauses_of(chosen, kinds[0]),
        )  # fmt: skip
    if json:
        print_json({'policy': name, 'ends': [from_json(line_of(each)) for each in ends], 'reasons': reasons})
    else:
        print_ends(ends, reasons)
    raise typer.Exit(code)


def _errands(
    parts: Mapping[str, HostPlan], keeper: str, policy: Policy, kind: str
) -> list[tuple[str, list[str], float]]:
    """Return which host is asked what, and how long it may take."""
    if kind == 'accident':
        seconds = float(policy.recovery_time_seconds * 2)
        return [
            (keeper, ['accident', '--policy', policy.name, '--place', place, '--seconds', f'{seconds:g}'], seconds)
            for place in policy.places
        ]
    if kind == 'stolen':
        words = ['stolen', '--policy', policy.name, '--repository', policy.repository]
        seconds = float(policy.schedule.deadline_seconds)
        return [(keeper, [*words, '--seconds', f'{seconds:g}'], 3 * seconds)]
    name = f'{policy.name}-{kind}'
    return [
        (host, ['task', name], 2.0 * task.deadline_seconds)
        for host, part in parts.items()
        for task in part.tasks
        if task.name == name
    ]


def _short(ends: Sequence[Ended], answer: Answer) -> str:
    bad = sum(is_bad(each) for each in ends)
    if not ends and not answer.code:
        return 'nothing is kept yet'
    return f'{len(ends)} done' if not bad and not answer.code else f'{bad} of {len(ends)} failed'
