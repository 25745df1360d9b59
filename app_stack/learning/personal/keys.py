"""The keys: one that encrypts, those before it that only read, and apart from them those of the index."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

KEY_ID_BYTES = 4


class UnknownKey(Exception):
    """Something was encrypted with a key that this process does not have. Names the key's id, never a key."""


@dataclass(frozen=True)
class Key:
    """256 bits, and the id that stands beside what they encrypted; it is made of the key and tells nothing of it."""

    secret: bytes = field(repr=False)
    id: str

    @classmethod
    def derived(cls, text: str, purpose: str) -> Key:
        """Given a secret of the environment (256 random bits as text) and what it is for, return its key.

        The purpose is part of the key, so that one text in two places would still be two keys.
        """
        secret = hmac.digest(text.encode(), b'anlan personal data: ' + purpose.encode(), 'sha256')
        return cls(secret, hashlib.sha256(b'key id: ' + secret).digest()[:KEY_ID_BYTES].hex())


@dataclass(frozen=True)
class Keyring:
    """Keys of one purpose. The first is used for all that is new; the others read what is older."""

    keys: tuple[Key, ...]

    @classmethod
    def derived(cls, texts: Sequence[str], purpose: str) -> Keyring:
        """Given secrets, the present one first, return their keyring."""
        return cls(tuple(Key.derived(text, purpose) for text in texts))

    @property
    def present(self) -> Key:
        """Return the key for all that is new."""
        return self.keys[0]

    def by_id(self, identity: str) -> Key:
        """Given a key's id, return the key. Raise UnknownKey."""
        for key in self.keys:
            if key.id == identity:
                return key
        known = ', '.join(key.id for key in self.keys)
        raise UnknownKey(f'encrypted with key {identity}, which is not there; there are {known}')


def data_keys() -> Keyring:
    """Return the keys that encrypt the columns."""
    return Keyring.derived(settings.PERSONAL_DATA_KEYS, 'columns')


def index_keys() -> Keyring:
    """Return the keys of the index of identity numbers."""
    return Keyring.derived(settings.PERSONAL_DATA_INDEX_KEYS, 'index of identity numbers')


def blind_index(key: Key, identity_number: str) -> str:
    """Given a key and an identity number, return the same 64 characters whenever it comes again.

    Without the key they cannot be had by trying all numbers, which are few enough for a plain hash.
    """
    return hmac.digest(key.secret, identity_number.encode(), 'sha256').hex()
