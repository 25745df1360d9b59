"""Spellings: every way in which a text still stands in plain somewhere, and the hashes that are as good as plain."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from urllib.parse import quote

HASHES = ('md5', 'sha1', 'sha256')


def spellings(text: str) -> dict[bytes, str]:
    """Given a text, return the bytes to search for, each with the name of its encoding."""
    found: dict[bytes, str] = {}
    for name, spelled in _all(text):
        found.setdefault(spelled, name)
    return found


def _all(text: str) -> Iterator[tuple[str, bytes]]:
    bodies = {'UTF-8': text.encode(), 'UTF-16LE': text.encode('utf-16-le'), 'GB18030': text.encode('gb18030')}
    big = text.encode('utf-16-be')
    # The same digits in the other order of bytes differ from the first only at their ends.
    yield 'UTF-16BE', big.strip(b'\0') if text.isascii() else big
    yield from bodies.items()
    for name, body in bodies.items():
        yield f'{name} in hex', body.hex().encode()
        yield f'{name} in hex', body.hex().upper().encode()
        for shift in range(3):
            for altered in (None, b'-_'):
                # What base64 says of these bytes alone, wherever among others they begin.
                whole = base64.b64encode(bytes(shift) + body, altered)
                yield f'{name} in base64', whole[(0, 2, 3)[shift] : (shift + len(body)) * 8 // 6]
    for kind in HASHES:
        # Numbers are few enough to try them all: their hash without a key is as good as they are.
        digest = hashlib.new(kind, text.encode(), usedforsecurity=False)
        yield f'{kind} without a key', digest.digest()
        yield f'{kind} without a key', digest.hexdigest().encode()
        yield f'{kind} without a key', digest.hexdigest().upper().encode()
    if not text.isascii():
        yield from _escaped(text, bodies, big)


def _escaped(text: str, bodies: dict[str, bytes], big: bytes) -> Iterator[tuple[str, bytes]]:
    units = [big[place : place + 2].hex() for place in range(0, len(big), 2)]
    # Python writes what is below U+0100 as \x and not as \u.
    python = text.encode('unicode_escape')
    yield '\\u-escapes', python
    yield '\\u-escapes', python.replace(b'\\', b'\\\\')
    for slash in ('\\', '\\\\'):
        for change in (str.lower, str.upper):
            yield '\\u-escapes', ''.join(f'{slash}u{change(unit)}' for unit in units).encode()
            yield '\\x-escapes', ''.join(f'{slash}x{change(f"{byte:02x}")}' for byte in bodies['UTF-8']).encode()
        yield 'octal escapes', ''.join(f'{slash}{byte:03o}' for byte in bodies['UTF-8']).encode()
    for name in ('UTF-8', 'GB18030'):
        quoted = quote(bodies[name], safe='')
        yield f'{name} in percent', quoted.encode()
        yield f'{name} in percent', re.sub('%..', lambda match: match.group().lower(), quoted).encode()
        yield f'{name} in quoted-printable', quoted.replace('%', '=').encode()
    yield 'HTML entities', ''.join(f'&#{ord(character)};' for character in text).encode()
    for change in (str.lower, str.upper):
        yield 'HTML entities', ''.join(f'&#x{change(f"{ord(character):x}")};' for character in text).encode()
