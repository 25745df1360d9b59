"""Secrets of a platform: generated at first need, kept in one file that only its owner reads."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from anlan.errors import AnlanError
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
)
ENTROPY_BYTES = 32


def ensure_secrets(file: Path) -> dict[str, str]:
    """Given the file of secrets, return them all, generating what is not there. Raise AnlanError if it is unreadable.

    A secret that exists is never replaced: a platform that lost its passwords would lose its data with them.
    """
    known: dict[str, str] = {}
    if file.exists():
        try:
            known = json.loads(file.read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            raise AnlanError(f'{file} cannot be read ({error}); put it back from a backup of var/') from None
        if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
            raise AnlanError(f'{file} holds no secrets by name; put it back from a backup of var/')
    missing = [name for name in NAMES if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(ENTROPY_BYTES) for name in missing}
        write_json(file, known)
    return known


def read_secret(file: Path, name: str) -> str:
    """Given the file of secrets and a name, return that secret. Raise AnlanError if it is not there."""
    try:
        secret: str = json.loads(file.read_text(encoding='utf-8'))[name]
    except (OSError, ValueError, KeyError, TypeError):
        raise AnlanError(f'{file} has no {name}; put it back from a backup of var/') from None
    return secret


def rotate_secret(file: Path, name: str) -> None:
    """Given the file of secrets and a name, generate that secret anew and keep the present one as `<name>_previous`.

    Raise AnlanError if it is not there.
    """
    present = read_secret(file, name)
    known = ensure_secrets(file)
    write_json(file, known | {name: secrets.token_urlsafe(ENTROPY_BYTES), f'{name}_previous': present})
