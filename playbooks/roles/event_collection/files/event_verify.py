#!/usr/bin/python3 -B
"""Holds every store against the chain, and tells what other monitoring hosts said of theirs.

event_verify.py [--settings FILE]

Prints JSON lines ({"chain"}, {"store"}, {"witnessed"}), and exits with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from event_chain import (
    STORE_SECONDS,
    ChainError,
    Document,
    canonical,
    digest_of,
    entries_of,
    identity_of,
    lines_of,
    openssl,
)
from event_stores import DAY_SECONDS, SETTINGS, Settings, load_settings

AUTHORITY_FILE = Path('/etc/anlan/tls/ca.crt')


def moment_of(identity: str) -> float:
    """Given an entry's identity, return its time in seconds since 1970."""
    return int(identity.split()[2], 16) / 1e6


def signature_fault(folder: Path, line: Document, authority: Path) -> str | None:
    """Given a line of the chain, return why its signature does not hold, or None. Certificates may have ended since."""
    name = line['record']['certificate']
    kept = folder / f'{name}.crt'
    if not kept.exists() or hashlib.sha256(kept.read_bytes()).hexdigest() != name:
        return 'its certificate is not there'
    try:
        openssl('verify', '-no_check_time', '-CAfile', str(authority), str(kept))
        with tempfile.TemporaryDirectory() as place:
            public, signature = Path(place) / 'public', Path(place) / 'signature'
            public.write_bytes(openssl('x509', '-in', str(kept), '-noout', '-pubkey'))
            signature.write_bytes(base64.b64decode(line['signature']))
            words = ('dgst', '-sha256', '-verify', str(public), '-signature', str(signature))
            openssl(*words, given=canonical(line['record']))
    except (ChainError, ValueError) as error:
        return f'its signature does not hold: {error}'
    return None


def verify_chain(folder: Path, authority: Path) -> tuple[Document, list[Document]]:
    """Given the chain's folder, return what is to say of the chain, and its records.

    A signature covers all lines before it, so that the last of each certificate is enough.
    """
    lines = lines_of(folder)
    findings: list[str] = []
    documents: list[Document] = []
    heads: dict[str, str] = {}
    for place, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            record = document['record']
            heads[str(record['number'])] = hashlib.sha256(line).hexdigest()
            if canonical(document) != line:
                findings.append(f'line {place}: it is not written as the chain writes')
            if documents:
                before = documents[-1]['record']
                if record['previous'] != heads[str(before['number'])] or record['number'] != before['number'] + 1:
                    findings.append(f'record {record["number"]}: it does not follow the one before it')
            documents.append(document)
        except (ValueError, KeyError, TypeError):
            findings.append(f'line {place}: it cannot be read')
    last_of = {document['record']['certificate']: document for document in documents}
    for document in last_of.values():
        fault = signature_fault(folder, document, authority)
        if fault:
            findings.append(f'record {document["record"]["number"]}: {fault}')
    if not lines:
        findings.append('there is no chain yet')
    records = [document['record'] for document in documents]
    told = {
        'chain': records[-1]['chain'] if records else '', 'records': len(records), 'heads': heads,
        'first': records[0]['time'] if records else None, 'last': records[-1]['time'] if records else None,
        'findings': findings,
    }  # fmt: skip
    return told, records


class Comparison:
    """The entries of one store, one after the other, held against the spans that the chain has of it.

    What is received twice, because its receipt was not heard of, is there twice: an entry alone does not tell where a
    span begins or ends, their order and number do.
    """

    def __init__(self, spans: list[Document]) -> None:
        self.spans = spans
        self.findings: list[str] = []
        self.seen: set[int] = set()
        self.loose = 0
        self._starts = {span['first']: place for place, span in enumerate(spans)}
        self._next = 0
        self._current: int | None = None
        self._held: list[tuple[str, bytes]] = []

    def add(self, identity: str, digest: bytes) -> None:
        """Add the next entry of the store."""
        if self._current is None:
            start = self._start(identity)
            if start is None:
                # Before the first span that is whole, and after the last one, is what the chain says nothing of.
                self.loose += bool(self.seen) and self._next < len(self.spans)
                return
            self._current, self._held = start, []
            self.seen.add(start)
        self._held.append((identity, digest))
        span = self.spans[self._current]
        if len(self._held) < span['entries']:
            return
        total = hashlib.sha256(b''.join(each for _, each in self._held)).hexdigest()
        if self._held[-1][0] == span['last'] and total == span['sha256']:
            self._next, self._current = self._current + 1, None
        else:
            self._differs('others are there, or some are missing')

    def end(self) -> None:
        """Say that the store has no more entries."""
        while self._current is not None:
            self._differs('the last of them are gone')

    def _start(self, identity: str) -> int | None:
        if self._next < len(self.spans) and self.spans[self._next]['first'] == identity:
            return self._next
        start = self._starts.get(identity)
        return start if start is not None and start >= self._next else None

    def _differs(self, what: str) -> None:
        """Say that the span is another, and take up again where a later one begins among what was read for it."""
        assert self._current is not None
        span, held = self.spans[self._current], self._held
        self.findings.append(
            f'of {span["entries"]} entries from {stamp(span["first"])} to {stamp(span["last"])} {what}'
        )
        self._next, self._current = self._current + 1, None
        for place in range(1, len(held)):
            if self._start(held[place][0]) is not None:
                for identity, digest in held[place:]:
                    self.add(identity, digest)
                return


