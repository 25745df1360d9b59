"""Events: what each monitoring host has of them, merged, and held against what the other has. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from anlan.errors import BadInput

RECEIVING_TIER = 'monitoring'
EPOCH = datetime.fromtimestamp(0, UTC)
SPAN = re.compile(r'(\d{1,6})([smhd])')
UNITS = {'s': 'seconds', 'm': 'minutes', 'h': 'hours', 'd': 'days'}
COLUMNS = {
    'event': 'ANLAN_EVENT', 'type': 'ANLAN_TYPE', 'source': 'ANLAN_SOURCE', 'target': 'ANLAN_TARGET',
    'action': 'ANLAN_ACTION', 'reason': 'ANLAN_REASON', 'origin': 'ANLAN_ORIGIN', 'message': 'MESSAGE',
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """What a host saw: when, which event, of which sensor (`type`), by whom, against whom, and what was done.

    `on`: the monitoring hosts that have it.
    """

    time: datetime
    host: str
    event: str
    type: str
    source: str
    target: str
    action: str
    reason: str
    origin: str
    message: str
    on: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What one monitoring host has: entries by the host that they are of, and what it could not read."""

    entries: Mapping[str, Sequence[Mapping[str, Any]]]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventListing:
    """The events, the oldest first, and what a monitoring host lacks or could not say."""

    monitors: tuple[str, ...]
    events: tuple[Event, ...]
    findings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        document = asdict(self)
        for event in document['events']:
            event['time'] = event['time'].isoformat(timespec='microseconds')
        return document


def monitors_of(outputs: Mapping[str, Any]) -> list[str]:
    """Given the outputs of an `up`, return the hosts that keep events."""
    return [name for name, host in outputs['hosts'].items() if host['tier'] == RECEIVING_TIER]


def moment_of(text: str, now: datetime) -> datetime:
    """Given `90s`, `10m`, `1h`, `7d` or a time, return the moment, so long before `now`. Raise BadInput otherwise."""
    found = SPAN.fullmatch(text.strip())
    try:
        moment = now - timedelta(**{UNITS[found[2]]: int(found[1])}) if found else datetime.fromisoformat(text.strip())
    except OverflowError:
        moment = datetime.min
    except ValueError:
        example = 'a span like 90s, 10m, 1h or 7d nor a time like 2026-11-25T12:00'
        raise BadInput(f'--since {text}: is neither {example}') from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EPOCH <= moment <= now:
        raise BadInput(f'--since {text}: no host kept events then; it is a time between 1970 and now')
    return moment


def answer_of(text: str) -> Answer | str:
    """Given what a monitoring host printed, return its answer, or why there is none."""
    entries: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    errors = []
    for line in text.splitlines():
        try:
            document = json.loads(line)
            host = document['host']
            if 'error' in document:
                errors.append(f'the store of {host} cannot be read: {document["error"]}')
                continue
            identity_of(document['entry'])
            entries[host].append(document['entry'])
        except (ValueError, TypeError, KeyError):
            return f'it gave no answer that can be read: {line[:80]}'
    return Answer(dict(entries), tuple(errors))


def identity_of(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Given an entry, return what it is known by wherever it is stored: boot, both clocks, and the sum of its fields.

    Raise KeyError, ValueError or TypeError for what is no entry.
    """
    parts = dict(part.split('=', 1) for part in entry['__CURSOR'].split(';'))
    return parts['b'], parts['m'], parts['t'], parts['x']


def judge(answers: Mapping[str, Answer | str], limit: int) -> EventListing:
    """Given the answer of each monitoring host, or why there is none, return the events and what one lacks.

    `limit`: so many events of a host were asked for. Where there were as many, what is older than the oldest is not
    known of that monitoring host, and not missed.
    """
    findings = []
    heard: dict[str, Answer] = {}
    for monitor, answer in answers.items():
        if isinstance(answer, str):
            findings.append(f'{monitor}: not observed: {answer}')
        else:
            heard[monitor] = answer
            findings += [f'{monitor}: not observed: {error}' for error in answer.errors]
    events: list[Event] = []
    lacking: dict[str, list[Event]] = defaultdict(list)
    for host in sorted({host for answer in heard.values() for host in answer.entries}):
        on: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
        known: dict[tuple[str, str, str, str], Mapping[str, Any]] = {}
        since = {monitor: _asked_since(answer.entries.get(host, ()), limit) for monitor, answer in heard.items()}
        for monitor, answer in heard.items():
            for entry in answer.entries.get(host, ()):
                identity = identity_of(entry)
                known.setdefault(identity, entry)
                if monitor not in on[identity]:
                    on[identity].append(monitor)
        for identity, entry in known.items():
            event = _event(host, entry, tuple(on[identity]))
            events.append(event)
            for monitor in heard:
                if monitor not in event.on and int(entry['__REALTIME_TIMESTAMP']) >= since[monitor]:
                    lacking[monitor].append(event)
    for monitor, lacked in lacking.items():
        newest = max(lacked, key=lambda event: event.time)
        findings.append(
            f'{monitor}: lacks {len(lacked)} of {len(events)} events, the newest of {newest.host}, '
            f'{newest.event} at {newest.time:%Y-%m-%d %H:%M:%S}'
        )
    events.sort(key=lambda event: (event.time, event.host))
    return EventListing(tuple(answers), tuple(events), tuple(findings))


def _asked_since(entries: Sequence[Mapping[str, Any]], limit: int) -> int:
    if len(entries) < limit:
        return 0
    return min(int(entry['__REALTIME_TIMESTAMP']) for entry in entries)


def _event(host: str, entry: Mapping[str, Any], on: tuple[str, ...]) -> Event:
    moment = datetime.fromtimestamp(int(entry['__REALTIME_TIMESTAMP']) / 1e6, UTC)
    return Event(moment, host, **{name: _text(entry.get(field)) for name, field in COLUMNS.items()}, on=on)


def _text(value: Any) -> str:
    """Given a field as journalctl prints it, return it as text: several values are a list, bytes a list of numbers."""
    if isinstance(value, list):
        if value and all(isinstance(each, int) for each in value):
            return bytes(value).decode(errors='replace')
        return ', '.join(_text(each) for each in value)
    return '' if value is None else str(value)
