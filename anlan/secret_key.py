"""The key of a platform's secrets: an age identity (age-encryption.org/v1), kept outside of `var/`.

`var/<platform>/recipients` names, by their public keys, who can open what is encrypted there: one a line, the rest of
it is a comment. The identity that opens it is looked for in this order: the file that ANLAN_SECRET_KEY_FILE names,
systemd's credential `anlan-secret-key`, the user's configuration folder. The first two hold an identity, or a
passphrase that opens `identity.age` beside `recipients`. A key in the configuration folder is named by platform and
public key, so two checkouts with a platform of the same name have a key each.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyrage

from anlan.errors import AnlanError, BadInput
from anlan.files import sync_folder, write_atomically

VARIABLE = 'ANLAN_SECRET_KEY_FILE'
CREDENTIAL = 'anlan-secret-key'
IDENTITY_PREFIX = 'AGE-SECRET-KEY-'
SHORTEST_PASSPHRASE = 16
ENCRYPTED = ('secrets.json.age', 'certificates/ca.key.age', 'ledger/key.pem.age')
NAMED_BY = slice(4, 20)
"""The part of a public key, behind `age1`, that a key's file is named by."""


@dataclass(frozen=True)
class SecretKey:
    """What opens the secrets of one platform, and for whom they are closed. Its identities are never shown."""

    identities: tuple[pyrage.x25519.Identity, ...] = field(repr=False)
    recipients: tuple[str, ...]
    place: str


def key_folder() -> Path:
    """Return the folder of keys: $XDG_CONFIG_HOME/anlan/keys or ~/.config/anlan/keys."""
    base = os.environ.get('XDG_CONFIG_HOME')
    return (Path(base) if base else Path.home() / '.config') / 'anlan' / 'keys'


def key_file(home: Path, recipient: str) -> Path:
    """Given a platform's folder and a public key, return where its identity is if it was made here."""
    return key_folder() / f'{home.name}-{recipient[NAMED_BY]}.key'


def given_file() -> Path | None:
    """Return the file that somebody named for the key, by variable or as systemd's credential, or None."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    if folder := os.environ.get('CREDENTIALS_DIRECTORY'):
        credential = Path(folder) / CREDENTIAL
        return credential if credential.exists() else None
    return None


def read_recipients(home: Path) -> tuple[str, ...]:
    """Given a platform's folder, return who can open its secrets, none before there are any. Raise AnlanError."""
    file = home / 'recipients'
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise AnlanError(f'{file} cannot be read ({error}); put it back from a backup of var/') from None
    found = tuple(line.split()[0] for line in lines if line.strip() and not line.startswith('#'))
    for recipient in found:
        parsed_recipient(recipient, f'{file}: ')
    if not found:
        raise AnlanError(f'{file} names nobody; put it back from a backup of var/')
    return found


def parsed_recipient(text: str, prefix: str = '') -> pyrage.x25519.Recipient:
    """Given a public key as text, return it. Raise BadInput if it is none."""
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise BadInput(f'{prefix}{text[:70]!r} is no public key of age (age1…)') from None


def ensure_key(home: Path) -> SecretKey:
    """Given a platform's folder, return its key, made at first need. Raise AnlanError if it is not to be had.

    Two that make one at the same time get the same. Killed in between, a key is left that opens nothing, and the next
    run makes another.
    """
    if not read_recipients(home):
        _require_nothing_encrypted(home)
        _make(home)
    return read_key(home)


def read_key(home: Path) -> SecretKey:
    """Given a platform's folder, return its key. Raise AnlanError or BadInput, each with what to do."""
    recipients = read_recipients(home)
    if not recipients:
        _require_nothing_encrypted(home)
        raise AnlanError(f'{home} has no secrets yet; `anlan up` makes them')
    given = given_file()
    if given is not None:
        identities = _given_identities(given, home)
        if not {str(each.to_public()) for each in identities} & set(recipients):
            raise BadInput(
                f'the key in {given} is none of those that open the secrets of {home} ({", ".join(recipients)}); '
                f'name the right one by {VARIABLE}'
            )
        return SecretKey(identities, recipients, str(given))
    files = _made_here(recipients)
    if not files:
        wanted = ' or '.join(str(key_file(home, each)) for each in recipients)
        raise BadInput(
            f'the key of the secrets of {home} is not there; put {wanted} back from where you keep it, '
            f'or name the file that has it by {VARIABLE}'
        )
    return SecretKey(tuple(each for file in files for each in _identities(_read_private(file), file)), recipients,
                     ', '.join(map(str, files)))  # fmt: skip


def write_recipients(home: Path, recipients: Iterable[str]) -> None:
    """Given a platform's folder and public keys, have `recipients` name exactly these."""
    write_atomically(home / 'recipients', ''.join(f'{each}\n' for each in recipients))
    sync_folder(home)


