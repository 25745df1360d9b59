"""`anlan backup restore --to-time` of a database: what stands there as of a moment, how it is read, and its end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anlan.cli.backup_hosts import LISTING_SECONDS, AgentFailed, Answer, ask_agent, class_word
from anlan.cli.backup_restore import bar
from anlan.cli.recording import Recording
from anlan.console import json_text, print_json, results, step
from anlan.platform import Platform
from anlan.remote import Remote
from backup.moment import LATEST, plain

DISCARD_SECONDS = 600.0


@dataclass(frozen=True)
class MomentWish:
    """Which moment of a database is wanted (None: the latest), from where, where to, and for how long."""

    place: str
    to_time: datetime | None
    target: str
    standing_hours: float
    seconds: float


def restore_moment(
    file: Platform, remote: Remote, outputs: Mapping[str, Any], policy: str, wish: MomentWish,
    *, dry_run: bool, json: bool,
) -> None:  # fmt: skip
    """Restore the database as of a moment on the operations host, or say what would be. Raise AgentFailed."""
    words = [
        'moment', '--place', wish.place, '--to-time', wish.to_time.isoformat() if wish.to_time else LATEST,
        '--target', wish.target, '--seconds', f'{wish.seconds:g}', '--hours', f'{wish.standing_hours:g}',
    ]  # fmt: skip
    if dry_run:
        with step('Looking what there is'):
            answer = ask_agent(remote, remote.bastion, [*words, '--dry-run'], min(wish.seconds, LISTING_SECONDS))
        _refused(answer)
        found = answer.documents[-1]['would_restore']
        if json:
            print_json({'would_restore': found, 'platform': file.name})
        else:
            _print_plan(found)
        return
    recording = Recording.begun(file, 'restore', f'{policy} as of {plain(wish.to_time)} from {wish.place}', outputs)
    with step('Restoring') as shown:
        move = bar(shown)

        def told(progress: Mapping[str, Any]) -> None:
            move(progress)
            rate = progress['done_bytes'] / max(progress['elapsed_seconds'], 0.001) / 1e6
            shown.note(f'{"log" if progress["total_files"] else "backup"}, {rate:.0f} MB/s')

        answer = ask_agent(remote, remote.bastion, words, wish.seconds, told)
        if (reason := answer.failure()) is not None:
            recording.ended('fail', {'class': class_word(answer.code), 'reason': reason}, {})
            raise AgentFailed(answer.code, reason)
        done = answer.documents[-1]['moment']
        shown.result = (
            f'{done["restored_bytes"] / 1e6:.1f} MB, {done["restored_bytes"] / done["seconds"] / 1e6:.0f} MB/s'
        )
    recording.ended(
        None, {name: done[name] for name in ('identity', 'target', 'backup', 'to_time', 'recovery_point', 'expires')},
        {'moment.json': json_text(done).encode()},
    )  # fmt: skip
    if json:
        print_json({'restored': done})
    else:
        _print_standing(done, policy, remote.bastion)


def discard_moment(
    file: Platform, remote: Remote, outputs: Mapping[str, Any], policy: str, target: str, *, dry_run: bool, json: bool
) -> None:
    """Wipe what was restored as of a moment, and record that it is gone. Raise AgentFailed."""
    words = ['discard', '--target', target]
    if dry_run:
        answer = ask_agent(remote, remote.bastion, [*words, '--dry-run'], LISTING_SECONDS)
        _refused(answer)
        found = answer.documents[-1]['would_wipe']
        if json:
            print_json({'would_wipe': found})
        else:
            _say(f'  would wipe {target}: {found["files"]} files, {found["bytes"] / 1e6:.1f} MB')
        return
    recording = Recording.begun(file, 'restore', f'{policy}: {target} is wiped', outputs)
    with step('Wiping') as shown:
        answer = ask_agent(remote, remote.bastion, words, DISCARD_SECONDS)
        if (reason := answer.failure()) is not None:
            recording.ended('fail', {'class': class_word(answer.code), 'reason': reason}, {})
            raise AgentFailed(answer.code, reason)
        done = answer.documents[-1]['wiped']
        shown.result = f'{done["files"]} files, {done["bytes"] / 1e6:.1f} MB'
    recording.ended(None, done, {'wiped.json': json_text(done).encode()})
    if json:
        print_json({'wiped': done})
    elif done['was_there']:
        _say(f'  {target} is gone, and nothing runs there any more')
    else:
        _say(f'  {target} was gone already; nothing runs there any more')


def _refused(answer: Answer) -> None:
    if (reason := answer.failure()) is not None:
        raise AgentFailed(answer.code, reason)


def _print_plan(found: Mapping[str, Any]) -> None:
    reach = found['reach']
    _say(f'  would restore the database as of {_moment(found["to_time"])} into {found["target"]}')
    _say(
        f'  from the {found["backup_kind"]} backup {found["backup"]}, which ended at {_moment(found["backup_ended"])}: '
        f'{found["backup_bytes"] / 1e6:.1f} MB, {found["backup_stored_bytes"] / 1e6:.1f} MB stored'
    )
    _say(
        f'  and about {found["log_pieces"]} pieces of the log: {found["log_bytes"] / 1e6:.1f} MB, '
        f'{found["log_stored_bytes"] / 1e6:.1f} MB stored'
    )
    _say(f'  the {found["place"]} place reaches from {_moment(reach["first"])} to {_moment(reach["last"])}')
    if found['young']:
        _say('  it is younger than that: the leader will be asked to finish the piece of its log first')


def _print_standing(done: Mapping[str, Any], policy: str, bastion: str) -> None:
    target, database = shlex.quote(done['target']), shlex.quote(done['database'])
    reached = done['recovery_point']
    point = f'its last transaction is of {_moment(reached)}' if reached else 'no transaction was played back'
    if reached and done['to_time']:
        asked, there = datetime.fromisoformat(done['to_time']), datetime.fromisoformat(reached)
        point += f', {(asked - there).total_seconds():.1f} s before what was asked for'
    as_account = 'sudo runuser -u postgres --'
    _say(f'  the database as of {_moment(done["to_time"])} stands in {done["target"]} of {bastion}, sealed: {point}')
    for note in done['notes']:
        _say(f'  {note}')
    _say(f'  look at it:     anlan ssh {bastion}, then: {as_account} psql -h {target} -d {database}')
    rows = f'--data-only --inserts --on-conflict-do-nothing -t TABLE -f {target}/rows.sql'
    _say(f'  take rows out:  {as_account} pg_dump -h {target} -d {database} {rows}')
    _say(f'  wipe it:        anlan backup restore {policy} --target {target} --discard')
    _say(f'  it is stopped and wiped by itself after {_moment(done["expires"])}')


def _moment(text: str | None) -> str:
    return plain(datetime.fromisoformat(text) if text else None)


def _say(text: str) -> None:
    results.print(text, markup=False, soft_wrap=True)
