"""Runs the part of EdgeScript that our script uses, as the provider's reference has it: a stand-in for its nodes."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from typing import Any

TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<number>\d+)|(?P<name>\$?[A-Za-z_]\w*)|(?P<mark>[(){},=]))")


class Exit(Exception):
    """The script ended the request with a status."""

    def __init__(self, status: int) -> None:
        self.status = status


def answer(script: str, uri: str, now: int) -> int:
    """Given a script, a request's path and the time, return the status that the script ends it with, or 200."""
    # Once without doing anything: a script that is no script ends no request.
    _Run(script, uri, now).block(ends=False, runs=False)
    try:
        _Run(script, uri, now).block(ends=False)
    except Exit as end:
        return end.status
    return 200


def _tokens(script: str) -> Iterator[tuple[str, str]]:
    place = 0
    while script[place:].strip():
        match = TOKEN.match(script, place)
        assert match is not None, f'no EdgeScript: {script[place : place + 40]!r}'
        place = match.end()
        assert match.lastgroup is not None
        yield match.lastgroup, match[match.lastgroup]


class _Run:
    def __init__(self, script: str, uri: str, now: int) -> None:
        self.tokens = [*_tokens(script), ('end', '')]
        self.place = 0
        self.known: dict[str, Any] = {'$uri': uri}
        self.functions: dict[str, Callable[..., Any]] = {
            'match_re': lambda text, pattern: re.search(pattern, text) is not None,
            'capture_re': lambda text, pattern: [None, *(re.search(pattern, text) or [None]).groups()],  # type: ignore[union-attr]
            'get': lambda items, index: items[index],
            'not': lambda value: not value,
            'and': lambda *values: all(values),
            'or': lambda *values: any(values),
            'ne': lambda one, other: one != other,
            'gt': lambda one, other: one > other,
            'add': lambda one, other: one + other,
            'now': lambda: now,
            'tonumber': int,
            'concat': lambda *parts: ''.join(parts),
            'tohex': lambda binary: binary.hex(),
            'hmac': lambda key, text, kind: hmac.new(key.encode(), text.encode(), getattr(hashlib, kind)).digest(),
            'exit': self.exit,
        }

    def exit(self, status: int) -> None:
        raise Exit(status)

    def take(self, wanted: str = '') -> tuple[str, str]:
        token = self.tokens[self.place]
        assert not wanted or token[1] == wanted, f'{wanted} is missing before {token}'
        self.place += 1
        return token

    def block(self, ends: bool, runs: bool = True) -> None:
        while True:
            kind, text = self.tokens[self.place]
            if kind == 'end':
                assert not ends, 'a block has no end'
                return
            if text == '}':
                assert ends, 'a block ends that never began'
                self.take()
                return
            self.statement(runs)

    def statement(self, runs: bool) -> None:
        if self.tokens[self.place][1] == 'if':
            self.take()
            holds = self.value(runs)
            self.take('{')
            self.block(ends=True, runs=runs and bool(holds))
        elif self.tokens[self.place + 1][1] == '=':
            name = self.take()[1]
            self.take('=')
            value = self.value(runs)
            if runs:
                self.known[name] = value
        else:
            self.value(runs)

    def value(self, runs: bool) -> Any:
        kind, text = self.take()
        if kind == 'text':
            return text[1:-1]
        if kind == 'number':
            return int(text)
        assert kind == 'name', f'no value: {text}'
        if self.tokens[self.place][1] != '(':
            return self.known[text] if runs else None
        self.take('(')
        given = []
        while self.tokens[self.place][1] != ')':
            given.append(self.value(runs))
            if self.tokens[self.place][1] == ',':
                self.take()
        self.take(')')
        return self.functions[text](*given) if runs else None
