"""Bringing the buckets of the store on this host back to a moment, with their owner's key, which no other host has."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.object_store import ObjectStore, Place, Version
from backup.port import Progress, Report, silent
from backup.rewind import Rewind, planned

OWNER = ('/usr/local/lib/anlan/object-store', 'owner')
OWNER_SECONDS = 60.0
ORIGIN = 'anlan-version'
"""Name, in an object's own description, of the version that it was written again from."""
MORE_ROOM = 'give the store more room in the platform file (backup.offsite_gib), run `anlan up`, then this again'
LARGEST_COPY_BYTES = 5 * 1024**3
"""S3 copies no more than this by one call."""
WORKERS = 6
PASSES = 5
"""So often is looked again for what was written meanwhile."""


@dataclass(frozen=True)
class Wish:
    """Which buckets are brought back (none named: all), to which moment, and how."""

    moment: datetime
    buckets: tuple[str, ...] = ()
    keep_new: bool = False
    dry_run: bool = False


@contextmanager
def owner_of(folder: Path) -> Iterator[ObjectStore]:
    """Given a folder that root alone reads, open the store of this host as its owner. Raise BadInput without one."""
    try:
        done = subprocess.run(OWNER, capture_output=True, text=True, timeout=OWNER_SECONDS, check=False)
    except FileNotFoundError:
        raise BadInput('this host has no object store; it stands in the other site') from None
    except subprocess.TimeoutExpired:
        raise BackupFailed(ExitClass.DEADLINE, 'the object store does not say who owns it') from None
    if done.returncode != 0:
        sentence = (done.stderr.strip().splitlines() or ['it said nothing'])[-1]
        raise BackupFailed(ExitClass.UNREACHABLE, f'the object store does not say who owns it: {sentence}')
    login = json.loads(done.stdout)
    # The file is made for its owner alone, and gone with the work.
    with NamedTemporaryFile('w', encoding='utf-8', dir=folder, prefix='owner.') as file:
        json.dump({'key_id': login['key_id'], 'secret': login['secret']}, file)
        file.flush()
        yield ObjectStore(Place(login['endpoint'], Path(file.name), Path(login['authority_file'])))


