"""Records: what a run, a copy, a check, a restore and a measurement leave behind. Plain data, a line of JSON each.

Written on hosts (standard library alone) to RECORDS, only ever appended: one line when a thing begins, one when it has
ended. What began and never ended is there to be seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_type_hints

from anlan.errors import AnlanError, BadInput
from anlan.files import sync_folder
from backup.failure import ExitClass

RECORDS = Path('/var/lib/anlan/backup/records.jsonl')
LONGEST_LINE_BYTES = 1 << 20
What = Literal['run', 'copy', 'verification', 'restore', 'planting', 'stolen', 'forget']
WORDS = frozenset(each.word for each in ExitClass)


@dataclass(frozen=True)
class Begun:
    """Something began. `identity` is that of the record of its end."""

    identity: str
    what: What
    policy: str
    host: str
    place: str
    at: datetime


@dataclass(frozen=True)
class Ended:
    """What every end tells: `failure` is a word of ExitClass with its sentence, None if it did what it should.

    A sentence without a failure says what was not there to be looked at.
    """

    identity: str
    policy: str
    host: str
    place: str
    began: datetime
    ended: datetime
    failure: str | None
    sentence: str

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True)
class RunEnded(Ended):
    """A run, or a copy to the other site. `recovery_point`: the moment that what was kept is of; None, nothing was."""

    snapshot: str | None = None
    recovery_point: datetime | None = None
    source_bytes: int = 0
    added_bytes: int = 0
    files: int = 0
    unread: int = 0


@dataclass(frozen=True)
class CopyEnded(RunEnded):
    """A copy of what is kept locally to the other site."""


@dataclass(frozen=True)
class VerificationEnded(Ended):
    """A look at what is kept, and what is wrong with it. Sound only if it ended without failure and problem."""

    depth: str = 'structure'
    problems: tuple[str, ...] = ()
    read_bytes: int = 0


@dataclass(frozen=True)
class RestoreEnded(Ended):
    """A restore into a scratch place, and whether what came back is what went in.

    `checks` is how many things were compared (rows, checksums, the chain, a canary): with none, nothing is verified.
    `choice` is which snapshot: `newest` alone says what would be lost; others are `random`, `oldest`, `time`, and of a
    database `backup`, the newest backup without what came after it.
    """

    snapshot: str | None = None
    recovery_point: datetime | None = None
    restored_bytes: int = 0
    files: int = 0
    checks: int = 0
    problems: tuple[str, ...] = ()
    choice: str = 'newest'

    @property
    def verified(self) -> bool:
        """Return whether it came back, was compared, and nothing differed."""
        return self.failure is None and self.checks > 0 and not self.problems

    @property
    def lost_seconds(self) -> float | None:
        """Return how far what came back was behind the beginning of the restore, or None if nothing did."""
        if self.recovery_point is None:
            return None
        # What is newer than the beginning was had back whole.
        return max(0.0, (self.began - self.recovery_point).total_seconds())

    @property
    def bytes_per_second(self) -> float:
        """Return the rate, 0 for what took no time."""
        return self.restored_bytes / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class PlantingEnded(Ended):
    """Damage planted into a throw-away copy, by kind, and which of it was caught."""

    planted: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """Return the kinds that nobody saw; each means that a check is blind."""
        return tuple(sorted(set(self.planted) - set(self.caught)))


@dataclass(frozen=True)
class StolenEnded(Ended):
    """A drill of stolen credentials: a copy of a repository attacked with the writer's, had back with the restorer's.

    `tried` counts what must be refused; `attacks` says how often each was, `succeeded` names those that were not all
    refused. `unproven` is why the drill proves nothing: what could not be tried, or an attack without effect.
    `problems` is what did not come back as it was. `kept_bytes` stay locked in the store until `kept_until` at least.
    """

    snapshot: str | None = None
    before: datetime | None = None
    objects: int = 0
    copied_bytes: int = 0
    overwritten: int = 0
    deleted: int = 0
    tried: int = 0
    refused: int = 0
    attacks: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    brought_bytes: int = 0
    reading_seconds: float = 0.0
    restored_bytes: int = 0
    restoring_seconds: float = 0.0
    files: int = 0
    checks: int = 0
    problems: tuple[str, ...] = ()
    wiped_bytes: int = 0
    kept_bytes: int = 0
    kept_until: datetime | None = None

    @property
    def verdict(self) -> Literal['pass', 'fail', 'not-verified']:
        """Return what the drill shows: an attack that succeeded, or data that is not what it was, is a fail."""
        if self.succeeded or self.problems:
            return 'fail'
        whole = self.failure is None and not self.unproven and self.overwritten == self.deleted == self.objects > 0
        return 'pass' if whole and 0 < self.tried == self.refused and self.checks > 0 else 'not-verified'

    @property
    def bytes_per_second(self) -> float:
        """Return at what rate the repository was read as of before, 0 where none was."""
        return self.brought_bytes / self.reading_seconds if self.reading_seconds > 0 else 0.0


@dataclass(frozen=True)
class ForgettingEnded(Ended):
    """What ran out: how many snapshots were forgotten, and what that freed."""

    removed: int = 0
    freed_bytes: int = 0


@dataclass(frozen=True)
class Looked:
    """A look at a place: what it holds of a policy and a host's data, and how much room it has. None: not found out."""

    policy: str
    host: str
    place: str
    at: datetime
    snapshots: int
    newest: datetime | None
    source_bytes: int
    stored_bytes: int
    lock_age_seconds: float | None = None
    used_share: float | None = None


@dataclass(frozen=True)
class Lagged:
    """How far a copy in real time is behind: seconds, and rows where they were counted."""

    policy: str
    host: str
    place: str
    at: datetime
    seconds: float
    rows: int | None = None


