"""The chain: whether every record stands where it was put, unchanged, and who sealed it. Pure but for attachments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anlan.ledger.canonical import NotCanonical, canonical
from anlan.ledger.record import BEGINNING, FIRST, SEAL, Record
from anlan.ledger.seal import fingerprint, is_signed

KEYS = {'number', 'previous', 'kind', 'subject', 'started', 'ended', 'verdict'}


@dataclass(frozen=True)
class Fault:
    """The first place that is wrong: the record's number as it should be, and why."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f'record {self.number}: {self.reason}'


@dataclass(frozen=True)
class Verification:
    """What a verification found. `sealed` is the number of the last record that a seal covers."""

    records: int
    sealed: int
    head: str
    key: str
    fault: Fault | None

    @property
    def good(self) -> bool:
        """Return whether nothing is wrong."""
        return self.fault is None


def read_record(line: bytes) -> Record:
    """Given a line without its end, return the record. Raise ValueError if it is none in canonical form."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError('it is no JSON') from None
    if not isinstance(document, dict) or not set(document) >= KEYS:
        raise ValueError('it is no record')
    try:
        written = canonical(document)
    except NotCanonical as error:
        raise ValueError(f'it is not in canonical form: {error}') from None
    if written != line:
        raise ValueError('it is not in canonical form')
    return Record(line, document)


def verify(
    lines: Iterable[bytes], public_pem: bytes, attachment_sha256: Callable[[str], str | None] | None = None
) -> Verification:
    """Given the lines of a ledger and the public key, return what is wrong first, if anything is.

    `attachment_sha256` returns the hash of an attachment's content by its name in the store, None if it is not there;
    without it attachments are not looked at. Records behind the last seal are right but not signed: see `sealed`.
    """
    key = fingerprint(public_pem)
    previous, number, sealed = FIRST, 0, 0

    def ended(reason: str) -> Verification:
        return Verification(number - 1, sealed, previous, key, Fault(number, reason))

    for line in lines:
        number += 1
        try:
            record = read_record(line)
        except ValueError as error:
            return ended(str(error))
        if record.document['number'] != number:
            return ended(f'it says that it is record {record.document["number"]}; one was removed, added or moved')
        if record.document['previous'] != previous:
            return ended('it does not follow from the record before it, which was changed, or it was')
        if (record.kind == BEGINNING) != (number == 1):
            return ended('the ledger has to begin here' if number == 1 else 'a ledger begins once')
        if record.kind == SEAL:
            if record.document.get('key') != key:
                return ended(f'it is sealed with another key ({str(record.document.get("key"))[:16]}…)')
            if not is_signed(record.document, public_pem):
                return ended('its signature is not right')
            sealed = number
        if attachment_sha256 is not None:
            for name, sha256 in sorted(record.attachments.items()):
                found = attachment_sha256(sha256)
                if found is None:
                    return ended(f'its attachment {name} is not there')
                if found != sha256:
                    return ended(f'its attachment {name} was changed')
        previous = record.sha256
    return Verification(number, sealed, previous, key, None)