class Rewinding:
    """Brings buckets back. `store` is their owner's; `report` is told of progress."""

    def __init__(self, store: ObjectStore, deadline: Deadline, report: Report = silent) -> None:
        self.store, self.deadline, self.report = store, deadline, report

    def do(self, wish: Wish) -> list[Rewind]:
        """Given what is wanted, plan every bucket, then bring each back unless it is a dry run. Return the plans.

        A run that was cut off is run again: what is as it should be is left alone. Raise BadInput for a bucket that is
        not there or a moment older than what the bucket keeps, BackupFailed for all else.
        """
        buckets = self._chosen(wish.buckets)
        plans = [self._planned(bucket, wish) for bucket in buckets]
        if wish.dry_run:
            return plans
        left = plans
        for _ in range(PASSES):
            self._apply(left)
            # A backup that ran meanwhile has its parts on both sides of the first look.
            left = [self._planned(bucket, wish) for bucket in buckets]
            if all(each.empty for each in left):
                return plans
        names = ', '.join(each.bucket for each in left if not each.empty)
        sentence = f'{names}: something writes there all the time; stop it, and run this again'
        raise BackupFailed(ExitClass.LOCKED, sentence)

    def _chosen(self, named: Sequence[str]) -> list[str]:
        answer = self._call('list_buckets', 'asking for the buckets')
        there = sorted(each['Name'] for each in answer['Buckets'])
        missing = [name for name in named if name not in there]
        if missing:
            raise BadInput(f'there is no bucket {missing[0]!r}; there are {", ".join(there) or "none"}')
        return list(dict.fromkeys(named)) or there

    def _planned(self, bucket: str, wish: Wish) -> Rewind:
        kept = timedelta(days=self._lock_days(bucket))
        if wish.moment < datetime.now(UTC) - kept:
            raise BadInput(
                f'{bucket} keeps what was overwritten or deleted for {kept.days} days; what it held at '
                f'{wish.moment:%Y-%m-%d %H:%M} UTC is not known whole any more'
            )
        versions = list(self.store.versions(bucket, '', self._left()))
        owner = self._call('get_bucket_acl', f'asking whose {bucket} is', Bucket=bucket)['Owner']['ID']

        def came_from(version: Version) -> str | None:
            # Whoever may write could say the same of anything.
            return self._origin(bucket, version) if version.owner == owner else None

        found = planned(
            bucket, versions, wish.moment, datetime.now(UTC), keep_new=wish.keep_new, came_from=came_from
        )  # fmt: skip
        if found.hide and not (found.same or found.put_back or found.uncover):
            raise BadInput(
                f'{bucket} held nothing at {wish.moment:%Y-%m-%d %H:%M} UTC, and all that it holds would be hidden; '
                'name the buckets that are meant by --bucket'
            )
        return found

    def _lock_days(self, bucket: str) -> int:
        answer = self._call('get_object_lock_configuration', f'asking for the lock of {bucket}', Bucket=bucket)
        try:
            retention = answer['ObjectLockConfiguration']['Rule']['DefaultRetention']
            return int(retention['Days']) if 'Days' in retention else 365 * int(retention['Years'])
        except KeyError:
            raise BackupFailed(ExitClass.FAILED, f'{bucket} locks nothing; `anlan up` puts it right') from None

    def _origin(self, bucket: str, version: Version) -> str | None:
        head = self._call(
            'head_object', f'looking at {bucket}/{version.key}', Bucket=bucket, Key=version.key,
            VersionId=version.identity,
        )  # fmt: skip
        found: str | None = head.get('Metadata', {}).get(ORIGIN)
        return found

    def _apply(self, plans: Iterable[Rewind]) -> None:
        """Uncover first, for it needs no room; hide last: a run that is cut off leaves more to be seen, never less."""
        plans = list(plans)
        self._run([(self._uncover, plan.bucket, each, 0) for plan in plans for each in plan.uncover.items()])
        self._run([(self._put_back, plan.bucket, each, each.size_bytes) for plan in plans for each in plan.put_back])
        self._run([(self._hide, plan.bucket, each, 0) for plan in plans for each in plan.hide])

    def _run(self, steps: Sequence[tuple[Callable[[str, Any], None], str, Any, int]]) -> None:
        """Do every step. One that fails keeps no other back; then raise BackupFailed, with how many failed and why."""
        total_bytes, done_bytes = sum(each[3] for each in steps), 0
        failures: list[BackupFailed] = []
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = {pool.submit(work, bucket, what): size for work, bucket, what, size in steps}
            try:
                for number, future in enumerate(as_completed(futures), 1):
                    try:
                        future.result()
                    except BackupFailed as failure:
                        if failure.exit_class in {ExitClass.DEADLINE, ExitClass.UNREACHABLE}:
                            raise
                        failures.append(failure)
                    done_bytes += futures[future]
                    elapsed = self.deadline.seconds - self.deadline.remaining_seconds()
                    self.report(Progress(number, len(steps), done_bytes, total_bytes, elapsed))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if failures:
            room = any(each.exit_class is ExitClass.NO_SPACE for each in failures)
            way = f'; {MORE_ROOM}' if room else ''
            sentence = f'{len(failures)} of {len(steps)} were not done, the others were; the first: {failures[0]}{way}'
            raise BackupFailed(ExitClass.NO_SPACE if room else failures[0].exit_class, sentence)

    def _put_back(self, bucket: str, version: Version) -> None:
        what = f'putting {bucket}/{version.key} back'
        if version.size_bytes > LARGEST_COPY_BYTES:
            raise BackupFailed(ExitClass.FAILED, f'{what}: it is larger than S3 copies by one call (5 GiB)')
        self._call(
            'copy_object', what, Bucket=bucket, Key=version.key, MetadataDirective='REPLACE',
            CopySource={'Bucket': bucket, 'Key': version.key, 'VersionId': version.identity},
            Metadata={ORIGIN: version.identity},
        )  # fmt: skip

    def _uncover(self, bucket: str, covered: tuple[str, Sequence[str]]) -> None:
        key, markers = covered
        for marker in markers:
            what = f'taking a deletion of {bucket}/{key} back'
            self._call('delete_object', what, Bucket=bucket, Key=key, VersionId=marker)

    def _hide(self, bucket: str, key: str) -> None:
        self._call('delete_object', f'hiding {bucket}/{key}', Bucket=bucket, Key=key)

    def _call(self, name: str, what: str, **arguments: Any) -> dict[str, Any]:
        return self.store.call(name, what, min(self._left(), self.store.place.call_seconds), **arguments)

    def _left(self) -> float:
        left = self.deadline.remaining_seconds()
        if left == 0:
            sentence = f'the store was not brought back within {self.deadline.seconds:.0f} s; run it again, it goes on'
            raise BackupFailed(ExitClass.DEADLINE, sentence)
        return left
