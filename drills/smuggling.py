"""Malformed requests that hide a second one: their bytes, and whether anybody behind the edge saw what was hidden."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anlan.errors import AnlanError, BadInput
from anlan.remote import Remote

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
SETTINGS, HEADERS, DATA = 4, 1, 0
END_STREAM, END_HEADERS = 1, 4
LOG_SECONDS = 30.0


@dataclass(frozen=True)
class Smuggling:
    """One malformed request. `mark` is in the target of the visible one, and of the hidden one behind `hidden=`."""

    name: str
    mark: str
    data: bytes
    answered: bool
    over_http2: bool


@dataclass(frozen=True)
class Seen:
    """What became of it: the statuses of the answers, whether the edge closed, what the origin saw of each request."""

    sample: Smuggling
    statuses: tuple[int, ...]
    closed: bool
    failure: str
    visible_at_origin: int
    hidden_at_origin: int

    def fault(self) -> str | None:
        """Return what is wrong about it, or None."""
        if self.hidden_at_origin:
            return f'{self.sample.name}: the origin saw the hidden request'
        if self.failure:
            return f'{self.sample.name}: not observed: {self.failure}'
        if self.visible_at_origin > 1:
            return f'{self.sample.name}: the origin saw the visible request {self.visible_at_origin} times'
        if len(self.statuses) > 1 and any(status < 400 for status in self.statuses[1:]):
            return f'{self.sample.name}: answered {self.statuses}'
        if self.sample.over_http2 or self.sample.answered:
            return None
        if self.statuses and self.statuses[0] < 400:
            return f'{self.sample.name}: answered {self.statuses[0]}'
        return None if self.statuses or self.closed else f'{self.sample.name}: neither refused nor closed'


def samples(file: Path, host: str, run: str) -> list[Smuggling]:
    """Given the file, the front door's name and a word of this run, return the requests. Raise BadInput."""
    try:
        document = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(f'{file}: cannot be read: {error}') from None
    return [_sample(name, content, host, f'{run}x{number}x') for number, (name, content) in enumerate(document.items())]


def _sample(name: str, content: Mapping[str, Any], host: str, mark: str) -> Smuggling:
    inner = f'GET /courses/?hidden={mark} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n'
    words = {
        '{inner}': inner, '{length}': str(len(inner)), '{tail}': str(len(inner) + 5),
        '{hexadecimal}': f'{len(inner):x}', '{outer}': f'/courses/?visible={mark}', '{host}': host,
    }  # fmt: skip

    def filled(text: str) -> str:
        return re.sub(r'\{\w+\}', lambda match: words[match[0]], text)

    answered = bool(content.get('answered'))
    if 'data' in content:
        return Smuggling(name, mark, filled(content['data']).encode('latin-1'), answered, over_http2=False)
    body = filled(content.get('body', ''))
    given = [(field, filled(value)) for field, value in content['fields']]
    fields = {':method': 'POST' if body else 'GET', ':scheme': 'https', ':authority': host, ':path': words['{outer}']}
    fields |= {field: value for field, value in given if field.startswith(':')}
    told = [*fields.items(), ('user-agent', 'x'), ('accept', '*/*')]
    told += [(field, value) for field, value in given if not field.startswith(':')]
    return Smuggling(name, mark, http2(told, body.encode('latin-1')), answered, over_http2=True)


def http2(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Given fields, as they are, and a body, return a connection's bytes with this one request (RFC 9113, RFC 7541)."""
    block = b''.join(b'\x00' + _literal(name) + _literal(value) for name, value in fields)
    flags = END_HEADERS if body else END_HEADERS | END_STREAM
    frames = _frame(SETTINGS, 0, 0, b'') + _frame(HEADERS, flags, 1, block)
    return PREFACE + frames + (_frame(DATA, END_STREAM, 1, body) if body else b'')


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return struct.pack('!I', len(content))[1:] + struct.pack('!BBI', kind, flags, stream) + content


def _literal(text: str) -> bytes:
    """Return a string of HPACK without Huffman's code: a length with a prefix of seven bits, then the bytes."""
    data, rest = text.encode('latin-1'), len(text) - 127
    if rest < 0:
        return bytes([len(data)]) + data
    length = b'\x7f'
    while rest >= 128:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return length + bytes([rest]) + data


def judged(sent: Sequence[Smuggling], results: Sequence[Mapping[str, Any]], origin_lines: Sequence[str]) -> list[Seen]:
    """Given what was sent, what the client saw of it and what the origins logged, return what became of each."""
    return [
        Seen(
            sample,
            tuple(int(answer['status']) for answer in result['answers']),
            bool(result['closed']),
            str(result['failure']),
            sum(f'visible={sample.mark}' in line for line in origin_lines),
            sum(f'hidden={sample.mark}' in line for line in origin_lines),
        )
        for sample, result in zip(sent, results, strict=True)
    ]


def origin_lines(remote: Remote, hosts: Sequence[str], run: str, since_seconds: float) -> list[str]:
    """Given the origins and a word of this run, return the lines of their access logs with it. Raise AnlanError."""
    lines: list[str] = []
    for host in hosts:
        argv = ['sudo', 'journalctl', '-t', 'origin', '-o', 'cat', '--no-pager', f'--since=-{since_seconds:.0f}s']
        done = remote.run(host, argv, LOG_SECONDS)
        if done.code != 0:
            raise AnlanError(f'{host}: its log cannot be read: {done.err.strip()[-200:]}')
        lines += [line for line in done.out.splitlines() if run in line]
    return lines
