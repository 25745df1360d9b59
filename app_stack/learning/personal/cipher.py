"""The cipher: AES-256-GCM, one column of one learner at a time.

Not Fernet: it binds nothing to its place, so a ciphertext could be moved to another learner's row; it is AES-128; and
it tries every key, where the id that stands in our ciphertexts names the one. A nonce is 96 random bits, good for 2^32
encryptions under one key (NIST SP 800-38D, 8.3), three a learner.
"""

from __future__ import annotations

import os

from learning.personal.keys import KEY_ID_BYTES, Keyring, UnknownKey

FORMAT = b'\x01'
NONCE_BYTES = 12
HEAD_BYTES = len(FORMAT) + KEY_ID_BYTES + NONCE_BYTES


class Undecipherable(Exception):
    """A ciphertext that was altered, cut, moved, or made with a key that is not there. Holds no plain text."""


def sealed(keyring: Keyring, text: str, place: str) -> bytes:
    """Given keys, a text and the place where it will stand, return format, key id, nonce and ciphertext as one."""
    # Here and not above: packing a release loads the models on a machine that has no wheels for the hosts.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = FORMAT + bytes.fromhex(keyring.present.id) + os.urandom(NONCE_BYTES)
    body = AESGCM(keyring.present.secret).encrypt(head[-NONCE_BYTES:], text.encode(), head + place.encode())
    return head + body


def opened(keyring: Keyring, ciphertext: bytes, place: str) -> str:
    """Given keys, what `sealed` returned and its place, return the text. Raise Undecipherable."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    ciphertext = bytes(ciphertext)
    head, body = ciphertext[:HEAD_BYTES], ciphertext[HEAD_BYTES:]
    if len(head) < HEAD_BYTES or not head.startswith(FORMAT):
        raise Undecipherable(f'{place}: is no ciphertext of ours')
    try:
        key = keyring.by_id(head[len(FORMAT) : len(FORMAT) + KEY_ID_BYTES].hex())
        return AESGCM(key.secret).decrypt(head[-NONCE_BYTES:], body, head + place.encode()).decode()
    except UnknownKey as error:
        raise Undecipherable(f'{place}: {error}') from None
    except (InvalidTag, ValueError):
        raise Undecipherable(f'{place}: was altered, or stands in another place than it was made for') from None
