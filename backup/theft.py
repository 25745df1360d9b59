"""The theft: what a thief of the writers' credentials does to one copy of a repository, and to its bucket. Counted.

Nothing outside the copy's own prefix is written or deleted. What is tried on the bucket as a whole is tried first in a
form that changes nothing; only where that was refused the harmful form follows, and what it changed is put back.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from anlan.deadline import Deadline, wait_until
from anlan.errors import DeadlineExceeded
from backup.bucket_attack import Attack, attacks_on_bucket
from backup.failure import BackupFailed, ExitClass
from backup.object_lock import attacks_on_version, is_refusal, tried_on
from backup.object_store import Kept, ObjectStore

PREFIX = 'drill-'
"""How the keys of all drills begin; no host has such a name."""

LARGEST_BYTES = 256 * 1024 * 1024
LARGEST_OBJECTS = 4000
"""More than this is not copied for a drill: its versions stay locked until their time is over."""

JUNK_BYTES = 1024
WORKERS = 4
BULK_KEYS = 1000
CLOCK_SECONDS = 30.0
LOCKS = 'locks/'
"""Below a repository of restic, who works on it now: nothing that is kept."""

One = TypeVar('One')


@dataclass
class Loot:
    """What the theft did: versions by key, and of each kind of attack how many were tried, refused, let through.

    `untried` is by kind what kept it from being tried; `left` is harm to the bucket that could not be undone.
    """

    copied: dict[str, str] = field(default_factory=dict)
    copied_bytes: int = 0
    junk: dict[str, str] = field(default_factory=dict)
    deleted: int = 0
    tried: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    let_through: dict[str, int] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, outcome: BackupFailed | None) -> bool:
        """Given an attack and how it did not work, None if it did, count it; return whether it was refused."""
        with self.lock:
            self.tried[name] = self.tried.get(name, 0) + 1
            if outcome is None:
                self.let_through[name] = self.let_through.get(name, 0) + 1
            elif is_refusal(outcome):
                self.refused[name] = self.refused.get(name, 0) + 1
                return True
            else:
                self.untried.setdefault(name, str(outcome))
        return False

    def attacks(self) -> tuple[str, ...]:
        """Return a line a kind of attack."""
        return tuple(f'{name}: {self.refused.get(name, 0)} of {many} refused' for name, many in self.tried.items())

    def succeeded(self) -> tuple[str, ...]:
        """Return the names of the attacks that the store let through, with how often."""
        return tuple(f'{name} ({many} of {self.tried[name]})' for name, many in self.let_through.items())

    def kept_bytes(self) -> int:
        """Return how many bytes of it stay in the store until their locks end."""
        return self.copied_bytes + JUNK_BYTES * len(self.junk)


class Theft:
    """One drill's copy in a bucket, by the writer's credentials alone."""

    def __init__(self, writer: ObjectStore, bucket: str, deadline: Deadline) -> None:
        self.writer, self.bucket, self.deadline = writer, bucket, deadline
        self.prefix = f'{PREFIX}{secrets.token_hex(8)}/'
        self.loot = Loot()

    def clean_up(self, prefix: str = PREFIX) -> int:
        """Delete what a drill that was cut off left visible, so that its versions run out, too: of all drills.

        Return how many objects there were. No other drill may run.
        """
        left = list(self.writer.objects(self.bucket, prefix, self._left()))
        for each in left:
            self._call('delete_object', each.key)
        return len(left)

    def copy(self, source: str) -> None:
        """Given the prefix of a repository, copy it within the store. Raise BackupFailed if it is too large."""
        objects = kept_below(self.writer, self.bucket, source, self._left())
        size = sum(each.size_bytes for each in objects)
        if size > LARGEST_BYTES or len(objects) > LARGEST_OBJECTS:
            raise BackupFailed(
                ExitClass.FAILED,
                f'{self.bucket}/{source} has {size / 1e6:.1f} MB in {len(objects)} objects; a drill copies at most '
                f'{LARGEST_BYTES / 1e6:.0f} MB and {LARGEST_OBJECTS}, for its versions stay locked for weeks',
            )

        def one(each: Kept) -> None:
            key = self.prefix + each.key.removeprefix(source)
            answer = self._call('copy_object', key, CopySource={'Bucket': self.bucket, 'Key': each.key})
            if 'VersionId' not in answer:
                # Ceph tells the version of what is put, not of what is copied.
                answer = self._call('head_object', key)
            with self.loot.lock:
                self.loot.copied[key] = self._version(answer, key)
                self.loot.copied_bytes += each.size_bytes

        self._each(objects, one)

    def locked_until(self) -> datetime | None:
        """Return until when what was copied is locked, as the store says of the last of it; None without such a lock.

        Only while the copy is still what is seen: nobody but who wrote an object may ask for its lock.
        """
        head = self._call('head_object', next(reversed(self.loot.copied)))
        until = head.get('ObjectLockRetainUntilDate')
        if head.get('ObjectLockMode') != 'COMPLIANCE' or not isinstance(until, datetime):
            return None
        return until.astimezone(UTC)

    def moment_after(self) -> datetime:
        """Return a moment of the store's own clock after all copying, once that clock is surely past it.

        Some stores tell whole seconds alone, so a second is let pass on both sides of it. Raise BackupFailed.
        """
        copied = self.now()
        before = self._clock_past(copied)
        self._clock_past(before)
        return before

    def now(self) -> datetime:
        """Return the store's time, of its last answer."""
        answer = self.writer.call('get_bucket_versioning', f'asking {self.bucket} for the time', Bucket=self.bucket)
        try:
            return parsedate_to_datetime(answer['ResponseMetadata']['HTTPHeaders']['date'])
        except (KeyError, TypeError, ValueError):
            raise BackupFailed(ExitClass.CLOCK, f'{self.writer.place.endpoint} does not say what time it is') from None

    def _clock_past(self, moment: datetime) -> datetime:
        """Wait until the store's clock is at least one whole second past a moment, and return what it says."""
        seen = moment

        def passed() -> str | None:
            nonlocal seen
            seen = self.now()
            return None if (seen - moment).total_seconds() >= 1 else f'it is {seen:%H:%M:%S} there'

        try:
            wait_until(passed, f'the clock of the store to pass {moment:%H:%M:%S}', min(CLOCK_SECONDS, self._left()))
        except DeadlineExceeded as late:
            raise BackupFailed(ExitClass.CLOCK, str(late)) from None
        return seen

    def attack(self) -> None:
        """Overwrite and delete every object of the copy, then try all that must be refused. Raise BackupFailed."""
        self._each(sorted(self.loot.copied), self._spoil)
        versions = [*self.loot.copied.items(), *self.loot.junk.items()]
        self._each(versions, self._against_version)
        for start in range(0, len(versions), BULK_KEYS):
            self._in_bulk(versions[start : start + BULK_KEYS])
        for attack in attacks_on_bucket(self.writer, self.bucket, self.prefix):
            self._against_bucket(attack)
        self._against_existence()

    def _spoil(self, key: str) -> None:
        """Overwrite and delete one object. Both are allowed; what is refused is seen by what still opens."""
        for call, arguments in (('put_object', {'Body': secrets.token_bytes(JUNK_BYTES)}), ('delete_object', {})):
            try:
                answer = self._call(call, key, **arguments)
            except BackupFailed as failure:
                if not is_refusal(failure):
                    raise
                continue
            with self.loot.lock:
                if call == 'put_object':
                    self.loot.junk[key] = self._version(answer, key)
                else:
                    self.loot.deleted += 1

    def _against_version(self, target: tuple[str, str]) -> None:
        key, version = target
        for name, _, call, arguments in attacks_on_version(self.bucket, self._own(key), version):
            self._left()
            self.loot.note(name, tried_on(self.writer, name, call, arguments))

    def _in_bulk(self, versions: Sequence[tuple[str, str]]) -> None:
        """Try to delete many versions by one call, which says of each by itself what became of it."""
        name = 'delete versions in bulk'
        named = {'Objects': [{'Key': self._own(key), 'VersionId': version} for key, version in versions]}
        try:
            answer = self.writer.call(
                'delete_objects', name, self._left(), Bucket=self.bucket, Delete=named, BypassGovernanceRetention=True
            )
        except BackupFailed as failure:
            if failure.exit_class in {ExitClass.UNREACHABLE, ExitClass.DEADLINE}:
                raise
            self.loot.note(name, failure)
            return
        for _ in answer.get('Deleted', ()):
            self.loot.note(name, None)
        for error in answer.get('Errors', ()):
            code = str(error.get('Code'))
            kind = ExitClass.REFUSED if code in {'AccessDenied', 'InvalidRequest'} else ExitClass.FAILED
            self.loot.note(name, BackupFailed(kind, f'{name}: {code} {error.get("Message") or ""}'.strip()))
        silent = len(versions) - len(answer.get('Deleted', ())) - len(answer.get('Errors', ()))
        if silent:
            self.loot.note(name, BackupFailed(ExitClass.FAILED, f'{name}: nothing was said of {silent} versions'))

    def _against_bucket(self, attack: Attack) -> None:
        """Try one attack on the bucket: its harmless form, and only where that was refused the other."""
        for arguments in filter(None, (attack.rehearsal, attack.arguments)):
            self._left()
            outcome = tried_on(self.writer, attack.name, attack.call, {'Bucket': self.bucket, **arguments})
            if outcome is None:
                self._put_back(attack)
            if outcome is None or not is_refusal(outcome):
                break
        self.loot.note(attack.name, outcome)

    def _put_back(self, attack: Attack) -> None:
        reason = 'the writer cannot read what was there'
        if attack.way_back is not None:
            call, arguments = attack.way_back
            failed = tried_on(self.writer, f'undoing: {attack.name}', call, {'Bucket': self.bucket, **arguments})
            if failed is None:
                return
            reason = str(failed)
        self.loot.left.append(f'{attack.name} was not undone ({reason}); `anlan up` puts {self.bucket} right')

    def _against_existence(self) -> None:
        """Try to delete the bucket. It is never empty, so nothing is lost: that answer alone says who had the right."""
        name = 'delete the bucket'
        outcome = tried_on(self.writer, name, 'delete_bucket', {'Bucket': self.bucket})
        self.loot.note(name, None if outcome is not None and 'BucketNotEmpty' in str(outcome) else outcome)

    def _each(self, things: Iterable[One], work: Callable[[One], None]) -> None:
        """Do something with each thing, several at once. Raise the first failure; the rest is then left undone."""
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = [pool.submit(work, each) for each in things]
            try:
                for each in futures:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _call(self, name: str, key: str, **arguments: Any) -> dict[str, Any]:
        what = f'{name} of {self.bucket}/{key}'
        return self.writer.call(
            name, what, min(self._left(), self.writer.place.call_seconds), Bucket=self.bucket, Key=self._own(key),
            **arguments,
        )  # fmt: skip

    def _version(self, answer: Mapping[str, Any], key: str) -> str:
        version = answer.get('VersionId')
        if not version or version == 'null':
            sentence = f'{self.bucket} gives no version to {key}: what is overwritten is gone'
            raise BackupFailed(ExitClass.FAILED, sentence)
        return str(version)

    def _own(self, key: str) -> str:
        """Return a key if it is one of a drill. What is live is never written or deleted here, whatever was asked."""
        if not key.startswith(PREFIX):
            raise AssertionError(f'{key} is none of a drill')
        return key

    def _left(self) -> float:
        left = self.deadline.remaining_seconds()
        if left == 0:
            raise BackupFailed(ExitClass.DEADLINE, f'the drill was not done within {self.deadline.seconds:.0f} s')
        return left


def kept_below(store: ObjectStore, bucket: str, source: str, seconds: float) -> list[Kept]:
    """Given a store, a bucket and a repository's prefix, return what is kept there, by key. Raise BackupFailed."""
    return [each for each in store.objects(bucket, source, seconds) if not each.key.startswith(source + LOCKS)]
