"""Secrets of a platform: generated at first need, kept in one file that only its owner reads."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anlan.errors import AnlanError, BadInput
from anlan.files import write_json

NAMES = (
    'database_superuser_password',
    'database_replication_password',
    'database_rewind_password',
    'database_application_password',
    'patroni_rest_password',
    'valkey_password',
    'django_secret_key',
    'journey_password',
    'block_list_key',
    'media_signing_key',
    'personal_data_key',
    'personal_data_index_key',
)
ENTROPY_BYTES = 32


# Beside a secret that was rotated stand, all as text: `<name>_previous`, the one before it, unless that was revoked;
# `<name>_rotated`, when; and `<name>_overlap_until`, until when the one before counts. The last is there only once the
# rotation is at the hosts. A file of an earlier version has the first alone: its rotation counts as not yet at the
# hosts, so that the next `up` gives the one before an end, and cuts no learner off who has an address by it.


def ensure_secrets(file: Path, now: datetime | None = None) -> dict[str, str]:
    """Given the file of secrets, return those that count, generating what is not there. Raise AnlanError if unreadable.

    A secret that exists is never replaced: a platform that lost its passwords would lose its data with them. One before
    a rotation is left out once its time is over (`now`: the present, if not given).
    """
    known = _read(file) if file.exists() else {}
    missing = [name for name in NAMES if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(ENTROPY_BYTES) for name in missing}
        write_json(file, known)
    moment = now or datetime.now(UTC)
    over = {f'{name}_previous' for name in NAMES if _is_over(file, known, name, moment)}
    return {name: value for name, value in known.items() if name not in over}


def read_secret(file: Path, name: str) -> str:
    """Given the file of secrets and a name, return that secret. Raise AnlanError if it is not there."""
    try:
        secret: str = json.loads(file.read_text(encoding='utf-8'))[name]
    except (OSError, ValueError, KeyError, TypeError):
        raise AnlanError(f'{file} has no {name}; put it back from a backup of var/') from None
    return secret


def rotate_secret(file: Path, name: str, *, revoke: bool = False, now: datetime | None = None) -> None:
    """Given the file of secrets and a name, generate that secret anew and keep the present one as `<name>_previous`.

    With `revoke` none before it is kept. The caller holds the platform's lock. Raise AnlanError if it is not there,
    BadInput if the rotation before is not at the hosts: the one that they have would be forgotten.
    """
    present = read_secret(file, name)
    require_settled(file, name, revoke=revoke)
    known = _read(file)
    for word in ('previous', 'overlap_until'):
        known.pop(f'{name}_{word}', None)
    moment = now or datetime.now(UTC)
    known |= {name: secrets.token_urlsafe(ENTROPY_BYTES), f'{name}_rotated': moment.isoformat(timespec='seconds')}
    write_json(file, known if revoke else known | {f'{name}_previous': present})


def require_settled(file: Path, name: str, *, revoke: bool = False) -> None:
    """Raise BadInput if a secret cannot be rotated now, because its last rotation is not at the hosts yet.

    It can always be revoked: nothing that was given out is to hold then.
    """
    known = _read(file)
    if not revoke and _is_under_way(known, name):
        when = known.get(f'{name}_rotated', 'of an earlier version')
        raise BadInput(
            f'the last rotation ({when}) is not at the hosts yet; run `anlan up` first, or give --revoke if it leaked'
        )


def note_rotation_at_hosts(file: Path, name: str, overlap_seconds: float, now: datetime | None = None) -> None:
    """Given the file of secrets, a name and how long the one before still counts, note that every host has it now.

    The caller holds the platform's lock since the secrets were handed out. Again for the same rotation, it changes no
    time; one before that no longer counts is forgotten.
    """
    known, moment = _read(file), now or datetime.now(UTC)
    if _is_under_way(known, name):
        overlap = timedelta(seconds=overlap_seconds if f'{name}_previous' in known else 0)
        write_json(file, known | {f'{name}_overlap_until': (moment + overlap).isoformat(timespec='seconds')})
    elif _is_over(file, known, name, moment) and known.pop(f'{name}_previous', None) is not None:
        write_json(file, known)


def deployed_secret(file: Path, name: str) -> str:
    """Given the file of secrets and a name, return the one that every host knows, also when a rotation is under way.

    Raise AnlanError if it is not there, BadInput if the hosts are still to be brought the only one that is left.
    """
    present, known = read_secret(file, name), _read(file)
    if not _is_under_way(known, name):
        return present
    try:
        # An `up` that was cut off brought the new one to some hosts; the one before it is still good on all.
        return known[f'{name}_previous']
    except KeyError:
        raise BadInput('the key before was revoked and the new one is not at the hosts yet; run `anlan up`') from None


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise AnlanError(f'{file} cannot be read ({error}); put it back from a backup of var/') from None
    if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
        raise AnlanError(f'{file} holds no secrets by name; put it back from a backup of var/')
    return known


def _is_under_way(known: Mapping[str, str], name: str) -> bool:
    rotated = f'{name}_rotated' in known or f'{name}_previous' in known
    return rotated and f'{name}_overlap_until' not in known


def _is_over(file: Path, known: Mapping[str, str], name: str, now: datetime) -> bool:
    until = known.get(f'{name}_overlap_until')
    if until is None:
        return False
    try:
        return datetime.fromisoformat(until) <= now
    except (ValueError, TypeError):
        raise AnlanError(f'{file}: {name}_overlap_until is no time; put it back from a backup of var/') from None
