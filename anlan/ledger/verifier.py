"""Verify an evidence pack: python3 verify.py PACK [--key FINGERPRINT] [--all-seals]

Needs Python 3.9 or newer and openssl 3; no network, nothing installed. PACK is the pack (a zip) or the folder that it
was unpacked to. Every record, attachment, report and other file of it is looked at, and nothing else may be there.
It says which key sealed the pack: give the one that you were told by another way with --key.
Exit codes: 0 nothing is wrong - 1 the first wrong place is named - 2 it is no pack, or openssl is not there.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from typing import Any

KEYS = {'number', 'previous', 'kind', 'subject', 'started', 'ended', 'verdict'}
OWN = ('records.jsonl', 'key.pub', 'key.pem', 'lock', 'attachments/', 'torn-')


class Wrong(Exception):
    """The first place that is wrong."""


def canonical(document: Any) -> bytes:
    """Return the one way in which a document is written."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(',', ':'), allow_nan=False).encode()


def opened(place: str) -> dict[str, Any]:
    """Return the files of a pack by name, each as a function that reads it."""
    path = pathlib.Path(place)
    if path.is_dir():
        return {each.relative_to(path).as_posix(): each.read_bytes for each in path.rglob('*') if not each.is_dir()}
    try:
        pack = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise OSError(f'{place} is no pack: {error}') from None
    names = [name for name in pack.namelist() if not name.endswith('/')]
    if len(set(names)) < len(names):
        raise Wrong(f'{max(names, key=names.count)}: it is there more than once')
    return {name: functools.partial(pack.read, name) for name in names}


def check(files: dict[str, Any], name: str, sha256: str, what: str) -> bytes:
    """Return a file's content. Raise Wrong if it is not there, or its hash is another."""
    if name not in files:
        raise Wrong(f'{what} is not there')
    try:
        content: bytes = files[name]()
    except Exception as error:
        raise Wrong(f'{what} cannot be read: {error}') from None
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise Wrong(f'{what} was changed')
    return content


def openssl(*words: object, data: bytes = b'') -> subprocess.CompletedProcess[bytes]:
    """Run openssl. Raise OSError if it is not there."""
    return subprocess.run(['openssl', *map(str, words)], input=data, capture_output=True, timeout=60, check=False)


def is_signed(seal: dict[str, Any], pem: bytes) -> bool:
    """Return whether the key signed the seal."""
    with tempfile.TemporaryDirectory() as folder:
        key, data, signature = (pathlib.Path(folder, name) for name in ('key', 'data', 'signature'))
        key.write_bytes(pem)
        data.write_bytes(canonical({name: value for name, value in seal.items() if name != 'signature'}))
        try:
            signature.write_bytes(base64.b64decode(str(seal.get('signature')), validate=True))
        except ValueError:
            return False
        words = ('-verify', '-pubin', '-inkey', key, '-rawin', '-in', data, '-sigfile', signature)
        return openssl('pkeyutl', *words).returncode == 0


def records_of(text: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield every record with its number, each in its place and following from the one before."""
    previous, (*lines, rest) = '0' * 64, text.split(b'\n')
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            good = isinstance(document, dict) and set(document) >= KEYS and canonical(document) == line
        except (ValueError, RecursionError):
            good = False
        if not good or not isinstance(document.get('attachments', {}), dict):
            raise Wrong(f'record {number}: it is no record in canonical form')
        if document['number'] != number:
            raise Wrong(f'record {number}: it says that it is record {document["number"]}; one was removed or moved')
        if document['previous'] != previous or (document['kind'] == 'beginning') != (number == 1):
            raise Wrong(f'record {number}: it does not follow from the record before it')
        previous = hashlib.sha256(line).hexdigest()
        yield number, document
    if rest:
        raise Wrong(f'record {len(lines) + 1}: it is cut off')


def verify(files: dict[str, Any], every_seal: bool) -> tuple[int, int, str]:
    """Return the number of records, the last that a seal covers, and the key. Raise Wrong, OSError."""
    if 'records.jsonl' not in files or 'key.pub' not in files:
        raise OSError('it holds no records.jsonl, or no key.pub')
    text, pem = (check(files, name, '', f'{name}: it') for name in ('records.jsonl', 'key.pub'))
    key = hashlib.sha256(openssl('pkey', '-pubin', '-outform', 'DER', data=pem).stdout).hexdigest()
    count, seals, contents, manifest = 0, [], {}, '{}'
    for count, document in records_of(text):
        if document['kind'] == 'seal':
            if document.get('key') != key:
                raise Wrong(f'record {count}: it is sealed with another key')
            seals.append(document)
        for name, sha256 in sorted(document.get('attachments', {}).items()):
            if sha256 not in seen:
                check(files, f'attachments/{sha256[:2]}/{sha256}', sha256, f'record {count}: its attachment {name}')
