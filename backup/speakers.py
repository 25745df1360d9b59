"""Speakers: who may say what of the backups. Plain data that monitoring hosts read, and the rules over it.

Whose word an entry is, is said by the certificate that it was handed over with; what it says of itself is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anlan.errors import BadInput
from backup.record import Begun, CopyEnded, Lagged, Record, RunEnded
from backup.task import Promise

SPEAKERS = Path('/etc/anlan/backup/speakers.json')
STORES = '/var/log/anlan/events'
"""Where a monitoring host keeps what hosts hand over, by host (role event_collection)."""

VERSION = 1


@dataclass(frozen=True)
class Speakers:
    """The hosts, where their journals are kept, and who has a part: the keeper, the databases, the replica's host.

    Every host tells of its own runs. The keeper tells of all else, which it does itself, whoever's data it is about.
    How far a copy in real time is behind, the database's leader tells (the log kept locally), and the replica's host.
    """

    stores: str
    hosts: tuple[str, ...]
    keeper: str
    databases: tuple[str, ...]
    replica: str | None

    def refusal(self, sender: str, record: Record, promises: Sequence[Promise]) -> str | None:
        """Given whose word it is, a record and what is promised, return None, or a word why that is not believed."""
        promise = next((each for each in promises if each.policy == record.policy), None)
        if promise is None or record.place not in promise.places or record.host not in self.hosts:
            return 'unknown'
        return None if self._may(sender, record) else 'another'

    def _may(self, sender: str, record: Record) -> bool:
        own = record.host == sender
        match record:
            case Lagged():
                return own and (sender == self.replica if record.place == 'offsite' else sender in self.databases)
            case CopyEnded():
                return sender == self.keeper
            case RunEnded() | Begun(what='run'):
                return own and (record.place == 'local' or sender == self.keeper)
            case _:
                return sender == self.keeper

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {'version': VERSION, **asdict(self)}


def read_speakers(file: Path = SPEAKERS) -> Speakers:
    """Given the file, return who may say what. Raise BadInput if it is not what `document` made."""
    try:
        document = json.loads(file.read_text(encoding='utf-8'))
        if document.pop('version') != VERSION:
            raise ValueError(f'it is not of version {VERSION}')
        for name in ('hosts', 'databases'):
            document[name] = tuple(document[name])
        return Speakers(**document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f'{file} cannot be used ({error}); `anlan up` writes it anew') from None
