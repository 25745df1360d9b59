"""Canonical JSON: the one way in which a document is written as bytes, so that its hash is its own.

UTF-8, keys sorted by code point, no white space, no floats but finite ones that are no integers. Python's own `json`
writes it, so that a verifier needs nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


class NotCanonical(ValueError):
    """A document that has no canonical form; the message names the place."""


def canonical(document: Any) -> bytes:
    """Given plain data, return its canonical form. Raise NotCanonical with the path of what has none."""
    return json.dumps(
        _plain(document, ''), ensure_ascii=False, sort_keys=True, separators=(',', ':'), allow_nan=False
    ).encode('utf-8')


def digest(data: bytes) -> str:
    """Given bytes, return their SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _plain(value: Any, path: str) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        try:
            value.encode('utf-8')
        except UnicodeEncodeError:
            raise NotCanonical(f'{path or "."}: is no text in UTF-8') from None
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotCanonical(f'{path or "."}: {value} is no number')
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise NotCanonical(f'{path or "."}: the key {key!r} is no text')
        return {key: _plain(each, f'{path}.{key}' if path else key) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f'{path}[{index}]') for index, each in enumerate(value)]
    raise NotCanonical(f'{path or "."}: {type(value).__name__} is no plain data')
