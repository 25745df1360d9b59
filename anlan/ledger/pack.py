"""The pack: a ledger in one file, with its attachments and the program that verifies it anywhere."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from anlan.errors import AnlanError
from anlan.ledger.chain import Verification
from anlan.ledger.store import Ledger

VERIFIER = Path(__file__).with_name('verifier.py')
EPOCH = (2000, 1, 1, 0, 0, 0)
"""The time of every file in it, so that the same ledger gives the same pack."""


def write_pack(ledger: Ledger, file: Path, more: Mapping[str, bytes] | None = None) -> Verification:
    """Given a ledger, a file to write and further files by name, write the pack and return what it holds.

    The ledger is verified before. Raise AnlanError if something is wrong with it, or the file cannot be written.
    """
    found = ledger.verify()
    if found.fault is not None:
        raise AnlanError(f'the ledger is not in order, so it is not packed: {found.fault}')
    lines = list(ledger.lines())[: found.records]
    contents = {
        'records.jsonl': b''.join(line + b'\n' for line in lines),
        'key.pub': ledger.public_key.read_bytes(),
        'verify.py': VERIFIER.read_bytes(),
    } | dict(more or {})
    named = {sha256 for record in ledger.records() for sha256 in record.attachments.values()}
    partial = file.with_name(f'.{file.name}.part')
    try:
        with zipfile.ZipFile(partial, 'w', zipfile.ZIP_DEFLATED) as pack:
            for name, content in sorted(contents.items()):
                pack.writestr(_entry(name), content)
            for sha256 in sorted(named):
                pack.writestr(_entry(f'attachments/{sha256[:2]}/{sha256}'), ledger.attachment(sha256))
        partial.chmod(0o600)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise AnlanError(f'{file}: could not be written ({error.strerror or error})') from None
    return found


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry
