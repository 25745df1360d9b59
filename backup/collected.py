"""What a monitoring host has collected of the backups: the records that are believed and still matter. Pure.

An entry of the journal counts if root of its host wrote it, its record can be read, and its sender may say that.
Everything else is counted, by sender and reason, and leaves no other trace.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backup.announcement import FIELD
from backup.mattering import mattering
from backup.record import LONGEST_LINE_BYTES, Record, line_of, record_of
from backup.speakers import Speakers
from backup.task import Promise

VERSION = 1
ROOT_ACCOUNT = '0'
MOST_RECORDS = 20000
"""A bound that no platform of ours comes near: what matters is some dozens a policy and host."""

REASONS = ('account', 'another', 'unknown', 'unreadable')
"""Why a record is not believed: who wrote it on its host, who sent it, what it is of, or that it cannot be read."""

Refusal = Callable[[str, Record], str | None]
"""Given whose word a record is, and the record: None, or a word why that is not believed."""


@dataclass(frozen=True)
class Collected:
    """How far each host's entries were read, what of them matters, and how many were refused by host and reason."""

    cursors: Mapping[str, str] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            'version': VERSION,
            'cursors': dict(self.cursors),
            'records': [line_of(each) for each in self.records],
            'refused': [[host, reason, count] for (host, reason), count in sorted(self.refused.items())],
        }


def collected_of(document: Any) -> Collected:
    """Given what `document` made, return it. Raise ValueError, KeyError or TypeError if it is something else."""
    if not isinstance(document, dict) or document['version'] != VERSION:
        raise ValueError(f'it is not of version {VERSION}')
    return Collected(
        {str(host): str(cursor) for host, cursor in document['cursors'].items()},
        tuple(record_of(line) for line in document['records']),
        {(str(host), str(reason)): int(count) for host, reason, count in document['refused']},
    )


def taken_in(before: Collected, sender: str, entries: Iterable[str], refusal: Refusal, now: datetime) -> Collected:
    """Given what there is, whose entries come, these as lines of JSON, and a rule, return what there is then.

    Raise ValueError if a line is no entry of a journal: then nothing can be said of how far it was read.
    """
    cursor = before.cursors.get(sender)
    records: list[Record] = []
    refused = Counter(before.refused)
    for line in entries:
        entry = json.loads(line)
        if not isinstance(entry, dict) or not isinstance(entry.get('__CURSOR'), str):
            raise ValueError(f'no entry of a journal: {line[:80]}')
        cursor = entry['__CURSOR']
        record = _record_of(entry)
        reason = record if isinstance(record, str) else refusal(sender, record)
        if reason is not None:
            refused[sender, reason] += 1
        elif not isinstance(record, str):
            records.append(record)
    cursors = dict(before.cursors) if cursor is None else {**before.cursors, sender: cursor}
    kept = mattering([*before.records, *records], now)[-MOST_RECORDS:]
    return replace(before, cursors=cursors, records=tuple(kept), refused=dict(refused))


def still_wanted(collected: Collected, speakers: Speakers, promises: Sequence[Promise]) -> Collected:
    """Given what there is and what rules now, leave out what is of policies, places and hosts that are gone."""
    places = {each.policy: each.places for each in promises}
    records = tuple(
        each for each in collected.records if each.place in places.get(each.policy, ()) and each.host in speakers.hosts
    )
    return replace(
        collected,
        cursors={host: cursor for host, cursor in collected.cursors.items() if host in speakers.hosts},
        records=records,
        refused={key: count for key, count in collected.refused.items() if key[0] in speakers.hosts},
    )


def _record_of(entry: Mapping[str, Any]) -> Record | str:
    """Given an entry, return its record, or a word why it has none that is believed."""
    if entry.get('_UID') != ROOT_ACCOUNT:
        return 'account'
    value = entry.get(FIELD)
    try:
        # What holds a character that cannot be printed comes as a list of bytes.
        line = bytes(value).decode() if isinstance(value, list) else value
        if not isinstance(line, str) or len(line.encode()) > LONGEST_LINE_BYTES:
            return 'unreadable'
        return record_of(line)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 'unreadable'
