"""A key that opens at once, for repositories of tests: restic makes the real one take half a second of a core.

The format is restic's own (design document, "Keys, Encryption and MAC"); the master key, and so all that is kept with
it, stays the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

ROUNDS = 2
"""The least that restic takes."""


def hasten(repository: Path, password: str) -> None:
    """Given a local repository and its password, put a quick key in the place of its only one."""
    (file,) = (repository / 'keys').iterdir()
    document = json.loads(file.read_text(encoding='utf-8'))
    master = _open(_user_key(document, password), base64.b64decode(document['data']))
    document |= {'N': ROUNDS, 'salt': base64.b64encode(os.urandom(64)).decode()}
    document['data'] = base64.b64encode(_seal(_user_key(document, password), master)).decode()
    content = json.dumps(document).encode()
    (repository / 'keys' / hashlib.sha256(content).hexdigest()).write_bytes(content)
    file.unlink()


def _user_key(document: dict[str, str], password: str) -> bytes:
    n, r, p = (int(document[name]) for name in 'Nrp')
    salt = base64.b64decode(document['salt'])
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=64, maxmem=256 * n * r + (1 << 20))


def _open(key: bytes, sealed: bytes) -> bytes:
    nonce, text, mac = sealed[:16], sealed[16:-16], sealed[-16:]
    Poly1305.verify_tag(_mac_key(key, nonce), text, mac)
    return _counter(key, nonce, text)


def _seal(key: bytes, plain: bytes) -> bytes:
    nonce = os.urandom(16)
    text = _counter(key, nonce, plain)
    return nonce + text + Poly1305.generate_tag(_mac_key(key, nonce), text)


def _counter(key: bytes, nonce: bytes, text: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key[:32]), modes.CTR(nonce)).encryptor()
    return cipher.update(text) + cipher.finalize()


def _mac_key(key: bytes, nonce: bytes) -> bytes:
    block = Cipher(algorithms.AES(key[32:48]), modes.ECB()).encryptor()  # one block, as Poly1305-AES has it
    return key[48:64] + block.update(nonce) + block.finalize()
