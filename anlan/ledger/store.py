"""The ledger's files: one line a record, appended under a lock and brought to the disk before anybody is told.

`records.jsonl`: the chain. `attachments/`: files by their SHA-256. `key.pem.age`, `key.pub`: who seals. `torn-…`: what
stood behind the last seal, left by a crash in an append or put there by somebody; it never was a record.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from anlan.deadline import Deadline
from anlan.encrypted_file import EncryptedFile
from anlan.errors import AnlanError, Busy
from anlan.files import write_atomically
from anlan.ledger.canonical import digest
from anlan.ledger.chain import Verification, read_record, verify
from anlan.ledger.record import BEGINNING, FIRST, SEAL, Draft, Record
from anlan.ledger.seal import Signer, is_signed

LOCK_SECONDS = 30.0
BLOCK_BYTES = 65536


@dataclass(frozen=True)
class Ledger:
    """The ledger of one platform."""

    folder: Path

    @property
    def file(self) -> Path:
        """Return the file of records."""
        return self.folder / 'records.jsonl'

    @property
    def public_key(self) -> Path:
        """Return the file of the public key."""
        return self.folder / 'key.pub'

    @property
    def stands(self) -> bool:
        """Return whether anything was ever written."""
        return self.file.exists() and (not self.file.is_file() or self.file.stat().st_size > 0)

    def append(self, platform: str, drafts: Sequence[Draft]) -> list[Record]:
        """Given a platform's name and drafts, add them in order and seal them; return them as they stand.

        A ledger that is not there begins. All are on the disk when it returns. What a crash before that leaves has no
        seal and was told to nobody: the next append puts it aside, for it would seal whatever somebody without the key
        had written there. Raise Busy if another writes for too long, AnlanError if the disk or the key does not do, the
        end cannot be read or its seal is not of this key, NotCanonical if a draft is no plain data.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                kept = self.folder / 'key.pem'
                if self.stands and not EncryptedFile(kept, self.folder.parent).exists():
                    raise AnlanError(f'{kept}.age, the key that seals, is gone; put it back from a backup of var/')
                signer = Signer.ensure(kept)
                if not self.public_key.exists():
                    write_atomically(self.public_key, signer.public_pem(), 0o644)
                return self._append(platform, drafts, signer)
        except OSError as error:
            raise AnlanError(f'{self.folder}: nothing could be written ({error.strerror or error})') from None

    def attach(self, content: bytes) -> str:
        """Given the content of a file, keep it and return its SHA-256, by which records name it. Raise AnlanError."""
        sha256 = digest(content)
        place = self._attachment(sha256)
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not place.exists():
                write_atomically(place, content, 0o400)
        except OSError as error:
            raise AnlanError(f'{place}: could not be written ({error.strerror or error})') from None
        return sha256

    def attachment(self, sha256: str) -> bytes:
        """Given a SHA-256, return the file's content. Raise AnlanError if it is not there, or was changed."""
        try:
            content = self._attachment(sha256).read_bytes()
        except OSError:
            raise AnlanError(f'there is no attachment {sha256}') from None
        if digest(content) != sha256:
            raise AnlanError(f'the attachment {sha256} was changed')
        return content

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the ledger, the first first. What a crash left at its end is no line."""
        if not self.file.exists():
            return
        with self.file.open('rb') as stream:
            for line in stream:
                if line.endswith(b'\n'):
                    yield line[:-1]

    def records(self) -> Iterator[Record]:
        """Yield every record. Raise AnlanError with the place of one that cannot be read."""
        for number, line in enumerate(self.lines(), 1):
            try:
                yield read_record(line)
            except ValueError as error:
                raise AnlanError(f'{self.file}, record {number}: {error}') from None

    def verify(self, attachments: bool = True) -> Verification:
        """Return what a verification of the whole finds. Raise AnlanError if its key is not there or is none."""
        try:
            pem = self.public_key.read_bytes()
            return verify(self.lines(), pem, self._attachment_sha256 if attachments else None)
        except OSError as error:
            place = error.filename or self.folder
            raise AnlanError(f'{place} cannot be read ({error.strerror or error}); put it back from a backup') from None
        except ValueError:
            raise AnlanError(f'{self.public_key} holds no key; put it back from a backup of var/') from None

    def sealed_records(self) -> Iterator[Record]:
        """Yield the records that a seal covers: what stands behind the last one may be anybody's.

        The chain is verified first, attachments are not. Raise AnlanError if it is not in order.
        """
        found = self.verify(attachments=False)
        if found.fault is not None:
            raise AnlanError(f'the ledger is not in order, so nothing is judged by it: {found.fault}')
        yield from (record for record in self.records() if record.number <= found.sealed)

    def _append(self, platform: str, drafts: Sequence[Draft], signer: Signer) -> list[Record]:
        with self.file.open('a+b') as stream:
            self.file.chmod(0o600)
            last = self._last(stream, signer)
            number, previous = (0, FIRST) if last is None else (last.number, last.sha256)
            now = datetime.now(UTC)
            begun = [] if last else [Draft(BEGINNING, platform, now, now, observed={'identity': secrets.token_hex(16)})]
            records = []
            for draft in [*begun, *drafts]:
                number += 1
                records.append(Record.of(draft.document(number, previous)))
                previous = records[-1].sha256
            records.append(signer.seal(number + 1, previous, now))
            stream.write(b''.join(record.line + b'\n' for record in records))
            stream.flush()
            os.fsync(stream.fileno())
        return records[len(begun) : -1]

    def _last(self, file: BinaryIO, signer: Signer) -> Record | None:
        """Return the last seal of the open file, None if there is none; what stands behind it is put aside."""
        end = os.fstat(file.fileno()).st_size
        found, sealed = None, 0
        for place, line in _backwards(file, end):
            if line.endswith(b'\n') and (record := self._read(line[:-1])).kind == SEAL:
                found, sealed = record, place
                break
        if found is not None and not is_signed(found.document, signer.public_pem()):
            raise AnlanError(
                f'{self.file}: its last seal is not of its key; `anlan evidence verify` says what is wrong'
            )
        if sealed < end:
            file.seek(sealed)
            write_atomically(self.folder / f'torn-{time.time_ns()}', file.read(), 0o600)
            file.truncate(sealed)
        return found

    def _read(self, line: bytes) -> Record:
        try:
            return read_record(line)
        except ValueError as error:
            raise AnlanError(f'{self.file}: its last record cannot be read: {error}; `anlan evidence verify`') from None

    def _attachment(self, sha256: str) -> Path:
        return self.folder / 'attachments' / sha256[:2] / sha256

    def _attachment_sha256(self, sha256: str) -> str | None:
        try:
            return digest(self._attachment(sha256).read_bytes())
        except OSError:
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        deadline = Deadline(LOCK_SECONDS)
        with (self.folder / 'lock').open('a') as stream:
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if deadline.passed():
                        raise Busy(f'{self.folder} has been written to by another for {LOCK_SECONDS:g} s') from None
                    time.sleep(0.02)
            yield


def _backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Given an open file and its size, yield where each line ends, and the line with its end, the last line first."""
    tail, start = b'', end
    while start > 0 or tail:
        while start > 0 and b'\n' not in tail[:-1]:
            step = min(BLOCK_BYTES, start)
            start -= step
            file.seek(start)
            tail = file.read(step) + tail
        before, newline, _ = tail[:-1].rpartition(b'\n')
        cut = len(before) + len(newline)
        yield start + len(tail), tail[cut:]
        tail = tail[:cut]
