"""The corpora of honest requests and of attacks, as the bytes that a client sends. Pure but for reading files."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from anlan.errors import BadInput

BOUNDARY = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
LONG_COOKIE_BYTES = 3500
NEEDED = ('host', 'course', 'lesson', 'playlist', 'variant', 'segment', 'style', 'script', 'token', 'cookies')
BROWSER = (
    'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 '
    'Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language: zh-CN,zh;q=0.9',
)
"""What an attacker's tool says when it hides as a browser: a request must be refused for its attack alone."""


@dataclass(frozen=True)
class Sample:
    """One request: what family it is of (`good` if of none), and its bytes."""

    name: str
    family: str
    data: bytes


def good_samples(file: Path, surroundings: Mapping[str, str]) -> list[Sample]:
    """Given the file of honest requests and what the platform has (see NEEDED), return the requests. Raise BadInput."""
    document = _read(file)
    missing = [name for name in NEEDED if name not in surroundings]
    if missing:
        raise BadInput(f'honest requests need {", ".join(missing)}')
    return list(_good(document, surroundings))


def attack_samples(file: Path, host: str) -> list[Sample]:
    """Given the file of attacks and the front door's name, return the requests. Raise BadInput."""
    samples = []
    for family, places in _read(file).items():
        for place, payloads in places.items():
            for number, payload in enumerate(payloads, 1):
                data = attack_bytes(place, str(payload), host)
                samples.append(Sample(f'{family}/{place}/{number}', family, data))
    return samples


def attack_bytes(place: str, payload: str, host: str) -> bytes:
    """Given where a request holds an attack and the attack, return the request. Raise BadInput for an unknown place."""
    line, extra, body = 'GET /courses/', list(BROWSER), ''
    quoted = quote(payload, safe='')
    if place == 'query':
        line = f'GET /courses/?q={quoted}'
    elif place == 'raw':
        line = f'GET /courses/?{payload}'
    elif place == 'path':
        line = f'GET {quote(payload, safe="/%:;?=&.~")}'
    elif place == 'method':
        line = payload
    elif place == 'form':
        line, body = 'POST /accounts/signup/', urlencode({'username': payload, 'password1': 'x', 'password2': 'y'})
        extra.append('Content-Type: application/x-www-form-urlencoded')
    elif place == 'json':
        line = 'PUT /api/lessons/1/progress/'
        body = json.dumps({'event_id': str(uuid.UUID(int=7)), 'position_seconds': 1.5, 'device': payload})
        extra.append('Content-Type: application/json')
    elif place == 'file':
        line = 'POST /accounts/signup/'
        extra.append(f'Content-Type: multipart/form-data; boundary={BOUNDARY}')
        body = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="upload"; filename="{payload}"\r\n'
            f'Content-Type: application/octet-stream\r\n\r\nx\r\n--{BOUNDARY}--\r\n'
        )
    elif place in {'cookie', 'agent', 'referer', 'forwarded', 'header'}:
        names = {'cookie': 'Cookie: learner=', 'agent': 'User-Agent: ', 'referer': 'Referer: ', 'header': ''}
        if place == 'agent':
            extra = extra[1:]
        extra.append(names.get(place, 'X-Forwarded-Host: ') + payload)
    else:
        raise BadInput(f'an attack has no place {place!r}')
    return request_bytes(line, host, extra, body)


def request_bytes(line: str, host: str, headers: list[str], body: str = '') -> bytes:
    """Given method and target, host, header lines and body, return the request; its connection ends with it."""
    content = body.encode()
    lines = [f'{line} HTTP/1.1', f'Host: {host}', *headers, 'Connection: close']
    if content or line.startswith(('POST', 'PUT')):
        lines.append(f'Content-Length: {len(content)}')
    return '\r\n'.join([*lines, '', '']).encode() + content


def _good(document: Mapping[str, Any], surroundings: Mapping[str, str]) -> Iterator[Sample]:
    host, origin = surroundings['host'], f'https://{surroundings["host"]}'
    mine = f'Cookie: {surroundings["cookies"]}'
    for browser, headers in document['browsers'].items():
        for page in document['pages']:
            target = page.format_map(surroundings)
            yield Sample(
                f'{browser} {page}',
                'good',
                request_bytes(f'GET {target}', host, [*headers, f'Referer: {origin}/', mine]),
            )
    # What the pages of one browser send goes on with the next one's headers.
    browsers = cycle(headers for name, headers in document['browsers'].items() if name != 'apple-player')
    for query in document['queries']:
        yield Sample(
            f'query {query}', 'good', request_bytes(f'GET /courses/?{query}', host, [*next(browsers), mine])
        )  # fmt: skip
    for cookie in document['cookies']:
        value = cookie.replace('{long}', 'A1b2C3d4' * (LONG_COOKIE_BYTES // 8))
        yield Sample(
            f'cookie {cookie[:20]}', 'good', request_bytes('GET /courses/', host, [*next(browsers), f'{mine}; {value}'])
        )
    form = [
        f'Origin: {origin}',
        f'Referer: {origin}/accounts/signup/',
        'Content-Type: application/x-www-form-urlencoded',
    ]
    entered = [(name, 'Sicherheit-9!') for name in document['names']]
    entered += [('张三', password) for password in document['passwords']]
    for name, password in entered:
        # The repetition has a slip of the finger: the form comes back, and nobody is signed up.
        fields = {'csrfmiddlewaretoken': surroundings['token'], 'username': name, 'password1': password}
        body = urlencode({**fields, 'password2': f'{password}+'})
        yield Sample(
            f'sign up {name} {password}', 'good',
            request_bytes('POST /accounts/signup/', host, [*next(browsers), *form, mine], body),
        )  # fmt: skip
    for number, device in enumerate(document['devices']):
        event = {'event_id': str(uuid.uuid4()), 'position_seconds': round(0.25 + number / 7, 3), 'device': device}
        reported = [
            'Accept: */*', f'Origin: {origin}', f'Referer: {origin}/lessons/{surroundings["lesson"]}/',
            'Content-Type: application/json', f'X-CSRFToken: {surroundings["token"]}',
        ]  # fmt: skip
        agent = [line for line in next(browsers) if not line.startswith(('Accept:', 'Upgrade-'))]
        yield Sample(
            f'progress {device}', 'good',
            request_bytes(
                f'PUT /api/lessons/{surroundings["lesson"]}/progress/', host, [*agent, *reported, mine],
                json.dumps(event, ensure_ascii=False),
            ),
        )  # fmt: skip


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(f'{file}: cannot be read: {error}') from None
    if not isinstance(document, dict):
        raise BadInput(f'{file}: is no corpus')
    return document
