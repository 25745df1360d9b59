#!/usr/bin/python3 -B
"""The chain over all records of the stores: a change of what came in is noticed, here or on the other monitoring host.

event_chain.py [--settings FILE]      take up what came in since the last time; every hour, by event-keeper

A line of the chain has, of each sender, the first and the last entry that came in, how many there were and their
SHA-256; the SHA-256 of the line before; and a signature by the host's key. Its own SHA-256 goes to the journal, and so
to the other monitoring hosts: who rewrites stores and chain here has to rewrite them there as well.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from event_stores import DAY_SECONDS, SETTINGS, Settings, load_settings

KEY_FILE, CERTIFICATE_FILE = Path('/etc/anlan/tls/host.key'), Path('/etc/anlan/tls/host.crt')
JOURNAL_SOCKET = '/run/systemd/journal/socket'
CHAIN = 'chain.jsonl'
OPENSSL_SECONDS = 20.0
STORE_SECONDS = 900.0
# Fields of the journal that differ between copies of one entry, or between versions of journalctl.
OF_THE_STORE = ('__CURSOR', '__SEQNUM', '__SEQNUM_ID')

Document = dict[str, Any]


class ChainError(Exception):
    """The chain cannot be extended; the message says why."""


def canonical(document: Document) -> bytes:
    """Given plain data, return the only bytes that stand for it."""
    return json.dumps(document, sort_keys=True, separators=(',', ':')).encode()


def identity_of(cursor: str) -> str:
    """Given a cursor, return what is the same of an entry wherever it is stored: boot, both clocks, sum of its fields.

    Raise ValueError or KeyError if it is none.
    """
    parts = dict(part.split('=', 1) for part in cursor.split(';'))
    return ' '.join((parts['b'], parts['m'], parts['t'], parts['x']))


def digest_of(entry: Document) -> bytes:
    """Given an entry as journalctl prints it, return the SHA-256 of what it says."""
    said = {name: value for name, value in entry.items() if name not in OF_THE_STORE}
    return hashlib.sha256(canonical(said)).digest()


class Span:
    """Entries of one sender, one after the other, as they are added up: the SHA-256 of their SHA-256s."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.last, self.cursor, self.entries = '', '', 0
        self._sum = hashlib.sha256()

    def add(self, entry: Document) -> None:
        """Add an entry. Raise KeyError, ValueError if it is none."""
        self.cursor = entry['__CURSOR']
        self.last = identity_of(self.cursor)
        self.first = self.first or self.last
        self.entries += 1
        self._sum.update(digest_of(entry))

    def document(self, host: str) -> Document:
        """Return the span as it stands in the chain."""
        return {
            'host': host, 'first': self.first, 'last': self.last, 'cursor': self.cursor, 'entries': self.entries,
            'sha256': self._sum.hexdigest(),
        }  # fmt: skip


