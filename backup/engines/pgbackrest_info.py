"""What pgBackRest says of its repository (`info --output=json`, `repo-ls --output=json`), as our data."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from backup.failure import BackupFailed, ExitClass
from backup.port import Snapshot

SEGMENT = re.compile(r'^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.partial)?(?:-[0-9a-f]{40})?(?:\.\w+)?$')
HISTORY = re.compile(r'^([0-9A-F]{8})\.history$')
SEGMENTS_A_LOG = 256
"""Pieces of 16 MiB in the 4 GiB that one middle part of a name stands for."""

STATUS = {1: ExitClass.NO_REPOSITORY, 3: ExitClass.NO_REPOSITORY, 5: ExitClass.NO_SOURCE, 99: ExitClass.UNREACHABLE}


@dataclass(frozen=True)
class Backup:
    """One backup as it stands in the repository. `stop` is the last place of the log that it needs to be whole."""

    label: str
    kind: str
    started: datetime
    ended: datetime
    prior: str | None
    references: tuple[str, ...]
    first_segment: str
    last_segment: str
    stop: str
    archive: str
    source_bytes: int
    added_bytes: int
    stored_bytes: int
    damaged: bool
    notes: Mapping[str, str]

    def snapshot(self, host: str) -> Snapshot:
        """Return it as the port has it."""
        return Snapshot(
            identity=self.label, policy=self.notes.get('policy', ''), host=self.notes.get('host', host),
            started=self.started, ended=self.ended, source_bytes=self.source_bytes, parent=self.prior,
            tags={'kind': self.kind, **{name: self.notes[name] for name in self.notes.keys() - {'policy', 'host'}}},
        )  # fmt: skip


def backups_of(text: str) -> tuple[Backup, ...]:
    """Given the answer of `info`, return the backups from old to new. Raise BackupFailed if there is no repository."""
    try:
        found = json.loads(text, strict=False)
        if not found:
            raise BackupFailed(ExitClass.NO_REPOSITORY, 'there is no repository of this database there')
        stanza = found[0]
        status = stanza['status']
        if status['code'] in STATUS:
            repositories = stanza.get('repo') or [{}]
            sentence = str(repositories[0].get('status', status).get('message', status['message']))
            exit_class = STATUS[status['code']]
            # With another key what is read is no text of theirs.
            if any(words in sentence for words in ('cipher', 'CryptoError', 'unable to flush', 'FormatError')):
                exit_class = ExitClass.WRONG_PASSWORD
            raise BackupFailed(exit_class, f'pgbackrest info: {" ".join(sentence.split())[:400]}')
        names = {each['id']: f'{each["version"]}-{each["id"]}' for each in stanza.get('db', ())}
        return tuple(
            sorted(
                (_backup(each, names) for each in stanza.get('backup', ())), key=lambda each: (each.ended, each.label)
            )
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BackupFailed(ExitClass.FAILED, f'pgbackrest info answers what is not understood: {error!r}') from None


def _backup(found: dict[str, Any], names: Mapping[int, str]) -> Backup:
    size = found['info']
    repository = size.get('repository', {})
    return Backup(
        label=found['label'],
        kind={'full': 'full', 'diff': 'differential', 'incr': 'incremental'}[found['type']],
        started=datetime.fromtimestamp(found['timestamp']['start'], UTC),
        ended=datetime.fromtimestamp(found['timestamp']['stop'], UTC),
        prior=found.get('prior'),
        references=tuple(found.get('reference') or ()),
        first_segment=found['archive']['start'] or '',
        last_segment=found['archive']['stop'] or '',
        stop=(found.get('lsn') or {}).get('stop') or '',
        archive=names[found['database']['id']],
        source_bytes=int(size['size']),
        added_bytes=int(repository.get('delta') or 0),
        stored_bytes=int(repository.get('size') or repository.get('delta') or 0),
        damaged=bool(found.get('error')),
        notes={str(name): str(value) for name, value in (found.get('annotation') or {}).items()},
    )


def number_of(segment: str) -> int:
    """Given the name of a piece of the log, return its number in the row of all, without its timeline."""
    matched = SEGMENT.match(segment)
    if matched is None:
        raise ValueError(f'{segment} is no piece of the log')
    return int(matched[2], 16) * SEGMENTS_A_LOG + int(matched[3], 16)


def segment_of(location: str) -> int:
    """Given a place in the log as PostgreSQL writes it (`0/3000028`), return the number of the piece that has it."""
    high, low = location.split('/')
    return ((int(high, 16) << 32) + int(low, 16)) >> 24


def archived(text: str) -> tuple[str, ...]:
    """Given the answer of `repo-ls` on an archive, return the names of all pieces and histories, from old to new."""
    try:
        paths = [path.rsplit('/', 1)[-1] for path, about in json.loads(text).items() if about.get('type') == 'file']
    except (ValueError, AttributeError) as error:
        raise BackupFailed(ExitClass.FAILED, f'pgbackrest repo-ls answers what is not understood: {error!r}') from None
    pieces = {name[:24] for name in paths if SEGMENT.match(name) and '.partial' not in name}
    histories = {name for name in paths if HISTORY.match(name)}
    return (*sorted(histories), *sorted(pieces, key=lambda name: (number_of(name), name)))


@dataclass(frozen=True)
class Piece:
    """A piece of the log, or a history of timelines (number None), in the repository. `kept`: when it was put there."""

    name: str
    number: int | None
    kept: datetime
    stored_bytes: int


def pieces_of(text: str) -> tuple[Piece, ...]:
    """Given the answer of `repo-ls` on an archive, return what can be got of it: histories, then pieces, old to new."""
    try:
        files = {path.rsplit('/', 1)[-1]: about for path, about in json.loads(text).items()
                 if about.get('type') == 'file'}  # fmt: skip
        found = {}
        for name, about in files.items():
            history = HISTORY.match(name) is not None
            if history or (SEGMENT.match(name) and '.partial' not in name):
                short = name if history else name[:24]
                number = None if history else number_of(short)
                found[short] = Piece(short, number, datetime.fromtimestamp(about['time'], UTC), int(about['size']))
    except (ValueError, AttributeError, KeyError, TypeError, OverflowError) as error:
        raise BackupFailed(ExitClass.FAILED, f'pgbackrest repo-ls answers what is not understood: {error!r}') from None
    return tuple(sorted(found.values(), key=lambda each: (-1 if each.number is None else each.number, each.name)))


def missing(backup: Backup, names: Collection[str]) -> list[str]:
    """Given a backup and what is archived, return the pieces of the log without which it is not whole."""
    if not backup.first_segment:
        return []
    timeline = backup.first_segment[:8]
    numbers = range(number_of(backup.first_segment), number_of(backup.last_segment) + 1)
    wanted = (f'{timeline}{number // SEGMENTS_A_LOG:08X}{number % SEGMENTS_A_LOG:08X}' for number in numbers)
    return [name for name in wanted if name not in names]


def gaps(names: Iterable[str], first: int) -> list[str]:
    """Given what is archived and a piece's number, return where the row from it on is broken, in words."""
    numbers = sorted({number_of(name) for name in names if SEGMENT.match(name) and number_of(name) >= first})
    return [
        f'of the log, {after - before - 1} pieces between {before:X} and {after:X} are missing'
        for before, after in pairwise(numbers)
        if after - before > 1
    ]


def chain(backup: Backup, backups: Sequence[Backup]) -> list[str]:
    """Given a backup and all there are, return which of those that it builds on are not there any more."""
    labels = {each.label for each in backups}
    return [label for label in (*backup.references, backup.prior) if label and label not in labels]
