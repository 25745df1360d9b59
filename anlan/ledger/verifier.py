"""Verify an evidence pack: python3 verify.py PACK [--key FINGERPRINT] [--all-seals]

Needs Python 3.9 and openssl 3, no network. PACK: the pack (a zip), or a folder of its own that it was unpacked to.
Every record, attachment and other file is looked at, nothing else may be there. Give the key you were told with --key.
Exit codes: 0 nothing is wrong - 1 the first wrong place is named - 2 it is no pack, or openssl is not there.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
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
    pack = zipfile.ZipFile(path)
    names = [each.filename for each in pack.infolist() if each.file_size or not each.is_dir()]
    if len(set(names)) < len(names):
        raise Wrong(f'{max(names, key=names.count)}: it is there more than once')
    return {name: functools.partial(pack.read, name) for name in names}


def check(files: dict[str, Any], name: str, sha256: str, what: str) -> bytes:
    """Return a file's content. Raise Wrong if it is not there, or its hash is another."""
    try:
        content: bytes = files[name]()
    except Exception as error:
        raise Wrong(f'{what} is not there' if name not in files else f'{what} cannot be read: {error}') from None
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise Wrong(f'{what} was changed')
    return content


def openssl(*words: object, data: bytes = b'') -> subprocess.CompletedProcess[bytes]:
    """Run openssl. Raise OSError if it is not there."""
    return subprocess.run(['openssl', *map(str, words)], input=data, capture_output=True, timeout=60, check=False)


def is_signed(seal: dict[str, Any], pem: bytes) -> bool:
    """Return whether the key signed the seal."""
    with tempfile.TemporaryDirectory() as folder:
        key, data, proof = (pathlib.Path(folder, name) for name in ('key', 'data', 'proof'))
        key.write_bytes(pem)
        data.write_bytes(canonical({name: value for name, value in seal.items() if name != 'signature'}))
        with contextlib.suppress(ValueError):
            proof.write_bytes(base64.b64decode(str(seal.get('signature')), validate=True))
        words = ('-inkey', key, '-in', data, '-sigfile', proof)
        return openssl('pkeyutl', '-verify', '-pubin', '-rawin', *words).returncode == 0


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


def verify(files: dict[str, Any], every_seal: bool, is_file: bool) -> tuple[int, int, str]:
    """Return the number of records, the last that a seal covers, and the key. Raise Wrong, OSError."""
    text, pem = (check(files, name, '', f'{name}: it') for name in ('records.jsonl', 'key.pub'))
    key = hashlib.sha256(openssl('pkey', '-pubin', '-outform', 'DER', data=pem).stdout).hexdigest()
    count, seals, named, manifest, pack = 0, [], {'records.jsonl', 'key.pub'}, '', 0
    for count, document in records_of(text):
        if document['kind'] == 'seal':
            if document.get('key') != key:
                raise Wrong(f'record {count}: it is sealed with another key')
            seals.append(document)
        attached = document.get('attachments', {})
        manifest, pack = (attached.get('MANIFEST', ''), count) if document['kind'] == 'pack' else (manifest, pack)
        for name, sha256 in sorted(attached.items()):
            place = f'attachments/{str(sha256)[:2]}/{sha256}'
            if place not in named:
                check(files, place, sha256, f'record {count}: its attachment {name}')
                named.add(place)
    for seal in seals if every_seal else seals[-1:]:  # the last one covers all before it
        if not is_signed(seal, pem):
            raise Wrong(f'record {seal["number"]}: its signature is not right')
    if not seals:
        raise Wrong(f'record {count}: nothing is sealed')
    listed = json.loads(files[f'attachments/{manifest[:2]}/{manifest}']()) if manifest else {}
    is_pack = is_file or any(name in files for name in listed)  # else a ledger's own folder, where more may lie
    for name in sorted({*files, *(listed if is_pack else ())}):
        if name in listed:
            check(files, name, listed[name], f'{name}: it')
        elif name not in named and (is_pack or not name.startswith(('key.pem', 'lock', 'attachments/', 'torn-'))):
            raise Wrong(f'{name}: it was added; nothing that is sealed names it')
    if is_pack and not pack + 1 == seal['number'] == count:
        raise Wrong(f'record {count}: the end was cut off or added to; a pack ends with its own record and the seal')
    return count, seal['number'], key


def main() -> int:
    """Verify the pack that is named and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pack')
    parser.add_argument('--key', help='the fingerprint that you were told')
    parser.add_argument('--all-seals', action='store_true', help='check the signature of every seal, not of the last')
    given = parser.parse_args()
    try:
        count, sealed, key = verify(opened(given.pack), given.all_seals, not pathlib.Path(given.pack).is_dir())
        if given.key and given.key.lower() != key:
            raise Wrong(f'key.pub: the pack is sealed with the key {key}')
    except (Wrong, OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        print('WRONG:' if isinstance(error, Wrong) else 'verify:', ascii(str(error))[1:-1])  # names are anything
        return 1 if isinstance(error, Wrong) else 2
    print(f'{count} records, sealed up to record {sealed}; nothing is wrong. Key {key}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
