"""`anlan backup restore` of files: which snapshot, what would be restored, and what came back."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anlan.cli.backup_hosts import LISTING_SECONDS, AgentFailed, ask_agent, class_word
from anlan.cli.recording import Recording
from anlan.console import Step, print_json, results, step
from anlan.errors import AnlanError, BadInput
from anlan.platform import Platform
from anlan.remote import Remote
from backup.failure import BackupFailed, ExitClass
from backup.moment import plain
from backup.policy import Policy

LATEST = 'latest'
MOST_STANDING_HOURS = 24.0 * 14


@dataclass(frozen=True)
class FileWish:
    """Which files are wanted: whose, of which snapshot, or of the newest one not after a time, and where to."""

    host: str
    place: str
    snapshot: str
    to_time: datetime | None
    target: str
    paths: tuple[str, ...]
    seconds: float


def check_restore(policy: Policy, given: Set[str], standing_hours: float) -> None:
    """Given a policy, which options are given, and how long a database may stand, raise BadInput if they do not fit."""
    if not math.isfinite(standing_hours) or not 0 < standing_hours <= MOST_STANDING_HOURS:
        raise BadInput(f'--standing-hours: wanted a number above 0 and up to {MOST_STANDING_HOURS:g}')
    if policy.engine != 'pgbackrest':
        if '--discard' in given:
            raise BadInput(f'--discard: {policy.name} is restored as files, which nothing runs on: remove them by hand')
        if '--host' not in given:
            raise BadInput(f'--host: say whose files of {policy.name} are wanted')
        if {'--to-time', '--snapshot'} <= given:
            raise BadInput('--to-time: a snapshot is named already; give one of both')
        return
    if '--discard' not in given and '--to-time' not in given:
        drill = f'to try it only: `anlan backup drill {policy.name}`'
        raise BadInput(f'--to-time: say as of when the database is wanted, or `latest` ({drill})')
    most = {'--discard'} if '--discard' in given else {'--to-time'}
    wrong = sorted(given - most)
    if wrong:
        raise BadInput(f'{", ".join(wrong)}: of no use beside {most.pop()} of a database')


def restore_files(
    file: Platform, remote: Remote, outputs: Mapping[str, Any], policy: Policy, wish: FileWish,
    *, dry_run: bool, json: bool,
) -> None:  # fmt: skip
    """Restore files into a folder on the operations host, or say what would be. Raise AgentFailed."""
    found = snapshot_of(remote, policy, wish)
    words = [
        'restore', '--repository', policy.repository, '--host', wish.host, '--place', wish.place, '--snapshot',
        found['identity'], '--target', wish.target, '--seconds', f'{wish.seconds:g}',
        *(word for each in wish.paths for word in ('--path', each)),
    ]  # fmt: skip
    if dry_run:
        answer = ask_agent(remote, remote.bastion, [*words, '--dry-run'], LISTING_SECONDS)
        if (reason := answer.failure()) is not None:
            raise AgentFailed(answer.code, reason)
        if json:
            print_json(
                {'would_restore': found, 'target': wish.target, 'paths': list(wish.paths), 'platform': file.name}
            )
        else:
            results.print(
                f'  would restore {found["identity"][:8]} of {wish.host} ({found["started"][:16]} UTC, '
                f'{found["files"]} files, {found["source_bytes"] / 1e6:.1f} MB) into {wish.target} on {remote.bastion}',
                markup=False, soft_wrap=True,
            )  # fmt: skip
        return
    recording = Recording.begun(file, 'restore', f'{policy.name} of {wish.host} from {wish.place}', outputs)
    with step('Restoring') as shown:
        answer = ask_agent(remote, remote.bastion, words, wish.seconds, bar(shown))
        if (reason := answer.failure()) is not None:
            recording.ended('fail', {'class': class_word(answer.code), 'reason': reason}, {})
            raise AgentFailed(answer.code, reason)
    done = answer.documents[-1]['restored']
    recording.ended(None, {'files': done['files'], 'bytes': done['restored_bytes']}, {})
    if json:
        print_json({'restored': done})
    else:
        rate = done['restored_bytes'] / max(done['seconds'], 0.001) / 1e6
        results.print(
            f'  {done["files"]} files, {done["restored_bytes"] / 1e6:.1f} MB in {wish.target} on {remote.bastion}, '
            f'{rate:.0f} MB/s\n  they stay there until somebody removes them: '
            f'anlan ssh {remote.bastion} -- sudo rm -r {shlex.quote(wish.target)}',
            markup=False, soft_wrap=True,
        )  # fmt: skip


def snapshot_of(remote: Remote, policy: Policy, wish: FileWish) -> Mapping[str, Any]:
    """Given what is wanted, return the snapshot as its place names it. Raise BadInput, BackupFailed or AgentFailed."""
    answer = ask_agent(
        remote, remote.bastion, ['list', '--policy', policy.name, '--repository', policy.repository], LISTING_SECONDS
    )
    if (reason := answer.failure()) is not None:
        raise AgentFailed(answer.code, reason)
    subject = (policy.repository, wish.host, wish.place)
    places = answer.documents[-1]['places']
    there = [each for each in places if (each['repository'], each['host'], each['place']) == subject]
    if not there:
        held = (each for each in places if each['repository'] == policy.repository and each['snapshots'])
        kept = sorted({each['host'] for each in held})
        raise BadInput(
            f'--host: nothing of {wish.host} is kept by {policy.name}; '
            f'there is something of {", ".join(kept) or "no host yet"}'
        )
    if there[0]['snapshots'] is None:
        raise AnlanError(f'the {wish.place} place does not say what it holds: {there[0]["sentence"]}')
    snapshots: Sequence[Mapping[str, Any]] = there[0]['snapshots']
    if wish.to_time is not None:
        return not_after(snapshots, wish.to_time, f'the {wish.place} place of {wish.host}')
    found = _chosen(snapshots, wish)
    if not found:
        elsewhere = [
            each['place'] for each in places
            if (each['repository'], each['host']) == subject[:2] and _chosen(each['snapshots'] or (), wish)
        ]  # fmt: skip
        hint = f'; it is in the other: --place {elsewhere[0]}' if elsewhere else ''
        wanted = 'snapshot' if wish.snapshot == LATEST else wish.snapshot
        raise BadInput(f'--snapshot: the {wish.place} place has no {wanted} of {wish.host}{hint}')
    return found[-1]


def _chosen(snapshots: Sequence[Mapping[str, Any]], wish: FileWish) -> list[Mapping[str, Any]]:
    return [each for each in snapshots if wish.snapshot == LATEST or each['identity'].startswith(wish.snapshot)]


def not_after(snapshots: Sequence[Mapping[str, Any]], moment: datetime, where: str) -> Mapping[str, Any]:
    """Given snapshots from old to new, return the newest one not after the moment. Raise BackupFailed."""
    times = [datetime.fromisoformat(each['started']) for each in snapshots]
    fit = [each for each, at in zip(snapshots, times, strict=True) if at <= moment]
    if fit:
        return fit[-1]
    kept = f'reaches from {plain(min(times))} to {plain(max(times))}' if times else 'is empty'
    raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{plain(moment)} is too long ago: {where} {kept}')


def bar(shown: Step) -> Callable[[Mapping[str, Any]], None]:
    """Given a step, return what moves its bar with each line of progress, and shows the rate."""

    def told(progress: Mapping[str, Any]) -> None:
        shown.total(int(progress['total_bytes']))
        shown.done(int(progress['done_bytes']))
        rate = progress['done_bytes'] / max(progress['elapsed_seconds'], 0.001) / 1e6
        shown.note(f'{rate:.0f} MB/s')

    return told
