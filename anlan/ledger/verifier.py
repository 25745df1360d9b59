"""Verify an evidence pack: python3 verify.py PACK [--key FINGERPRINT] [--all-seals]

Needs Python 3.9 or newer and openssl 3; no network, nothing installed. PACK is the pack (a zip) or the folder that it
was unpacked to. It says which key sealed the pack: give the one that you were told by another way with --key.
Exit codes: 0 nothing is wrong - 1 the first wrong place is named - 2 it is no pack, or openssl is not there.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

KEYS = {'number', 'previous', 'kind', 'subject', 'started', 'ended', 'verdict'}
Read = Callable[[str], 'bytes | None']


class Wrong(Exception):
    """The first place that is wrong."""


def canonical(document: Any) -> bytes:
    """Return the one way in which a document is written."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(',', ':'), allow_nan=False).encode()


def opened(place: str) -> Read:
    """Return a function that reads a file of the pack by its name, None if there is none."""
    path = pathlib.Path(place)
    if path.is_dir():
        return lambda name: (path / name).read_bytes() if (path / name).is_file() else None
    try:
        pack = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise OSError(f'{place} is no pack: {error}') from None

    def read(name: str) -> bytes | None:
        try:
            return pack.read(name)
        except KeyError:
            return None
        except Exception as error:
            raise Wrong(f'{name}: {error}') from None

    return read


def openssl(*words: object, data: bytes = b'') -> subprocess.CompletedProcess[bytes]:
    """Run openssl. Raise OSError if it is not there."""
    return subprocess.run(['openssl', *map(str, words)], input=data, capture_output=True, timeout=60, check=False)


def fingerprint(pem: bytes) -> str:
    """Return the SHA-256 of a public key's DER form."""
    done = openssl('pkey', '-pubin', '-outform', 'DER', data=pem)
    if done.returncode:
        raise Wrong('key.pub: it is no public key')
    return hashlib.sha256(done.stdout).hexdigest()


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
        if not good:
            raise Wrong(f'record {number}: it is no record in canonical form')
        if document['number'] != number:
            raise Wrong(f'record {number}: it says that it is record {document["number"]}; one was removed or moved')
        if document['previous'] != previous or (document['kind'] == 'beginning') != (number == 1):
            raise Wrong(f'record {number}: it does not follow from the record before it')
        previous = hashlib.sha256(line).hexdigest()
        yield number, document
    if rest:
        raise Wrong(f'record {len(lines) + 1}: it is cut off')


def verify(read: Read, every_seal: bool) -> tuple[int, int, str]:
    """Return the number of records, the last that a seal covers, and the key. Raise Wrong, OSError."""
    text, pem = read('records.jsonl'), read('key.pub')
    if text is None or pem is None:
        raise OSError('it holds no records.jsonl, or no key.pub')
    key, count, seals, seen = fingerprint(pem), 0, [], set()
    for count, document in records_of(text):
        if document['kind'] == 'seal':
            if document.get('key') != key:
                raise Wrong(f'record {count}: it is sealed with another key')
            seals.append(document)
        for name, sha256 in sorted((document.get('attachments') or {}).items()):
            content = b'' if sha256 in seen else read(f'attachments/{sha256[:2]}/{sha256}')
            if content is None:
                raise Wrong(f'record {count}: its attachment {name} is not there')
            if sha256 not in seen and hashlib.sha256(content).hexdigest() != sha256:
                raise Wrong(f'record {count}: its attachment {name} was changed')
            seen.add(sha256)
    # A seal covers all that stands before it: the last one is enough to know that nothing was changed.
    for seal in seals if every_seal else seals[-1:]:
        if not is_signed(seal, pem):
            raise Wrong(f'record {seal["number"]}: its signature is not right')
    return count, seals[-1]['number'] if seals else 0, key


def main() -> int:
    """Verify the pack that is named and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pack')
    parser.add_argument('--key', help='the fingerprint that you were told')
    parser.add_argument('--all-seals', action='store_true', help='check the signature of every seal, not of the last')
    given = parser.parse_args()
    try:
        count, sealed, key = verify(opened(given.pack), given.all_seals)
        if given.key and given.key.lower() != key:
            raise Wrong(f'key.pub: the pack is sealed with the key {key}')
        if not sealed:
            raise Wrong(f'record {count}: nothing is sealed')
    except (Wrong, OSError) as error:
        print(f'{"WRONG" if isinstance(error, Wrong) else "verify"}: {error}')
        return 1 if isinstance(error, Wrong) else 2
    print(f'{count} records, sealed up to record {sealed}; nothing is wrong. Key {key}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
