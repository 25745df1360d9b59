"""Settings: what the role wrote for this host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHORTEST_KEY_BYTES = 32


class Unusable(Exception):
    """The settings or the key cannot be used; one sentence for the journal."""


@dataclass(frozen=True)
class PeerSettings:
    """Another host: where it is reached from here, all addresses that it may write from, and whether it blocks."""

    name: str
    address: str
    addresses: tuple[str, ...]
    enforces: bool


@dataclass(frozen=True)
class Settings:
    """What this host does with which sources, and who the others are. Prefixes `never` are never shut out."""

    name: str
    enforces: bool
    seconds: float
    window_seconds: float
    maximum_entries: int
    never: tuple[str, ...]
    edges: frozenset[str]
    proxies: frozenset[str]
    peers: tuple[PeerSettings, ...]


def settings_of(document: dict[str, Any]) -> Settings:
    """Given the document of the settings, return them. Raise Unusable naming what is wrong."""
    try:
        return Settings(
            name=str(document['name']),
            enforces=bool(document['enforces']),
            seconds=float(document['seconds']),
            window_seconds=float(document['window_seconds']),
            maximum_entries=int(document['maximum_entries']),
            never=tuple(document['never']),
            edges=frozenset(document['edges']),
            proxies=frozenset(document['proxies']),
            peers=tuple(
                PeerSettings(peer['name'], peer['address'], tuple(peer['addresses']), bool(peer['enforces']))
                for peer in document['peers']
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f'the settings of the block list cannot be used: {type(error).__name__} {error}') from None


def read_settings(file: Path) -> Settings:
    """Given the file of the settings, return them. Raise Unusable if it is not there or not right."""
    try:
        document = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise Unusable(f'{file} cannot be read: {error}') from None
    if not isinstance(document, dict):
        raise Unusable(f'{file} holds no settings')
    return settings_of(document)


def read_key(file: Path) -> bytes:
    """Given the file of the key, return the key. Raise Unusable if there is none: nothing runs unsigned."""
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise Unusable(f'there is no key of the block list: {error}') from None
    if len(key) < SHORTEST_KEY_BYTES:
        raise Unusable(f'the key of the block list has {len(key)} bytes, and needs {SHORTEST_KEY_BYTES}')
    return key