Record = (
    Begun | RunEnded | CopyEnded | VerificationEnded | RestoreEnded | PlantingEnded | StolenEnded | ForgettingEnded
    | Looked | Lagged
)  # fmt: skip
KINDS: dict[str, type[Record]] = {
    'begun': Begun, 'run': RunEnded, 'copy': CopyEnded, 'verification': VerificationEnded, 'restore': RestoreEnded,
    'planting': PlantingEnded, 'stolen': StolenEnded, 'forget': ForgettingEnded, 'look': Looked, 'lag': Lagged,
}  # fmt: skip
_NAMES: dict[type, str] = {kind: name for name, kind in KINDS.items()}
_HINTS = {kind: get_type_hints(kind) for kind in KINDS.values()}


@dataclass(frozen=True)
class Reading:
    """What a file of records holds. `torn`: a line of it is none that can be read, by a loss of power most likely."""

    records: tuple[Record, ...]
    torn: bool = False


def new_identity() -> str:
    """Return an identity for something that begins."""
    return uuid.uuid4().hex


def kind_of(record: Record | Ended) -> str:
    """Given a record, return the name of its kind."""
    return _NAMES[type(record)]


def moment_of(record: Record | Ended) -> datetime:
    """Given a record, return when it was made: a look or a beginning at once, everything else at its end."""
    return record.ended if isinstance(record, Ended) else record.at


def line_of(record: Record | Ended) -> str:
    """Given a record, return its line, without its end."""
    values = {field.name: _plain(getattr(record, field.name)) for field in fields(record)}
    return json.dumps(
        {'kind': kind_of(record), **values}, ensure_ascii=False, sort_keys=True, separators=(',', ':'),
        allow_nan=False,
    )  # fmt: skip


def record_of(line: str) -> Record:
    """Given a line, return its record. Raise ValueError with the reason if it is none."""
    document = json.loads(line)
    if not isinstance(document, dict) or document.get('kind') not in KINDS:
        raise ValueError('it names no kind of record')
    kind = KINDS[document.pop('kind')]
    hints = _HINTS[kind]
    unknown = set(document) - set(hints)
    missing = {field.name for field in fields(kind)} - set(document)
    if unknown or missing:
        raise ValueError(f'keys that are unknown: {sorted(unknown)}, missing: {sorted(missing)}')
    record = kind(**{name: _value(name, hints[name], value) for name, value in document.items()})
    if isinstance(record, Ended):
        if record.ended < record.began:
            raise ValueError('it ended before it began')
        if record.failure is not None and record.failure not in WORDS:
            raise ValueError(f'{record.failure!r} is no exit class')
    return record


def append(record: Record, file: Path = RECORDS) -> None:
    """Given a record, write it to the end of the file, on the disk before this returns. Raise AnlanError if it cannot.

    A last line that was cut off is ended first, so that it spoils no other.
    """
    line = line_of(record).encode()
    if len(line) > LONGEST_LINE_BYTES:
        raise BadInput(f'a record of {len(line)} bytes is no record')
    try:
        fresh = not file.exists()
        with file.open('a+b') as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            file.chmod(0o600)
            size = stream.seek(0, os.SEEK_END)
            if size:
                stream.seek(size - 1)
                if stream.read(1) != b'\n':
                    line = b'\n' + line
            stream.write(line + b'\n')
            stream.flush()
            os.fsync(stream.fileno())
        if fresh:
            with contextlib.suppress(OSError):
                sync_folder(file.parent)
    except OSError as error:
        raise AnlanError(f'the record cannot be written to {file}: {error.strerror or error}') from None


def read(file: Path = RECORDS) -> Reading:
    """Given the file, return its records in their order; none if there is no file. Raise BadInput for a broken line.

    A line that was cut off is left out: the last one, or one that `append` ended later. It never was a whole record.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Reading(())
    except OSError as error:
        raise AnlanError(f'{file} cannot be read: {error.strerror or error}') from None
    return read_lines(content, str(file))


def read_lines(content: bytes, name: str) -> Reading:
    """Given the content of such a file and its name for messages, return its records. Raise BadInput."""
    records: list[Record] = []
    torn = False
    for number, line in enumerate(content.split(b'\n'), 1):
        if not line.strip():
            continue
        try:
            records.append(record_of(line.decode()))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            # Cut off, or what a loss of power leaves: zeros, half a line. It was no record, and must not hide others.
            torn = True
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(f'{name}: line {number} is no record: {error}') from None
    return Reading(tuple(records), torn)


def unfinished(records: tuple[Record, ...]) -> Iterator[Begun]:
    """Given records, return what began and has no end."""
    ended = {each.identity for each in records if isinstance(each, Ended)}
    return (each for each in records if isinstance(each, Begun) and each.identity not in ended)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError('a time without a zone')
        return value.astimezone(UTC).isoformat()
    return list(value) if isinstance(value, tuple) else value


def _value(name: str, hint: Any, value: Any) -> Any:
    """Given a key, its type and what a line says, return the value. Raise ValueError if it is of another type."""
    text = str(hint)
    if value is None:
        if 'None' not in text:
            raise ValueError(f'{name} is null')
        return None
    if 'datetime' in text:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(f'{name} has no time zone')
        return moment
    if 'tuple' in text:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(f'{name} is no list of texts')
        return tuple(value)
    wanted = (int, float) if 'float' in text else int if 'int' in text else str
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise ValueError(f'{name} is {value!r}')
    if isinstance(value, int | float) and value < 0 and name != 'seconds':
        raise ValueError(f'{name} is {value}')
    return value
