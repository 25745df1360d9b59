"""restic's answers in JSON as the port's plain data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backup.port import Forgotten, Progress, Retention, Snapshot

POLICY_TAG = 'policy'
FREED = re.compile(r'total prune:\s+\d+ blobs? / ([0-9.]+) (B|KiB|MiB|GiB|TiB)')
UNITS = {'B': 1, 'KiB': 1 << 10, 'MiB': 1 << 20, 'GiB': 1 << 30, 'TiB': 1 << 40}


def moment(text: str) -> datetime:
    """Given a time as Go writes it, down to the nanosecond, return it in UTC. Raise ValueError if it is none."""
    match = re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)', text)
    if match is None:
        raise ValueError(f'{text!r} is no time')
    whole, fraction, zone = match.groups()
    return datetime.fromisoformat(
        f'{whole}{(fraction or ".0")[:7].ljust(7, "0")}{zone.replace("Z", "+00:00")}'
    ).astimezone(UTC)


def document(line: str) -> dict[str, Any]:
    """Given a line of output, return it as JSON, or nothing if it is none: prune speaks plain text even so."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def tags_of(words: Sequence[str] | None) -> dict[str, str]:
    """Given restic's tags (`key=value`), return them by key; one without a value stands for itself."""
    return {key: value for key, _, value in (word.partition('=') for word in words or ())}


def snapshot_of(found: Mapping[str, Any]) -> Snapshot:
    """Given a snapshot as restic lists it, return it. Before 0.17 there is no summary, and its sizes are 0."""
    summary = found.get('summary') or {}
    tags = tags_of(found.get('tags'))
    started = moment(summary.get('backup_start') or found['time'])
    return Snapshot(
        identity=found['id'],
        policy=tags.pop(POLICY_TAG, ''),
        host=found.get('hostname', ''),
        started=started,
        ended=moment(summary['backup_end']) if summary.get('backup_end') else started,
        paths=tuple(found.get('paths') or ()),
        source_bytes=int(summary.get('total_bytes_processed', 0)),
        files=int(summary.get('total_files_processed', 0)),
        parent=found.get('parent'),
        tags=tags,
    )


def snapshots_of(text: str) -> tuple[Snapshot, ...]:
    """Given the answer of `snapshots`, return them from old to new. Raise ValueError if it is none."""
    try:
        found = [snapshot_of(each) for each in json.loads(text) or ()]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'the list of snapshots cannot be read: {error}') from None
    return tuple(sorted(found, key=lambda each: (each.started, each.identity)))


def progress_of(found: Mapping[str, Any], elapsed_seconds: float) -> Progress:
    """Given a line `status` of a backup or a restore, return how far it is."""
    return Progress(
        files=int(found.get('files_done', found.get('files_restored', 0))),
        total_files=int(found.get('total_files', 0)),
        done_bytes=int(found.get('bytes_done', found.get('bytes_restored', 0))),
        total_bytes=int(found.get('total_bytes', 0)),
        elapsed_seconds=elapsed_seconds,
    )


def keep_words(retention: Retention) -> list[str]:
    """Given a retention, return it as restic's options. The newest is kept whatever it says."""
    words = ['--keep-last', str(max(1, retention.last))]
    for name in ('daily', 'weekly', 'monthly', 'yearly'):
        if getattr(retention, name):
            words += [f'--keep-{name}', str(getattr(retention, name))]
    if retention.within_days:
        words += ['--keep-within', f'{retention.within_days}d']
    return words


def forgotten_of(text: str, freed_bytes: int) -> Forgotten:
    """Given the answer of `forget` and what pruning freed, return both. Raise ValueError if it is no answer."""
    line = next((each for each in text.splitlines() if each.startswith('[')), '[]')
    groups = json.loads(line)
    kept = tuple(each['id'] for group in groups for each in group.get('keep') or ())
    removed = tuple(each['id'] for group in groups for each in group.get('remove') or ())
    return Forgotten(kept, removed, freed_bytes)


def freed_bytes_of(text: str) -> int:
    """Given the words of `prune`, return what it freed; restic rounds that to three digits after the point."""
    match = FREED.search(text)
    return round(float(match.group(1)) * UNITS[match.group(2)]) if match else 0
