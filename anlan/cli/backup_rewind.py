"""`anlan backup rewind`: the other site's store brought back to what it held before somebody wrote over it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.backup_hosts import AgentFailed, ask_agent, class_word
from anlan.cli.backup_restore import bar
from anlan.cli.confirming import confirm_by_name
from anlan.cli.observing import observing, require_bastion
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.cli.recording import Recording
from anlan.console import json_text, print_json, results, step
from anlan.errors import BadInput
from anlan.platform import load_platform
from backup.moment import plain, wanted

NEXT = (
    'anlan secret rotate --revoke object_store_writer_secret   what was stolen opens nothing any more',
    'anlan backup verify POLICY --data                         every policy: what came back is whole',
    'anlan backup run POLICY --full                            what came after the moment is kept anew',
)


def rewind_command(
    to_time: Annotated[
        str, typer.Option('--to-time', help='To when: ISO 8601 with a zone (2026-11-26T10:42:00+08:00).')
    ],
    platform: PlatformFile = DEFAULT_PLATFORM,
    bucket: Annotated[list[str] | None, typer.Option('--bucket', help='Only this bucket; may be given again.')] = None,
    keep_new: Annotated[
        bool, typer.Option('--keep-new', help='Leave what was not there at the moment; else it is hidden.')
    ] = False,
    yes: Annotated[bool, typer.Option('--yes', '-y', help="Do not ask for the platform's name.")] = False,
    dry_run: DryRun = False,
    seconds: Annotated[float, typer.Option('--seconds', help='How long it may take.')] = 3600.0,
    json: Json = False,
) -> None:
    """Bring the store of the other site back to what it held at a moment, all repositories at once.

    For what stolen credentials overwrote and deleted. Nothing is destroyed: another moment can be gone to after it.
    `--dry-run` shows by the hour what was changed, which helps to find the moment.
    """
    file = load_platform(platform)
    moment = wanted(to_time, datetime.now(UTC))
    if moment is None:
        raise BadInput('--to-time: a store is brought back to a moment, and `latest` is what it holds')
    if not math.isfinite(seconds) or seconds <= 0:
        raise BadInput('--seconds: wanted a number of seconds above 0')
    words = ['rewind', '--to-time', moment.isoformat(), '--seconds', f'{seconds:g}',
             *(word for each in bucket or () for word in ('--bucket', each)),
             *(['--keep-new'] if keep_new else [])]  # fmt: skip
    with observing(file) as (remote, outputs):
        vault = next((name for name, each in outputs['hosts'].items() if each['tier'] == 'offsite'), None)
        if vault is None:
            raise BadInput(f'platform {file.name} has no host in another site')
        require_bastion(file, remote)
        if dry_run:
            with step(f'Looking what {vault} holds and held'):
                answer = ask_agent(remote, vault, [*words, '--dry-run'], seconds)
            if (reason := answer.failure()) is not None:
                raise AgentFailed(answer.code, reason)
            _show(answer.documents[-1]['would_rewind'], file.name, json=json, done=False)
            return
        if not yes:
            confirm_by_name(file.name, f'This brings the store of {vault} back to {plain(moment)}')
        recording = Recording.begun(file, 'rewind', f'{vault} as of {plain(moment)}', outputs)
        with step(f'Bringing {vault} back') as shown:
            answer = ask_agent(remote, vault, words, seconds, bar(shown))
            if (reason := answer.failure()) is not None:
                recording.ended('fail', {'class': class_word(answer.code), 'reason': reason}, {})
                raise AgentFailed(answer.code, reason)
    found = answer.documents[-1]['rewound']
    recording.ended(None, {'buckets': len(found), 'moment': moment.isoformat()},
                    {'rewound.json': json_text(found).encode()})  # fmt: skip
    _show(found, file.name, json=json, done=True)


def _show(found: Sequence[Mapping[str, Any]], platform: str, *, json: bool, done: bool) -> None:
    if json:
        print_json({'rewound' if done else 'would_rewind': found, 'platform': platform})
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('bucket', 'as it was', 'put back', 'MB', 'uncovered', 'hidden'):
        table.add_column(column, justify='left' if column == 'bucket' else 'right')
    for each in found:
        table.add_row(
            each['bucket'], *(f'{each[name]:,}' for name in ('same', 'put_back')),
            f'{each["put_back_bytes"] / 1e6:,.1f}', *(f'{each[name]:,}' for name in ('uncovered', 'hidden')),
        )  # fmt: skip
    results.print(table)
    if done:
        results.print('\n  Next:')
        for line in NEXT:
            results.print(Text(f'  {line}'), soft_wrap=True)
        return
    hours: dict[str, int] = {}
    for each in found:
        for hour, many in each['changed_by_hour'].items():
            hours[hour] = hours.get(hour, 0) + many
    if hours:
        results.print('\n  Overwritten or deleted since then, by the hour (UTC):')
        most = max(hours.values())
        for hour, many in sorted(hours.items()):
            results.print(f'  {hour}  {many:>7,}  {"█" * max(1, round(40 * many / most))}')
