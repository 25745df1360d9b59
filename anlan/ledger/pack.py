"""The pack: a ledger in one file, with its attachments, further files, and a program that verifies all of it.

A record of kind `pack` is added to the ledger first. Its attachment `MANIFEST` names every further file by its SHA-256,
and the seal behind it covers that: so a changed report is found as a changed record is.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from anlan.errors import AnlanError
from anlan.ledger.canonical import canonical, digest
from anlan.ledger.chain import Verification, read_record, verify
from anlan.ledger.record import Draft
from anlan.ledger.store import Ledger

VERIFIER = Path(__file__).with_name('verifier.py')
KIND, MANIFEST = 'pack', 'MANIFEST'
EPOCH = (2000, 1, 1, 0, 0, 0)
"""The time of every file in it: what it holds is the same, so are its bytes."""

OWN = ('records.jsonl', 'key.', 'verify.py', 'lock', 'torn-', 'attachments/')


def write_pack(ledger: Ledger, file: Path, more: Mapping[str, bytes] | None = None) -> Verification:
    """Given a ledger that stands, a file to write and further files by name, write the pack and return what it holds.

    The ledger is verified before. Raise AnlanError if something is wrong with it, or the file cannot be written.
    """
    found = ledger.verify()
    if found.fault is not None:
        raise AnlanError(f'the ledger is not in order, so it is not packed: {found.fault}')
    if any(name.startswith(OWN) for name in more or ()):
        raise ValueError("a further file has a name that is the pack's own")
    further = {'verify.py': VERIFIER.read_bytes(), **(more or {})}
    lines = _recorded(ledger, file.name, further)
    pem = ledger.public_key.read_bytes()
    contents = {'records.jsonl': b''.join(line + b'\n' for line in lines), 'key.pub': pem} | further
    named = {sha256 for line in lines for sha256 in read_record(line).attachments.values()}
    partial: Path | None = None
    try:
        # A name of its own, readable by its owner alone: two may pack to the same place, in a folder of everybody's.
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f'.{file.name}.', suffix='.part')
        partial = Path(name)
        with os.fdopen(descriptor, 'wb') as stream, zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as pack:
            for each, content in sorted(contents.items()):
                pack.writestr(_entry(each), content)
            for sha256 in sorted(named):
                pack.writestr(_entry(f'attachments/{sha256[:2]}/{sha256}'), ledger.attachment(sha256))
        partial.replace(file)
    except OSError as error:
        raise AnlanError(f'{file}: could not be written ({error.strerror or error})') from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return verify(lines, pem)


def _recorded(ledger: Ledger, subject: str, further: Mapping[str, bytes]) -> list[bytes]:
    """Add the record that names the further files; return the lines of the ledger up to the seal that covers it."""
    manifest = ledger.attach(canonical({name: digest(content) for name, content in further.items()}))
    now = datetime.now(UTC)
    observed = {'files': len(further)}
    draft = Draft(KIND, subject, now, now, observed=observed, attachments={MANIFEST: manifest})
    (record,) = ledger.append('', [draft])
    # Another writer may have gone on already: what stands behind that seal waits for the next pack.
    return [line for number, line in enumerate(ledger.lines(), 1) if number <= record.number + 1]


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry
