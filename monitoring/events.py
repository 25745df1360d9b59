"""Events: what each monitoring host has of them, merged, and held against what the other has. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from anlan.errors import BadInput

NAMES = (
    'block', 'unblock', 'expire', 'spare', 'block-refused', 'intrusion', 'request-refused', 'block-list-start',
    'block-list-in-force', 'block-list-not-in-force', 'block-list-mended', 'block-list-stored',
    'block-list-not-stored', 'block-list-unusable', 'backup', 'test',
)  # fmt: skip
"""What hosts write as ANLAN_EVENT. `test` is what tests of a platform write."""

SETTLED = timedelta(seconds=10)
"""A younger event may still be on its way to one of the monitoring hosts."""

SAME = timedelta(seconds=2)
"""What several hosts tell of one thing, they tell within this."""

SILENT = timedelta(minutes=15)
"""A host of which nothing came for so long is named: every host writes a sign of life each five minutes."""

REQUEST = re.compile('[0-9a-f]{32}')
RECEIVING_TIER = 'monitoring'
EPOCH = datetime.fromtimestamp(0, UTC)
SPAN = re.compile(r'(\d{1,6})([smhd])')
UNITS = {'s': 'seconds', 'm': 'minutes', 'h': 'hours', 'd': 'days'}
COLUMNS = {
    'event': 'ANLAN_EVENT', 'type': 'ANLAN_TYPE', 'source': 'ANLAN_SOURCE', 'target': 'ANLAN_TARGET',
    'action': 'ANLAN_ACTION', 'reason': 'ANLAN_REASON', 'origin': 'ANLAN_ORIGIN', 'message': 'MESSAGE',
    'request': 'ANLAN_REQUEST', 'rules': 'ANLAN_RULES',
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """What a host saw: when, which event, of which sensor (`type`), by whom, against whom, and what was done.

    `on`: the monitoring hosts that have it. `request` and `rules`: of a refused request, its number, which the learner
    was shown, and the rules that found something.
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
    request: str = ''
    rules: str = ''


@dataclass(frozen=True)
class Row:
    """Events of one thing: the first of them, all their hosts and targets in the order told, and how many there are."""

    first: Event
    hosts: tuple[str, ...]
    targets: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Answer:
    """What one monitoring host has: entries by the host that they are of, and what it could not read.

    `newest`: when the last record of any kind was written, by host, in seconds since 1970; None of one never heard.
    """

    entries: Mapping[str, Sequence[Mapping[str, Any]]]
    errors: tuple[str, ...] = ()
    newest: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class EventListing:
    """The events, the oldest first, and what a monitoring host lacks or could not say.

    `cut`: the hosts of which as many were told as were asked for, so that there may be older ones.
    """

    monitors: tuple[str, ...]
    events: tuple[Event, ...]
    findings: tuple[str, ...]
    cut: tuple[str, ...] = ()

    def newest(self, count: int) -> EventListing:
        """Given how many, return the listing with no more than its newest events."""
        return replace(self, events=self.events[-count:])

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        document = asdict(self)
        del document['cut']
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


def network_of(text: str) -> str:
    """Given an address or a network in any spelling, return it in its usual one. Raise BadInput if it is neither."""
    try:
        if '%' in text:
            raise ValueError(text)
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        example = '198.18.1.31, 198.18.1.0/24, 2001:db8::1 or 2001:db8::/64'
        raise BadInput(f'--source {text}: is no address or network like {example}') from None
    whole = network.prefixlen == network.max_prefixlen
    if whole and (mapped := getattr(network.network_address, 'ipv4_mapped', None)):
        return str(mapped)
    return str(network.network_address if whole else network)


def name_of(text: str) -> str:
    """Given the name of an event, return it. Raise BadInput if no host writes such an event."""
    if text not in NAMES:
        raise BadInput(f'--type {text}: is no event; there are {", ".join(NAMES)}')
    return text


def request_of(text: str) -> str:
    """Given the number of a refused request, return it as hosts write it. Raise BadInput if it cannot be one."""
    number = text.strip().lower()
    if not REQUEST.fullmatch(number):
        raise BadInput(f'--request {text}: is no number of a request; it has 32 characters of 0–9 and a–f')
    return number


