"""The environment: everything that differs from one place of running to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REQUIRED = (
    'DJANGO_SECRET_KEY', 'ANLAN_ALLOWED_HOSTS', 'ANLAN_DATABASE_HOST', 'ANLAN_DATABASE_PORT', 'ANLAN_DATABASE_NAME',
    'ANLAN_DATABASE_USER', 'ANLAN_DATABASE_PASSWORD', 'ANLAN_CACHE_SENTINELS', 'ANLAN_CACHE_MASTER',
    'ANLAN_CACHE_PASSWORD', 'ANLAN_MEDIA_ROOT', 'ANLAN_HOST_NAME', 'ANLAN_RELEASE', 'ANLAN_MEDIA_SIGNING_KEY',
    'ANLAN_PERSONAL_DATA_KEYS', 'ANLAN_PERSONAL_DATA_INDEX_KEYS',
)  # fmt: skip

PERSONAL_KEY_CHARACTERS = 32
"""The least that a key of personal data may have: what is shorter was not drawn at random."""


class IncompleteEnvironment(Exception):
    """Variables that are missing or cannot be read, all of them in one sentence."""


@dataclass(frozen=True)
class Environment:
    """What the host told the platform when it started it."""

    secret_key: str
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    database_host: str
    database_host_address: str | None
    database_port: int
    database_name: str
    database_user: str
    database_password: str
    authority_file: Path | None
    cache_sentinels: tuple[tuple[str, int], ...]
    cache_master: str
    cache_password: str
    media_root: Path
    block_list_socket: str | None
    host_name: str
    release: str
    media_signing_key: str
    signed_url_seconds: int
    session_idle_seconds: int
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    personal_data_keys: tuple[str, ...] = field(repr=False)
    personal_data_index_keys: tuple[str, ...] = field(repr=False)


def load_environment(variables: Mapping[str, str]) -> Environment:
    """Given the process's variables, return the Environment.

    Raise IncompleteEnvironment naming every variable that is missing or malformed; no value is ever part of it.
    """
    missing = [name for name in REQUIRED if not variables.get(name)]
    if missing:
        raise IncompleteEnvironment(f'missing in the environment: {", ".join(missing)}')
    allowed_hosts = _words(variables['ANLAN_ALLOWED_HOSTS'])
    origins = _words(variables.get('ANLAN_TRUSTED_ORIGINS', ''))
    sentinels = _sentinels(variables['ANLAN_CACHE_SENTINELS'])
    malformed = []
    if sentinels is None:
        malformed.append('ANLAN_CACHE_SENTINELS (wanted host:port,host:port)')
    if not variables['ANLAN_DATABASE_PORT'].isdecimal():
        malformed.append('ANLAN_DATABASE_PORT (wanted a number)')
    signed_url_seconds = variables.get('ANLAN_SIGNED_URL_SECONDS', '14400')
    if not signed_url_seconds.isdecimal() or int(signed_url_seconds) < 1:
        malformed.append('ANLAN_SIGNED_URL_SECONDS (wanted a number of seconds)')
    session_idle_seconds = variables.get('ANLAN_SESSION_IDLE_SECONDS', '1800')
    if not session_idle_seconds.isdecimal() or int(session_idle_seconds) < 600:
        malformed.append('ANLAN_SESSION_IDLE_SECONDS (wanted a number of seconds, 600 or more)')
    personal = {
        name: _words(variables[name]) for name in ('ANLAN_PERSONAL_DATA_KEYS', 'ANLAN_PERSONAL_DATA_INDEX_KEYS')
    }
    for name, keys in personal.items():
        if not keys or any(len(key) < PERSONAL_KEY_CHARACTERS for key in keys):
            malformed.append(
                f'{name} (wanted keys of at least {PERSONAL_KEY_CHARACTERS} characters, the present first)'
            )
    if set.intersection(*map(set, personal.values())):
        malformed.append('ANLAN_PERSONAL_DATA_INDEX_KEYS (wanted other keys than those of the data)')
    if malformed:
        raise IncompleteEnvironment(f'malformed in the environment: {", ".join(malformed)}')
    authority = variables.get('ANLAN_CA_FILE')
    return Environment(
        secret_key=variables['DJANGO_SECRET_KEY'],
        secret_key_fallbacks=_words(variables.get('DJANGO_SECRET_KEY_FALLBACKS', '')),
        allowed_hosts=allowed_hosts,
        # A browser's Origin has no path and, on the usual port, no port: the host names are enough.
        trusted_origins=origins or tuple(f'https://{host}' for host in allowed_hosts if not _is_address(host)),
        database_host=variables['ANLAN_DATABASE_HOST'],
        database_host_address=variables.get('ANLAN_DATABASE_HOSTADDR') or None,
        database_port=int(variables['ANLAN_DATABASE_PORT']),
        database_name=variables['ANLAN_DATABASE_NAME'],
        database_user=variables['ANLAN_DATABASE_USER'],
        database_password=variables['ANLAN_DATABASE_PASSWORD'],
        authority_file=Path(authority) if authority else None,
        cache_sentinels=sentinels or (),
        cache_master=variables['ANLAN_CACHE_MASTER'],
        cache_password=variables['ANLAN_CACHE_PASSWORD'],
        media_root=Path(variables['ANLAN_MEDIA_ROOT']),
        block_list_socket=variables.get('ANLAN_BLOCK_LIST_SOCKET') or None,
        host_name=variables['ANLAN_HOST_NAME'],
        release=variables['ANLAN_RELEASE'],
        media_signing_key=variables['ANLAN_MEDIA_SIGNING_KEY'],
        signed_url_seconds=int(signed_url_seconds),
        session_idle_seconds=int(session_idle_seconds),
        personal_data_keys=personal['ANLAN_PERSONAL_DATA_KEYS'],
        personal_data_index_keys=personal['ANLAN_PERSONAL_DATA_INDEX_KEYS'],
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(',')) if word)


def _is_address(host: str) -> bool:
    return ':' in host or host.replace('.', '').isdecimal()


def _sentinels(text: str) -> tuple[tuple[str, int], ...] | None:
    found = []
    for word in _words(text):
        host, separator, port = word.rpartition(':')
        if not separator or not host or not port.isdecimal():
            return None
        found.append((host.strip('[]'), int(port)))
    return tuple(found)