def put_back(home: Path, identities: Iterable[str]) -> None:
    """Given a platform's folder whose secrets came back and the identities that open them, have these be found.

    A key that is there, or that somebody named, is left as it is. Raise BadInput if one is no identity of age.
    """
    if given_file() is not None:
        return
    for text in identities:
        try:
            identity = pyrage.x25519.Identity.from_str(text)
        except pyrage.IdentityError:
            raise BadInput('what is to open the secrets is no identity of age') from None
        if not _made_here([str(identity.to_public())]):
            _keep(identity, home)


def discard_key(home: Path) -> list[Path]:
    """Given a platform's folder without anything encrypted, remove `recipients` and the key that was made for it here.

    Return what was removed. A key that somebody named, and another checkout's, are left alone.
    """
    try:
        files = _made_here(read_recipients(home))
    except AnlanError:
        files = []
    # The key last: `recipients` without it would look like a key that was lost.
    for file in (home / 'recipients', home / 'identity.age', *files):
        file.unlink(missing_ok=True)
    return files


def _made_here(recipients: Iterable[str]) -> list[Path]:
    # By the public key alone: a platform's folder may have been renamed since.
    return [file for each in recipients for file in sorted(key_folder().glob(f'*-{each[NAMED_BY]}.key'))]


def _require_nothing_encrypted(home: Path) -> None:
    for name in ENCRYPTED:
        if (file := home / name).exists():
            raise AnlanError(
                f'{file} is encrypted and {home / "recipients"} is gone; put it back from a backup of var/'
            )


def _make(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    given, made = given_file(), None
    if given is not None:
        identity = _given_identities(given, home, make=True)[0]
    else:
        identity = pyrage.x25519.Identity.generate()
        made = _keep(identity, home)
    if not _write_once(home / 'recipients', f'{identity.to_public()}\n') and made is not None:
        made.unlink()  # another process was first


def _keep(identity: pyrage.x25519.Identity, home: Path) -> Path:
    """Keep an identity in the configuration folder, and return its file. Raise AnlanError if that cannot be written."""
    made = key_file(home, str(identity.to_public()))
    try:
        made.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(made, f'# opens the secrets in {home}\n# public key: {identity.to_public()}\n{identity}\n')
        sync_folder(made.parent)
    except OSError as error:
        raise AnlanError(
            f'{made.parent}: the key of the secrets could not be written ({error.strerror}); '
            f'name a file that has one by {VARIABLE}'
        ) from None
    return made


def _write_once(file: Path, content: bytes | str) -> bool:
    """Write a file unless there is one, in one step. Return whether it was written."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f'.{file.name}.')
    os.close(descriptor)
    temporary = Path(name)
    try:
        write_atomically(temporary, content)
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(file.parent)
    return True


def _given_identities(file: Path, home: Path, make: bool = False) -> tuple[pyrage.x25519.Identity, ...]:
    text = _read_private(file)
    if IDENTITY_PREFIX in text:
        return _identities(text, file)
    passphrase, locked = text.strip(), home / 'identity.age'
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BadInput(f'{file} holds neither an identity of age nor a passphrase of {SHORTEST_PASSPHRASE} characters')
    if make and not locked.exists():
        identity = pyrage.x25519.Identity.generate()
        _write_once(locked, pyrage.passphrase.encrypt(f'{identity}\n'.encode(), passphrase))
    try:
        content = locked.read_bytes()
    except OSError:
        raise BadInput(
            f'{file} holds a passphrase, and there is no {locked} that it opens: the secrets there have another key'
        ) from None
    return (_unlocked(content, passphrase, str(locked), str(file)),)


@lru_cache(maxsize=8)
def _unlocked(content: bytes, passphrase: str, locked: str, file: str) -> pyrage.x25519.Identity:
    # Slow on purpose (scrypt): once a process is enough.
    try:
        return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(content, passphrase).decode().strip())
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError):
        raise BadInput(
            f'the passphrase in {file} does not open {locked}: it is another one, or the file was damaged and is to be '
            'put back from a backup of var/'
        ) from None


def _identities(text: str, file: Path) -> tuple[pyrage.x25519.Identity, ...]:
    words = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith('#')]
    try:
        found = tuple(pyrage.x25519.Identity.from_str(word) for word in words)
    except pyrage.IdentityError:
        raise BadInput(f'{file} holds no key of age that can be read; put it back from where you keep it') from None
    if not found:
        raise BadInput(f'{file} holds no key; put it back from where you keep it')
    return found


def _read_private(file: Path) -> str:
    try:
        text = file.read_text(encoding='utf-8')
        mode = file.stat().st_mode & 0o777
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is no text'
        raise BadInput(f'the key of the secrets cannot be read from {file}: {reason}') from None
    if mode & 0o077:
        raise BadInput(
            f'{file} can be read by others (mode {mode:o}); chmod 600 it, and take a new key if others were there'
        )
    return text
