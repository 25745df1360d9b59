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

SEVERE_POINTS = 50
"""One refused request proves nothing against its address: any page can have a reader's browser send it. Two do."""

DENIAL_POINTS = 40
LIMIT_POINTS = 1
"""A class behind one address may meet a limit dozens of times; a flood meets it hundreds of times."""

# Each is matched from the first byte of a datagram on, and as far as its program alone writes it: what a request holds
# (address, name, referrer) stands behind that, so a request cannot write itself another client.
SYSLOG = r'<\d{1,3}>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[\w.-]{1,255} )?'
NGINX = rf'{SYSLOG}[\w-]{{1,32}}: \d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] \d{{1,10}}#\d{{1,10}}: \*\d{{1,20}} '
CLIENT = r'(?P<client>[0-9A-Fa-f.:]{2,45})'
NGINX_DENIAL = re.compile(rf'{NGINX}\[client {CLIENT}\] ModSecurity: Access denied with code ', re.ASCII)
NGINX_LIMIT = re.compile(
    rf'{NGINX}(?P<what>limiting (?:requests, excess: [\d.]{{1,20}}|connections))'
    rf' by zone "(?P<zone>[\w.-]{{1,64}})", client: {CLIENT}, ',
    re.ASCII,
)
BEHIND_THE_RULE = ' [hostname "'
"""From here on ModSecurity tells of the request, in the request's own words."""

RULE = re.compile(r'\[id "(\d{1,9})"\]', re.ASCII)
TAG = re.compile(r'\[tag "([\w/.-]{1,60})"\]', re.ASCII)
ANOMALY_SCORE = re.compile(r'Total (?:Inbound )?Score: (\d{1,5})', re.ASCII)
HAPROXY = re.compile(
    rf'{SYSLOG}haproxy\[\d{{1,10}}\]: {CLIENT}:\d{{1,5}} \[[^\] ]{{1,40}}\] (?P<frontend>\S+) \S+ \S+ '
    r'(?P<status>\d{3}|-1) \S+ \S+ \S+ (?P<state>\S{2,4}) \S+ \S+ (?:\{(?P<forwarded>[^|}]{0,64})[|}])?',
    re.ASCII,
)
HAPROXY_DENIED = ('PR', 'PT')


RESERVED = ('operator', 'kernel')
"""No sensors: what these say weighs more, or is not told to others."""


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
    if sensor in RESERVED:
        raise Unreadable(f'{sensor} is no sensor')
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
    if content.get('app_proto') == 'http':
        points = min(points, SEVERE_POINTS)
    forwarded = content.get('xff')
    if source in proxies and isinstance(forwarded, str):
        source = forwarded
    reason = clean(f'{alert.get("signature", "")} ({alert.get("gid", 1)}:{alert.get("signature_id", "?")})')
    return Sighting(source, 'intrusion', reason, points)


def from_nginx(data: bytes) -> Sighting | None:
    """Given a line of an edge's error log, return the sighting; None if it is about something else."""
    line = data.decode('utf-8', 'replace')
    # From this host itself: waf-watch asks whether an attack would be refused.
    if (match := NGINX_DENIAL.match(line)) and match['client'] == '127.0.0.1':
        return None
    if match:
        return Sighting(match['client'], 'waf', *_denial(line[match.end() :].partition(BEHIND_THE_RULE)[0]))
    if match := NGINX_LIMIT.match(line):
        return Sighting(match['client'], 'flood', f'{match["what"].partition(",")[0]}: {match["zone"]}', LIMIT_POINTS)
    return None


def from_haproxy(data: bytes, edges: Set[str]) -> Sighting | None:
    """Given a line of HAProxy, return the sighting of who was denied; None if nobody was.

    The client is taken from the first captured header where one of our edges sent the request, and only there.
    """
    match = HAPROXY.match(data.decode('utf-8', 'replace'))
    if match is None or not (match['status'] == '429' or match['state'].startswith(HAPROXY_DENIED)):
        return None
    client = match['client'].removeprefix('::ffff:')
    if client in edges:
        client = (match['forwarded'] or '').strip()
        if not client:
            return None
    return Sighting(client, 'flood', f'HAProxy {match["status"]} at {match["frontend"]}', LIMIT_POINTS)


def _denial(details: str) -> tuple[str, int]:
    """Given what ModSecurity says of the rule that refused, return the reason and the points."""
    rule = RULE.search(details)
    number = rule[1] if rule else '?'
    family = SEVERE_FAMILIES.get(number[:3]) if len(number) == 6 else None
    family = family or next((SEVERE_TAGS[tag] for tag in TAG.findall(details) if tag in SEVERE_TAGS), None)
    if family is not None:
        return f'{family} (rule {number})', SEVERE_POINTS
    score = ANOMALY_SCORE.search(details)
    if score is not None and int(score[1]) >= SEVERE_ANOMALY_SCORE:
        return f'attack with score {score[1]} (rule {number})', SEVERE_POINTS
    return f'denied (rule {number})', DENIAL_POINTS


def _json(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable('no JSON') from None
    if not isinstance(content, dict):
        raise Unreadable('no JSON object')
    return content