def rows_of(events: Sequence[Event]) -> list[Row]:
    """Given events, the oldest first, return what was told: what is the same event, source, type and action is one row.

    That holds for what follows the first of them within SAME, of whatever host.
    """
    groups: list[list[Event]] = []
    latest: dict[tuple[str, ...], list[Event]] = {}
    for event in events:
        key = (event.event, source_of(event), event.type, event.action)
        group = latest.get(key)
        if group is not None and event.time - group[0].time <= SAME:
            group.append(event)
        else:
            latest[key] = [event]
            groups.append(latest[key])
    return [
        Row(group[0], _once(each.host for each in group), _once(each.target for each in group), len(group))
        for group in groups
    ]


def source_of(event: Event) -> str:
    """Given an event, return its source in its usual spelling; what is no address or network stays as it is."""
    try:
        return network_of(event.source)
    except BadInput:
        return event.source


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))


def answer_of(text: str) -> Answer | str:
    """Given what a monitoring host printed, return its answer, or why there is none."""
    entries: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    errors = []
    newest: dict[str, float | None] = {}
    for line in text.splitlines():
        try:
            document = json.loads(line)
            host = document['host']
            if 'error' in document:
                errors.append(f'the store of {host} cannot be read: {document["error"]}')
                continue
            if 'newest' in document:
                newest[host] = None if document['newest'] is None else float(document['newest'])
                continue
            identity_of(document['entry'])
            entries[host].append(document['entry'])
        except (ValueError, TypeError, KeyError):
            return f'it gave no answer that can be read: {line[:80]}'
    return Answer(dict(entries), tuple(errors), newest)


def identity_of(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Given an entry, return what it is known by wherever it is stored: boot, both clocks, and the sum of its fields.

    Raise KeyError, ValueError or TypeError for what is no entry.
    """
    parts = dict(part.split('=', 1) for part in entry['__CURSOR'].split(';'))
    return parts['b'], parts['m'], parts['t'], parts['x']


def judge(answers: Mapping[str, Answer | str], limit: int, now: datetime) -> EventListing:
    """Given the answer of each monitoring host, or why there is none, return the events and what one lacks.

    `limit`: so many events of a host were asked for. Where there were as many, what is not younger than the oldest is
    not known of that monitoring host, and not missed. `now`: when they were asked. What happened within SETTLED before
    is shown and not missed: it may be on its way.
    """
    findings = []
    heard: dict[str, Answer] = {}
    for monitor, answer in answers.items():
        if isinstance(answer, str):
            findings.append(f'{monitor}: not observed: {answer}')
        else:
            heard[monitor] = answer
            findings += [f'{monitor}: not observed: {error}' for error in answer.errors]
            findings += [f'{monitor}: {silence}' for silence in _silences(answer.newest, now)]
    events: list[Event] = []
    cut = []
    lacking: dict[str, list[Event]] = defaultdict(list)
    for host in sorted({host for answer in heard.values() for host in answer.entries}):
        on: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
        known: dict[tuple[str, str, str, str], Mapping[str, Any]] = {}
        since = {monitor: _asked_since(answer.entries.get(host, ()), limit) for monitor, answer in heard.items()}
        if any(since.values()):
            cut.append(host)
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
                # A host whose clock is far ahead does not escape: its events are as old as any.
                settled = abs(now - event.time) >= SETTLED
                if settled and monitor not in event.on and int(entry['__REALTIME_TIMESTAMP']) > since[monitor]:
                    lacking[monitor].append(event)
    for monitor, lacked in lacking.items():
        newest = max(lacked, key=lambda event: event.time)
        findings.append(
            f'{monitor}: lacks {len(lacked)} of {len(events)} events, the newest of {newest.host}, '
            f'{newest.event} at {newest.time:%Y-%m-%d %H:%M:%S}'
        )
    events.sort(key=lambda event: (event.time, event.host))
    return EventListing(tuple(answers), tuple(events), tuple(findings), tuple(cut))


def _silences(newest: Mapping[str, float | None], now: datetime) -> list[str]:
    """Given when each host was last heard, return a sentence for each that is silent."""
    found = []
    for host, moment in sorted(newest.items()):
        if moment is None:
            found.append(f'has never heard {host}')
        elif now.timestamp() - moment > SILENT.total_seconds():
            found.append(f'has heard nothing of {host} for {(now.timestamp() - moment) / 60:.0f} min')
    return found


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
