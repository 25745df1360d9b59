"""Seals: who wrote the records up to here, signed with Ed25519 (RFC 8032)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anlan.encrypted_file import EncryptedFile
from anlan.errors import AnlanError
from anlan.ledger.canonical import canonical, digest
from anlan.ledger.record import SEAL, Record, moment


@dataclass(frozen=True)
class Signer:
    """The key of a ledger. It never leaves the machine that writes the ledger."""

    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def ensure(cls, file: Path) -> Signer:
        """Given where the key is, `.age` left out, return it, made if there is none. Raise AnlanError if unreadable.

        It is encrypted as the secrets of its platform are, whose folder is the one above the ledger's.
        """
        kept = EncryptedFile(file, file.parent.parent)
        if not kept.exists():
            kept.write(
                Ed25519PrivateKey.generate().private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        try:
            private = serialization.load_pem_private_key(kept.read(), None)
        except (ValueError, TypeError) as error:
            raise AnlanError(f'{file} holds no key ({error}); put it back from a backup of var/') from None
        if not isinstance(private, Ed25519PrivateKey):
            raise AnlanError(f'{file} holds another kind of key than Ed25519; put it back from a backup of var/')
        kept.take_over()
        return cls(private)

    def public_pem(self) -> bytes:
        """Return the public key, as openssl reads it."""
        return pem_of(self.private.public_key())

    def seal(self, number: int, previous: str, now: datetime) -> Record:
        """Given a place in the chain and the time, return the record that seals what stands before it."""
        time = moment(now)
        document = {
            'number': number, 'previous': previous, 'kind': SEAL, 'subject': 'ledger', 'started': time, 'ended': time,
            'verdict': None, 'key': fingerprint(self.public_pem()),
        }  # fmt: skip
        signature = self.private.sign(canonical(document))
        return Record.of(document | {'signature': base64.b64encode(signature).decode('ascii')})


def pem_of(key: Ed25519PublicKey) -> bytes:
    """Given a public key, return it in PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: bytes) -> str:
    """Given a public key in PEM, return the SHA-256 of its DER form. Raise ValueError if it is none."""
    key = serialization.load_pem_public_key(pem)
    return digest(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def is_signed(document: Mapping[str, Any], pem: bytes) -> bool:
    """Given a seal as plain data and a public key, return whether the key signed it."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        return False
    unsigned = {name: value for name, value in document.items() if name != 'signature'}
    try:
        key.verify(base64.b64decode(str(document.get('signature', '')), validate=True), canonical(unsigned))
    except (InvalidSignature, ValueError):
        return False
    return True
