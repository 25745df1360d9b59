"""Secrets of a platform: generated at first need, kept in one file that is encrypted for those who have its key."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from anlan.encrypted_file import SUFFIX, EncryptedFile
from anlan.errors import AnlanError, BadInput

NAMES = (
    'database_superuser_password',
    'database_replication_password',
    'database_rewind_password',
    'database_application_password',
    'patroni_rest_password',
    'valkey_password',
    'valkey_administration_password',
    'django_secret_key',
    'journey_password',
    'block_list_key',
    'media_signing_key',
    'personal_data_key',
    'personal_data_index_key',
)
ENTROPY_BYTES = 32
NOTES = ('_rotated', '_overlap_until', '_overlap_seconds', '_login')
VERSION = 1


# Beside a secret that was rotated stand, all as text: `<name>_previous`, the one before it, unless that was revoked;
# `<name>_rotated`, when; and `<name>_overlap_until`, until when the one before counts. The last is there only once the
# rotation is at the hosts. A file of an earlier version has the first alone: its rotation counts as not yet at the
# hosts, so that the next `up` gives the one before an end, and cuts no learner off who has an address by it.
# What a rotation of three steps has besides is said in anlan/secret_rotation.py.


def ensure_secrets(file: Path, now: datetime | None = None) -> dict[str, str]:
    """Given the file of secrets, return those that count, generating what is not there. Raise AnlanError if unreadable.

    A secret that exists is never replaced: a platform that lost its passwords would lose its data with them. One before
    a rotation is left out once its time is over (`now`: the present, if not given). A plain file of an earlier version
    is encrypted and removed; the caller holds the platform's lock.
    """
    known = read_all(file) if has_secrets(file) else {}
    missing = [name for name in NAMES if name not in known]
    if missing:
        write_all(file, known | {name: _first(name, known) for name in missing})
        known = read_all(file)
    else:
        kept(file).take_over()
    moment = now or datetime.now(UTC)
    over = {f'{name}_previous' for name in NAMES if is_over(file, known, name, moment)}
    return {name: value for name, value in known.items() if name not in over}


def has_secrets(file: Path) -> bool:
    """Given the file of secrets, return whether there are any yet, also plain ones of an earlier version."""
    return kept(file).exists()


def read_secret(file: Path, name: str) -> str:
    """Given the file of secrets and a name, return that secret. Raise AnlanError if it is not there."""
    if not has_secrets(file) or (secret := read_all(file).get(name)) is None:
        raise AnlanError(f'{file} has no {name}; put it back from a backup of var/')
    return secret


def rotate_secret(file: Path, name: str, *, revoke: bool = False, now: datetime | None = None) -> None:
    """Given the file of secrets and a name, generate that secret anew and keep the present one as `<name>_previous`.

    With `revoke` none before it is kept. The caller holds the platform's lock. Raise AnlanError if it is not there,
    BadInput if the rotation before is not at the hosts: the one that they have would be forgotten.
    """
    present = read_secret(file, name)
    require_settled(file, name, revoke=revoke)
    known = read_all(file)
    for word in ('previous', 'overlap_until', 'overlap_seconds'):
        known.pop(f'{name}_{word}', None)
    moment = now or datetime.now(UTC)
    known |= {name: generated(), f'{name}_rotated': moment.isoformat(timespec='seconds')}
    write_all(file, known if revoke else known | {f'{name}_previous': present})


def require_settled(file: Path, name: str, *, revoke: bool = False) -> None:
    """Raise BadInput if a secret cannot be rotated now, because its last rotation is not at the hosts yet.

    It can always be revoked: nothing that was given out is to hold then.
    """
    known = read_all(file)
    if not revoke and is_under_way(known, name):
        when = known.get(f'{name}_rotated', 'of an earlier version')
        raise BadInput(
            f'the last rotation ({when}) is not at the hosts yet; run `anlan up` first, or give --revoke if it leaked'
        )


def deployed_secret(file: Path, name: str) -> str:
    """Given the file of secrets and a name, return the one that every host knows, also when a rotation is under way.

    Raise AnlanError if it is not there, BadInput if the hosts are still to be brought the only one that is left.
    """
    present, known = read_secret(file, name), read_all(file)
    if not is_under_way(known, name):
        return present
    try:
        # An `up` that was cut off brought the new one to some hosts; the one before it is still good on all.
        return known[f'{name}_previous']
    except KeyError:
        raise BadInput('the key before was revoked and the new one is not at the hosts yet; run `anlan up`') from None


def without_notes(known: Mapping[str, str]) -> dict[str, str]:
    """Given all that is kept, return what is secret of it, by name: no time, and no name of a login."""
    return {name: value for name, value in known.items() if not name.endswith(NOTES)}


def generated() -> str:
    """Return a new secret as text."""
    return secrets.token_urlsafe(ENTROPY_BYTES)


def kept(file: Path) -> EncryptedFile:
    """Given the file of secrets, encrypted or as an earlier version named it, return how it is kept."""
    return EncryptedFile(file.with_suffix('') if file.suffix == SUFFIX else file, file.parent)


def read_all(file: Path) -> dict[str, str]:
    """Given the file of secrets, return all that it holds by name. Raise AnlanError if it cannot be read."""
    content = kept(file).read()
    try:
        document = json.loads(content)
    except ValueError as error:
        # The error itself has the whole text with it.
        raise AnlanError(f'{file} cannot be read ({type(error).__name__}); put it back from a backup of var/') from None
    if isinstance(document, dict) and isinstance(document.get('secrets'), dict):
        if document.get('version') != VERSION:
            raise AnlanError(f'{file} was written by another version of Anlan; use that one, or a newer one')
        document = document['secrets']
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise AnlanError(f'{file} holds no secrets by name; put it back from a backup of var/')
    return document


def write_all(file: Path, known: Mapping[str, str]) -> None:
    """Given the file of secrets and all that it is to hold, write it encrypted, in one step."""
    document = {'version': VERSION, 'secrets': dict(known)}
    kept(file).write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode() + b'\n')


def is_under_way(known: Mapping[str, str], name: str) -> bool:
    """Given all that is kept, return whether a secret was made anew and is not noted to be at the hosts."""
    rotated = f'{name}_rotated' in known or f'{name}_previous' in known
    return rotated and f'{name}_overlap_until' not in known


def is_over(file: Path, known: Mapping[str, str], name: str, now: datetime) -> bool:
    """Given all that is kept, return whether the time of the one before a secret has ended. Raise AnlanError."""
    until = known.get(f'{name}_overlap_until')
    if until is None:
        return False
    try:
        return datetime.fromisoformat(until) <= now
    except (ValueError, TypeError):
        raise AnlanError(f'{file}: {name}_overlap_until is no time; put it back from a backup of var/') from None


def _first(name: str, known: Mapping[str, str]) -> str:
    if name == 'valkey_administration_password' and (derived_from := known.get('patroni_rest_password')):
        # What an earlier version had derived it from: hosts that stand keep theirs.
        return sha256(f'valkey {derived_from}'.encode()).hexdigest()
    return generated()