def entries_of(store: Path, after: str | None = None) -> Iterator[Document]:
    """Given a store and a cursor (None: the beginning), yield its entries. Raise OSError, ValueError if that fails."""
    words = ['journalctl', '--quiet', '--no-pager', '--all', '--output=json', f'--directory={store}']
    begun = time.monotonic()
    with subprocess.Popen(
        [*words, *([f'--after-cursor={after}'] if after else [])], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if time.monotonic() - begun > STORE_SECONDS:
                    raise OSError(f'{store.name} was not read within {STORE_SECONDS:.0f} s')
                yield json.loads(line)
        finally:
            process.kill()
        said = process.stderr.read().decode(errors='replace').strip()
        if said:
            raise OSError(said.splitlines()[-1])


def lines_of(folder: Path) -> list[bytes]:
    """Given the chain's folder, return its lines without their ends, none if it has not begun. Raise OSError."""
    file = folder / CHAIN
    return file.read_bytes().splitlines() if file.exists() else []


def openssl(*words: str, given: bytes = b'') -> bytes:
    """Given words for openssl and what it reads, return what it prints. Raise ChainError with what it says."""
    try:
        done = subprocess.run(
            ['openssl', *words], input=given, capture_output=True, timeout=OPENSSL_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ChainError(f'openssl: {error}') from None
    if done.returncode != 0:
        raise ChainError((done.stderr or done.stdout).decode(errors='replace').strip().splitlines()[-1:][0])
    return done.stdout


def write_whole(file: Path, content: bytes, mode: int = 0o640) -> None:
    """Given bytes, put them in place of the file in one step, on the disk before it counts."""
    fresh = file.with_name(file.name + '.new')
    with fresh.open('wb') as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)


def keep_certificate(folder: Path, certificate: Path) -> str:
    """Given the host's certificate, keep a copy beside the chain and return the SHA-256 that names it."""
    content = certificate.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    kept = folder / f'{name}.crt'
    if not kept.exists():
        write_whole(kept, content)
    return name


def extend(
    settings: Settings, now: float, key: Path = KEY_FILE, certificate: Path = CERTIFICATE_FILE
) -> tuple[Document, str, list[str]]:
    """Given the settings, add a line for what came in; return its record, its SHA-256 and what could not be read.

    Raise ChainError, OSError, ValueError if the chain itself cannot be read, signed or written.
    """
    settings.chain.mkdir(parents=True, exist_ok=True)
    with (settings.chain / 'lock').open('a') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ChainError('another run is at it') from None
        return _extend(settings, now, key, certificate)


def _extend(settings: Settings, now: float, key: Path, certificate: Path) -> tuple[Document, str, list[str]]:
    lines = lines_of(settings.chain)
    records = [json.loads(line)['record'] for line in lines]
    cursors = {span['host']: span['cursor'] for record in records for span in record['spans']}
    spans, unread = [], []
    for sender in settings.senders:
        store = settings.stores / sender
        if not any(store.glob('*.journal*')):
            continue
        span = Span()
        try:
            for entry in entries_of(store, cursors.get(sender)):
                span.add(entry)
        except (OSError, ValueError, KeyError) as error:
            unread.append(f'{sender}: {error}')
            continue
        if span.entries:
            spans.append(span.document(sender))
    record = {
        'chain': records[-1]['chain'] if records else secrets.token_hex(8),
        'number': records[-1]['number'] + 1 if records else 1,
        'time': now,
        'previous': hashlib.sha256(lines[-1]).hexdigest() if lines else '',
        'certificate': keep_certificate(settings.chain, certificate),
        'spans': spans,
    }
    signature = openssl('dgst', '-sha256', '-sign', str(key), given=canonical(record))
    line = canonical({'record': record, 'signature': base64.b64encode(signature).decode()})
    # Of what is older than it has to be kept, the chain has no more to say.
    ends = now - (settings.retention_days + 30) * DAY_SECONDS
    kept = [each for each, old in zip(lines, records, strict=True) if old['time'] >= ends]
    write_whole(settings.chain / CHAIN, b''.join(each + b'\n' for each in [*kept, line]))
    return record, hashlib.sha256(line).hexdigest(), unread


def tell(record: Document, head: str) -> None:
    """Given a record and its line's SHA-256, write them to the journal, which goes to every monitoring host."""
    fields = {
        'MESSAGE': f'records are chained up to number {record["number"]}', 'PRIORITY': '6',
        'SYSLOG_IDENTIFIER': 'event-chain', 'ANLAN_CHAIN': record['chain'],
        'ANLAN_CHAIN_NUMBER': str(record['number']), 'ANLAN_CHAIN_HEAD': head,
    }  # fmt: skip
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link, suppress(OSError):
        link.setblocking(False)
        link.sendto(''.join(f'{name}={value}\n' for name, value in fields.items()).encode(), JOURNAL_SOCKET)


def main() -> None:
    """Extend, and exit with 1 and the reason if a store is not read or the chain not written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--settings', type=Path, default=SETTINGS)
    settings = load_settings(parser.parse_args().settings)
    try:
        record, head, unread = extend(settings, time.time())
    except (ChainError, OSError, ValueError, KeyError) as error:
        sys.exit(f'the chain is not extended: {error}')
    tell(record, head)
    if unread:
        sys.exit('not read, and left for the next time: ' + '; '.join(unread))


if __name__ == '__main__':
    main()
