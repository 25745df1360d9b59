"""The drill of stolen credentials, at a store in memory: whatever is let through, does nothing, or differs is said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anlan import deadline
from anlan.errors import BadInput
from backup import file_trials, object_history, theft
from backup.agent import exit_code_of
from backup.failure import BackupFailed, ExitClass
from backup.manifest import Manifest, digest
from backup.places import FilePlace, Places
from backup.port import Restored, Snapshot, Verification, silent
from backup.record import Begun, Record, StolenEnded, line_of, record_of
from backup.stolen import StolenDrill, store_of, way_of

from .moments import at
from .store_in_memory import Bucket, StoreInMemory

MANIFEST = Manifest('platform', 'ops-1', at(0), 'word', {}, 1).text()
SNAPSHOT = Snapshot('a' * 64, 'platform', 'ops-1', at(0), at(1), tags={'manifest': digest(MANIFEST)})
LIVE = 'ops-1/platform/'
CONTENT = {'config': b'config', 'keys/1': b'key', 'data/aa': MANIFEST.encode(), 'snapshots/1': b'snapshot'}
FREE = {'put_object', 'delete_object', 'copy_object', 'get_bucket_versioning', 'get_object_lock_configuration'}


@dataclass
class Opened:
    """A repository of four files, in the store or in a folder: it opens while its configuration is what it was."""

    bucket: Bucket
    there: FilePlace

    def files(self) -> dict[str, bytes]:
        if not self.there.address.startswith('s3:'):
            root = Path(self.there.address)
            return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob('*') if file.is_file()}
        prefix = way_of(self.there).prefix
        return {key.removeprefix(prefix): content for key, content in self.bucket.visible(prefix).items()}

    def list(self, seconds: float, policy: str | None = None) -> tuple[Snapshot, ...]:
        if self.files().get('config') != b'config':
            raise BackupFailed(ExitClass.NO_REPOSITORY, 'there is no repository')
        return (SNAPSHOT,) if 'snapshots/1' in self.files() else ()

    def verify(self, depth: str, seconds: float) -> Verification:
        different = [name for name, content in CONTENT.items() if self.files().get(name) != content]
        return Verification('data', tuple(f'{name} is damaged' for name in different), 0, 0.1)

    def restore(self, snapshot: str, target: Path, seconds: float, report: Any = silent) -> Restored:
        file = target / str(file_trials.manifest_file('platform')).lstrip('/')
        file.parent.mkdir(parents=True)
        file.write_bytes(self.files()['data/aa'])
        return Restored(snapshot, target, 1, len(MANIFEST), 0.1, at(0))


@dataclass
class Drill:
    """A drill at a bucket that holds one repository."""

    bucket: Bucket = field(default_factory=Bucket)
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, content in CONTENT.items():
            self.bucket.add(LIVE + name, content)
        self.bucket.add(LIVE + 'locks/1', b'somebody reads')

    def do(self, seconds: float = 60.0) -> StolenEnded:
        place = FilePlace('platform', 'ops-1', 'offsite', 's3:https://store/restic/ops-1/platform', '/k', 'writer')
        drill = StolenDrill(
            Places('ops-1', (place,), None, 'restorer'), self.records.append, silent,
            lambda way, login: StoreInMemory(self.bucket, str(login)),  # type: ignore[arg-type,return-value]
            lambda there, cache: Opened(self.bucket, there),  # type: ignore[arg-type,return-value]
        )  # fmt: skip
        end = drill.do('platform', 'platform', seconds)
        assert isinstance(end, StolenEnded)
        return end

    def live(self) -> dict[str, bytes]:
        return self.bucket.visible(LIVE)


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drill:
    monkeypatch.setattr(file_trials, 'SCRATCH', tmp_path / 'scratch')
    monkeypatch.setattr(deadline.time, 'sleep', lambda _: None)
    return Drill()


def test_a_store_that_refuses_all_it_must_gives_the_repository_back_whole(drill: Drill) -> None:
    before = drill.live()
    end = drill.do()
    assert (end.failure, end.succeeded, end.unproven, end.problems) == (None, (), (), ())
    assert (end.objects, end.overwritten, end.deleted) == (4, 4, 4)
    # Of four copies and four pieces of junk three attacks each and one in bulk, and five on the bucket.
    assert (end.tried, end.refused) == (8 * 4 + 5, 8 * 4 + 5)
    assert 'delete a version: 8 of 8 refused' in end.attacks
    assert (end.verdict, end.checks, exit_code_of([end])) == ('pass', 1, 0)
    assert end.kept_bytes == sum(map(len, CONTENT.values())) + 4 * theft.JUNK_BYTES
    assert end.kept_until is not None
    assert end.wiped_bytes > 0
    assert drill.live() == before
    assert drill.bucket.visible('drill-') == {}


def test_nothing_but_a_drills_own_keys_and_the_bucket_is_ever_written(drill: Drill) -> None:
    drill.do()
    for user, name, arguments in drill.bucket.calls:
        if user == 'writer' and 'Key' in arguments:
            assert arguments['Key'].startswith('drill-'), (name, arguments)
    with pytest.raises(AssertionError):
        theft.Theft(StoreInMemory(drill.bucket, 'writer'), 'restic', deadline.Deadline(9))._own(LIVE)  # type: ignore[arg-type]


def test_the_record_of_a_drill_is_read_again_as_it_was(drill: Drill) -> None:
    end = drill.do()
    assert record_of(line_of(end)) == end
    assert [type(each) for each in drill.records] == [Begun, StolenEnded]


@pytest.mark.parametrize(
    ('right', 'name'),
    [
        ('put_object_retention', 'shorten a lock (8 of 8)'),
        ('delete_version', 'delete a version (8 of 8)'),
        ('delete_version_past_lock', 'delete a version past its lock (8 of 8)'),
        ('delete_objects', 'delete versions in bulk (8 of 8)'),
        ('put_bucket_versioning', 'suspend the versioning (1 of 1)'),
        ('put_object_lock_configuration', "weaken the bucket's lock (1 of 1)"),
        ('put_bucket_lifecycle_configuration', 'put a lifecycle (1 of 1)'),
        ('put_bucket_policy', 'put a bucket policy (1 of 1)'),
        ('delete_bucket', 'delete the bucket (1 of 1)'),
    ],
)
def test_each_attack_that_is_let_through_fails_the_drill_by_its_name(drill: Drill, right: str, name: str) -> None:
    drill.bucket.open = {right}
    end = drill.do()
    assert name in end.succeeded
    assert end.verdict == 'fail'
    assert exit_code_of([end]) != 0


def test_an_attack_that_could_not_be_tried_is_never_a_pass(drill: Drill) -> None:
    drill.bucket.broken['put_bucket_policy'] = BackupFailed(ExitClass.FAILED, 'MalformedPolicy')
    end = drill.do()
    assert (end.verdict, end.succeeded) == ('not-verified', ())
    assert end.unproven == ('put a bucket policy could not be tried: MalformedPolicy',)


def test_harm_to_the_bucket_is_tried_only_after_its_harmless_form_was_refused(drill: Drill) -> None:
    drill.bucket.open = {'put_bucket_versioning', 'put_object_lock_configuration'}
    drill.do()
    configured = [arguments for _, name, arguments in drill.bucket.calls if name == 'put_bucket_versioning']
    assert [each['VersioningConfiguration']['Status'] for each in configured] == ['Enabled', 'Enabled']
    locks = [arguments for _, name, arguments in drill.bucket.calls if name == 'put_object_lock_configuration']
    assert [each['ObjectLockConfiguration']['Rule']['DefaultRetention']['Days'] for each in locks] == [30, 30]


def test_harm_that_cannot_be_undone_is_said_with_who_puts_it_right(drill: Drill) -> None:
    drill.bucket.open = {'put_bucket_policy'}
    end = drill.do()
    assert end.unproven == (
        'put a bucket policy was not undone (the writer cannot read what was there); `anlan up` puts restic right',
    )


def test_harm_that_was_let_through_after_all_is_undone_at_once(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = StoreInMemory.call

    def contrary(self: StoreInMemory, name: str, what: str, seconds: float | None = None, **more: Any) -> Any:
        wanted = more.get('VersioningConfiguration', {}).get('Status')
        drill.bucket.open = {name} if wanted == 'Suspended' or what.startswith('undoing') else set()
        return tried(self, name, what, seconds, **more)

    monkeypatch.setattr(StoreInMemory, 'call', contrary)
    assert drill.do().succeeded == ('suspend the versioning (1 of 1)',)
    statuses = [arguments['VersioningConfiguration']['Status'] for _, name, arguments in drill.bucket.calls
                if name == 'put_bucket_versioning']  # fmt: skip
    assert statuses == ['Enabled', 'Suspended', 'Enabled']


def test_an_attack_without_effect_proves_nothing(drill: Drill) -> None:
    refused = BackupFailed(ExitClass.REFUSED, 'AccessDenied')
    drill.bucket.broken = {'put_object': refused, 'delete_object': refused}
    end = drill.do()
    assert (end.verdict, end.overwritten, end.deleted) == ('not-verified', 0, 0)
    assert end.unproven == ('the attack had no effect: the repository still opens, so nothing was had back',)
    assert exit_code_of([end]) == 1


def test_a_version_without_a_lock_of_its_own_proves_nothing(drill: Drill) -> None:
    drill.bucket.mode = 'GOVERNANCE'
    end = drill.do()
    assert end.verdict == 'not-verified'
    assert end.unproven == ('what was written got no lock of its own in mode COMPLIANCE',)


@pytest.mark.parametrize('name', ['data/aa', 'keys/1'])
def test_what_comes_back_different_fails_the_drill(drill: Drill, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = object_history.read_as_of

    def tampered(*arguments: Any, **more: Any) -> Any:
        done = real(*arguments, **more)
        (done.target / name).write_bytes(b'{"another": "thing"}')
        return done

    monkeypatch.setattr('backup.stolen.read_as_of', tampered)
    end = drill.do()
    assert end.verdict == 'fail'
    assert f'{name} is damaged' in end.problems
    assert exit_code_of([end]) == ExitClass.CORRUPT.value


def test_a_file_that_does_not_come_back_fails_the_drill(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        StoreInMemory, 'versions',
        lambda self, bucket, prefix='', seconds=1.0, listed=StoreInMemory.versions: (
            each for each in listed(self, bucket, prefix) if not each.key.endswith('config')
        ),
    )  # fmt: skip
    end = drill.do()
    assert end.verdict == 'fail'
    assert any('3 files of' in each for each in end.problems)


def test_versions_that_are_really_gone_are_told_as_let_through_and_as_not_come_back(drill: Drill) -> None:
    drill.bucket.open = {'delete_objects'}
    end = drill.do()
    assert any('it did not come back' in each for each in end.problems)
    assert end.succeeded


def test_a_store_that_stops_answering_is_a_failure_and_no_verdict_on_what_is_kept(drill: Drill) -> None:
    drill.bucket.broken['delete_version'] = BackupFailed(ExitClass.UNREACHABLE, 'it cannot be reached')
    end = drill.do()
    assert (end.failure, end.verdict) == ('unreachable', 'not-verified')
    assert end.objects == 4
    assert exit_code_of([end]) == ExitClass.UNREACHABLE.value


def test_a_repository_that_is_too_large_is_refused_before_anything_is_copied(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theft, 'LARGEST_BYTES', 10)
    end = drill.do()
    assert (end.failure, end.objects) == ('failed', 0)
    assert 'a drill copies at most' in end.sentence
    assert not any(name == 'copy_object' for _, name, _ in drill.bucket.calls)


def test_a_drill_out_of_time_says_so(drill: Drill) -> None:
    assert drill.do(seconds=0.0).failure == 'deadline'


def test_a_place_that_has_nothing_yet_has_a_class(drill: Drill) -> None:
    drill.bucket.held.clear()
    end = drill.do()
    assert (end.failure, end.verdict) == ('no-snapshot', 'not-verified')


def test_what_a_killed_drill_left_is_wiped_and_hidden_by_the_next(drill: Drill, tmp_path: Path) -> None:
    left = tmp_path / 'scratch' / 'stolen+platform+ops-1-0a1b2c3d'
    other = tmp_path / 'scratch' / 'stolen+platform-two+ops-1-0a1b2c3d'
    for folder in (left, other):
        folder.mkdir(parents=True)
        (folder / 'secret').write_text('restored')
    drill.bucket.add('drill-0123/config', b'config')
    drill.do()
    assert not left.exists()
    assert other.exists()
    assert drill.bucket.visible('drill-') == {}


def test_nothing_of_a_drill_stays_here(drill: Drill, tmp_path: Path) -> None:
    drill.do()
    assert list((tmp_path / 'scratch').iterdir()) == []


def test_a_drill_cut_off_before_its_attack_hides_its_copy(drill: Drill) -> None:
    drill.bucket.broken['get_bucket_versioning'] = BackupFailed(ExitClass.UNREACHABLE, 'it cannot be reached')
    assert drill.do().failure == 'unreachable'
    assert drill.bucket.visible('drill-') == {}


def test_a_live_repository_that_changed_meanwhile_fails_the_drill(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = theft.Theft.attack

    def also_live(self: theft.Theft) -> None:
        attack(self)
        drill.bucket.add(LIVE + 'data/bb', b'new')

    monkeypatch.setattr(theft.Theft, 'attack', also_live)
    assert 'changed during the drill' in drill.do().problems[0]


def test_a_place_that_is_no_object_store_or_has_no_login_is_bad_input(tmp_path: Path) -> None:
    place = FilePlace('platform', 'ops-1', 'offsite', '/srv/x', '/k')
    with pytest.raises(BadInput, match='in no object store'):
        way_of(place)
    way = way_of(FilePlace('platform', 'ops-1', 'offsite', 's3:https://v:7443/restic/ops-1/platform/', '/k'))
    assert (way.endpoint, way.bucket, way.prefix) == ('https://v:7443', 'restic', 'ops-1/platform/')
    with pytest.raises(BadInput, match='no login'):
        store_of(way, None)


def test_a_login_of_restic_opens_the_store_too(tmp_path: Path) -> None:
    login = tmp_path / 'login'
    login.write_text('AWS_ACCESS_KEY_ID=writer\nAWS_SECRET_ACCESS_KEY=a=b\nAWS_DEFAULT_REGION=default\n')
    login.chmod(0o600)
    way = way_of(FilePlace('platform', 'ops-1', 'offsite', 's3:https://v:7443/restic/ops-1/platform', '/k'))
    credentials = store_of(way, str(login)).client._request_signer._credentials
    assert (credentials.access_key, credentials.secret_key) == ('writer', 'a=b')
    login.write_text(json.dumps({'nothing': 1}))
    with pytest.raises(BadInput, match='are needed'):
        store_of(way, str(login))
