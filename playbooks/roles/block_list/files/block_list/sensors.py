"""Sensors: what Suricata, nginx, HAProxy and the application say, turned into sightings of an attacker. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from block_list.entries import clean

ALERT_POINTS = {1: 100, 2: 40, 3: 10}
SEVERE_FAMILIES = {
    '930': 'path traversal', '931': 'remote file inclusion', '932': 'command execution', '933': 'PHP injection',
    '934': 'code injection', '942': 'SQL injection', '944': 'Java injection',
}  # fmt: skip
"""Families of the Core Rule Set, by the first three digits of a rule's number, that nobody meets by mistake."""

SEVERE_TAGS = {
    'attack-lfi': 'path traversal', 'attack-rfi': 'remote file inclusion', 'attack-rce': 'command execution',
    'attack-sqli': 'SQL injection', 'attack-injection-php': 'PHP injection',
}  # fmt: skip
SEVERE_ANOMALY_SCORE = 10
"""Two critical rules at once. The sum's own rule does not say of which family they were."""

DENIAL_POINTS = 40
LIMIT_POINTS = 1
"""A class behind one address may meet a limit dozens of times; a flood meets it hundreds of times."""

# What a request holds stands behind what is matched here, so a request cannot write itself another client.
NGINX_DENIAL = re.compile(
    r'\[error\] \d+#\d+: (?:\*\d+ )?\[client (?P<client>[0-9A-Fa-f.:]+)\] ModSecurity: Access denied'
)
NGINX_LIMIT = re.compile(
    r'\[error\] \d+#\d+: \*\d+ (?P<what>limiting (?:requests|connections))(?:, excess: [\d.]+)?'
    r' by zone "(?P<zone>[\w.-]+)", client: (?P<client>[0-9A-Fa-f.:]+), '
)
RULE = re.compile(r'\[id "(\d{1,9})"\]')
TAG = re.compile(r'\[tag "([\w/.-]{1,60})"\]')
ANOMALY_SCORE = re.compile(r'Total (?:Inbound )?Score: (\d{1,5})')
HAPROXY = re.compile(
    r'haproxy\[\d+\]: (?P<client>[0-9A-Fa-f.:]+):\d+ \[[^\]]+\] (?P<frontend>\S+) \S+ \S+ (?P<status>\d{3}|-1) \S+ '
    r'\S+ \S+ (?P<state>\S{2,4}) \S+ \S+ (?:\{(?P<forwarded>[^|}]*)[^}]*\} )?'
)
HAPROXY_DENIED = ('PR', 'PT')


class Unreadable(Exception):
    """What a sensor sent is not of a form that it sends."""


@dataclass(frozen=True)
class Sighting:
    """A source did something for so many points; at 100 within the window it is shut out."""

    source: str
    sensor: str
    reason: str
    points: int


def from_report(data: bytes) -> Sighting:
    """Given a datagram of the report socket, return the sighting. Raise Unreadable if it is none."""
    content = _json(data)
    source, sensor, reason, points = (content.get(key) for key in ('source', 'type', 'reason', 'points'))
    if not isinstance(source, str) or not isinstance(points, int) or isinstance(points, bool):
        raise Unreadable('a report has a source and points')
    if not isinstance(sensor, str) or not re.fullmatch(r'[a-z][a-z0-9_-]{0,30}', sensor):
        raise Unreadable('the type of a report is one word')
    if not 1 <= points <= 100:
        raise Unreadable('points are from 1 to 100')
    return Sighting(source, sensor, clean(reason) if isinstance(reason, str) else '', points)


def from_eve(data: bytes, proxies: Set[str]) -> Sighting | None:
    """Given a datagram of Suricata, return the sighting of the sender of the packet; None if it is no alert.

    Behind one of our proxies, the client that it names is the source. Raise Unreadable if it is no JSON.
    """
    content = _json(data)
    if content.get('event_type') != 'alert':
        return None
    alert, source = content.get('alert'), content.get('src_ip')
    if not isinstance(alert, dict) or not isinstance(source, str):
        raise Unreadable('an alert has a source')
    severity = alert.get('severity')
    points = ALERT_POINTS.get(severity) if isinstance(severity, int) else None
    if points is None:
        return None
    forwarded = content.get('xff')
    if source in proxies and isinstance(forwarded, str):
        source = forwarded
    reason = clean(f'{alert.get("signature", "")} ({alert.get("gid", 1)}:{alert.get("signature_id", "?")})')
    return Sighting(source, 'intrusion', reason, points)


def from_nginx(data: bytes) -> Sighting | None:
    """Given a line of an edge's error log, return the sighting; None if it is about something else."""
    line = data.decode('utf-8', 'replace')
    # From this host itself: waf-watch asks whether an attack would be refused.
    if (match := NGINX_DENIAL.search(line)) and match['client'] == '127.0.0.1':
        return None
    if match:
        return Sighting(match['client'], 'waf', *_denial(line[match.end() :]))
    if match := NGINX_LIMIT.search(line):
        return Sighting(match['client'], 'flood', f'{match["what"]}: {match["zone"]}', LIMIT_POINTS)
    return None


def from_haproxy(data: bytes, edges: Set[str]) -> Sighting | None:
    """Given a line of HAProxy, return the sighting of who was denied; None if nobody was.

    The client is taken from the first captured header where one of our edges sent the request, and only there.
    """
    match = HAPROXY.search(data.decode('utf-8', 'replace'))
    if match is None or not (match['status'] == '429' or match['state'].startswith(HAPROXY_DENIED)):
        return None
    client = match['client'].removeprefix('::ffff:')
    if client in edges:
        client = (match['forwarded'] or '').strip()
        if not client:
            return None
    return Sighting(client, 'flood', f'HAProxy {match["status"]} at {match["frontend"]}', LIMIT_POINTS)


def _denial(details: str) -> tuple[str, int]:
    rule = RULE.search(details)
    number = rule[1] if rule else '?'
    family = SEVERE_FAMILIES.get(number[:3]) if len(number) == 6 else None
    family = family or next((SEVERE_TAGS[tag] for tag in TAG.findall(details) if tag in SEVERE_TAGS), None)
    if family is not None:
        return f'{family} (rule {number})', 100
    score = ANOMALY_SCORE.search(details)
    if score is not None and int(score[1]) >= SEVERE_ANOMALY_SCORE:
        return f'attack with score {score[1]} (rule {number})', 100
    return f'denied (rule {number})', DENIAL_POINTS


def _json(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable('no JSON') from None
    if not isinstance(content, dict):
        raise Unreadable('no JSON object')
    return content