def verify_store(store: Path, spans: list[Document], retained_since: float) -> Document:
    """Given a store, its spans in the chain's order, and since when all is kept, return what is to say of it."""
    comparison = Comparison(spans)
    findings, total = comparison.findings, 0
    try:
        for entry in entries_of(store) if any(store.glob('*.journal*')) else ():
            total += 1
            comparison.add(identity_of(entry['__CURSOR']), digest_of(entry))
        comparison.end()
    except (OSError, ValueError, KeyError) as error:
        findings.append(f'it cannot be read: {error}')
    missing = [span for place, span in enumerate(spans) if place not in comparison.seen]
    early = [span for span in missing if moment_of(span['first']) >= retained_since]
    if early:
        entries = sum(span['entries'] for span in early)
        what = f'{entries} entries that were received from {stamp(early[0]["first"])} to {stamp(early[-1]["last"])}'
        findings.append(f'{what} are not there: removed, or pushed out for want of room')
    if comparison.loose:
        findings.append(f'{comparison.loose} entries stand between those that were received')
    chained = sum(spans[place]['entries'] for place in comparison.seen)
    return {'store': store.name, 'entries': total, 'chained': chained, 'findings': findings}


def stamp(identity: str) -> str:
    """Given an entry's identity, return its time for people."""
    return time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(moment_of(identity)))


def witnessed(settings: Settings) -> Iterator[Document]:
    """Given the settings, yield what the other monitoring hosts have said of their chains, the oldest first.

    Raise OSError, SubprocessError, ValueError if a store cannot be read.
    """
    for monitor in settings.monitors:
        if monitor == settings.host:
            continue
        words = ['--output=json', '--output-fields=ANLAN_CHAIN,ANLAN_CHAIN_NUMBER,ANLAN_CHAIN_HEAD']
        done = subprocess.run(
            ['journalctl', '--quiet', '--no-pager', f'--directory={settings.stores / monitor}', *words,
             'SYSLOG_IDENTIFIER=event-chain'],
            capture_output=True, text=True, timeout=STORE_SECONDS, check=False,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            entry = json.loads(line)
            if 'ANLAN_CHAIN_HEAD' in entry:
                yield {
                    'witnessed': monitor, 'chain': entry['ANLAN_CHAIN'], 'number': entry['ANLAN_CHAIN_NUMBER'],
                    'head': entry['ANLAN_CHAIN_HEAD'], 'time': int(entry['__REALTIME_TIMESTAMP']) / 1e6,
                }  # fmt: skip


def verify(settings: Settings, now: float, authority: Path = AUTHORITY_FILE) -> Iterator[Document]:
    """Given the settings, yield what is to say of the chain, of every sender's store, and of others' chains."""
    told, records = verify_chain(settings.chain, authority)
    yield told
    since = now - settings.retention_days * DAY_SECONDS
    hosts = dict.fromkeys([*settings.senders, *(span['host'] for record in records for span in record['spans'])])
    for host in hosts:
        spans = [span for record in records for span in record['spans'] if span['host'] == host]
        yield verify_store(settings.stores / host, spans, since)
    yield from witnessed(settings)


def main() -> None:
    """Verify, and exit with 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--settings', type=Path, default=SETTINGS)
    settings = load_settings(parser.parse_args().settings)
    code = 0
    for document in verify(settings, time.time()):
        print(json.dumps(document), flush=True)
        code = code or int(bool(document.get('findings')))
    sys.exit(code)


if __name__ == '__main__':
    main()
