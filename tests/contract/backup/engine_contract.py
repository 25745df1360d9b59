"""What every engine of files must do: the same tests for each. A subclass gives the fixture `engine`."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.port import Engine, Job, Outcome, Progress, Retention

SECONDS = 60.0


def source_of(folder: Path) -> Path:
    """A small source: texts, a binary, an empty file, a name that is not ASCII."""
    source = folder / 'source'
    (source / 'sub' / '课程').mkdir(parents=True)
    (source / 'readme.txt').write_text('first\n', encoding='utf-8')
    (source / 'sub' / 'empty').touch()
    (source / 'sub' / 'odd [name]*.txt').write_text('odd\n', encoding='utf-8')
    (source / 'sub' / '课程' / 'video.bin').write_bytes(random.Random(1).randbytes(300_000))
    return source


def contents(folder: Path) -> dict[str, bytes]:
    """Return what each file below a folder holds, by its path there."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


class EngineContract:
    """The contract. `engine` is a repository that is not made yet; `live` is a live root that it knows."""

    @pytest.fixture
    def live(self, tmp_path: Path) -> Path:
        live = tmp_path / 'live'
        live.mkdir()
        return live

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        return source_of(tmp_path)

    @pytest.fixture
    def job(self, source: Path) -> Job:
        return Job('media', 'app-1', (source,), tags={'canary': '7f3a'})

    @pytest.fixture
    def made(self, engine: Engine) -> Engine:
        assert engine.prepare(SECONDS)
        return engine

    @pytest.fixture
    def kept(self, made: Engine, job: Job) -> Outcome:
        return made.run(job, SECONDS)

    def test_a_repository_is_made_once(self, engine: Engine) -> None:
        assert engine.prepare(SECONDS) is True
        assert engine.prepare(SECONDS) is False
        assert engine.list(SECONDS) == ()

    @pytest.mark.parametrize('ask', [
        lambda engine, job: engine.run(job, SECONDS),
        lambda engine, job: engine.list(SECONDS),
        lambda engine, job: engine.verify('structure', SECONDS),
        lambda engine, job: engine.stats(SECONDS),
    ])  # fmt: skip
    def test_without_a_repository_nothing_goes(
        self, engine: Engine, job: Job, ask: Callable[[Engine, Job], object]
    ) -> None:
        with pytest.raises(BackupFailed) as failure:
            ask(engine, job)
        assert failure.value.exit_class is ExitClass.NO_REPOSITORY

    def test_what_was_kept_is_listed_with_all_that_is_known(self, made: Engine, job: Job, source: Path) -> None:
        outcome = made.run(job, SECONDS)
        (listed,) = made.list(SECONDS)
        assert listed == outcome.snapshot
        assert (listed.policy, listed.host, listed.paths) == ('media', 'app-1', (str(source),))
        assert (listed.files, listed.source_bytes, listed.tags) == (4, 300_010, {'canary': '7f3a'})
        assert listed.started.utcoffset() is not None
        assert listed.started <= listed.ended
        assert outcome.exit_class is None

    def test_the_second_run_stores_next_to_nothing_and_names_its_parent(
        self, made: Engine, job: Job, kept: Outcome
    ) -> None:
        again = made.run(job, SECONDS)
        assert again.added_bytes < kept.added_bytes / 10
        assert again.source_bytes == kept.source_bytes
        first, second = made.list(SECONDS)
        assert (first.identity, second.identity) == (kept.snapshot.identity, again.snapshot.identity)
        assert second.parent == first.identity

    def test_the_list_can_be_of_one_policy(self, made: Engine, job: Job, kept: Outcome) -> None:
        other = made.run(Job('logs', 'mon-1', job.paths), SECONDS)
        assert [each.identity for each in made.list(SECONDS, 'logs')] == [other.snapshot.identity]
        assert len(made.list(SECONDS)) == 2
        assert made.list(SECONDS, 'nobody') == ()

    def test_a_plan_says_what_would_be_done_and_stores_nothing(self, made: Engine, job: Job, source: Path) -> None:
        plan = made.plan(job, SECONDS)
        assert (plan.new_files, plan.changed_files, plan.unchanged_files, plan.blocked) == (4, 0, 0, None)
        assert plan.added_bytes >= 300_010
        assert made.list(SECONDS) == ()
        made.run(job, SECONDS)
        (source / 'readme.txt').write_text('second, and longer\n', encoding='utf-8')
        plan = made.plan(job, SECONDS)
        assert (plan.new_files, plan.changed_files, plan.unchanged_files) == (0, 1, 3)

    def test_a_source_that_is_not_there_is_refused_and_its_plan_blocked(self, made: Engine, tmp_path: Path) -> None:
        job = Job('media', 'app-1', (tmp_path / 'nowhere',))
        assert 'nowhere' in str(made.plan(job, SECONDS).blocked)
        with pytest.raises(BackupFailed, match='nowhere') as failure:
            made.run(job, SECONDS)
        assert failure.value.exit_class is ExitClass.NO_SOURCE
        assert made.list(SECONDS) == ()

    def test_of_two_sources_the_one_that_is_there_is_kept_and_the_other_named(
        self, made: Engine, source: Path, tmp_path: Path
    ) -> None:
        outcome = made.run(Job('media', 'app-1', (source, tmp_path / 'nowhere')), SECONDS)
        assert outcome.exit_class is ExitClass.INCOMPLETE
        assert len(outcome.unread) == 1
        assert 'nowhere' in outcome.unread[0]
        assert made.list(SECONDS)[0].files == 4

    def test_what_is_excluded_is_not_kept(self, made: Engine, source: Path) -> None:
        outcome = made.run(Job('media', 'app-1', (source,), exclude=('*.bin',)), SECONDS)
        assert outcome.snapshot.files == 3

    def test_a_restore_brings_every_byte_back(self, made: Engine, kept: Outcome, source: Path, tmp_path: Path) -> None:
        seen: list[Progress] = []
        restored = made.restore(kept.snapshot.identity, tmp_path / 'back', SECONDS, report=seen.append)
        assert contents(tmp_path / 'back' / str(source).lstrip('/')) == contents(source)
        assert (restored.files, restored.restored_bytes) == (4, 300_010)
        assert restored.recovery_point == kept.snapshot.started
        assert seen[-1].done_bytes == seen[-1].total_bytes == 300_010

    def test_an_old_snapshot_stays_what_it_was(
        self, made: Engine, job: Job, kept: Outcome, source: Path, tmp_path: Path
    ) -> None:
        (source / 'readme.txt').write_text('second\n', encoding='utf-8')
        made.run(job, SECONDS)
        made.restore(kept.snapshot.identity, tmp_path / 'back', SECONDS)
        assert (tmp_path / 'back' / str(source).lstrip('/') / 'readme.txt').read_text() == 'first\n'

    def test_only_the_paths_asked_for_come_back_whatever_signs_they_hold(
        self, made: Engine, kept: Outcome, source: Path, tmp_path: Path
    ) -> None:
        wanted = source / 'sub' / 'odd [name]*.txt'
        restored = made.restore(kept.snapshot.identity, tmp_path / 'back', SECONDS, paths=(str(wanted),))
        assert restored.files == 1
        assert (tmp_path / 'back' / str(wanted).lstrip('/')).read_text() == 'odd\n'
        with pytest.raises(BackupFailed) as failure:
            made.restore(kept.snapshot.identity, tmp_path / 'none', SECONDS, paths=('/srv/nothing',))
        assert failure.value.exit_class is ExitClass.NO_SNAPSHOT

    def test_a_live_path_is_never_restored_into(self, made: Engine, kept: Outcome, live: Path, tmp_path: Path) -> None:
        link = tmp_path / 'link'
        link.symlink_to(live)
        full = tmp_path / 'full'
        full.mkdir()
        (full / 'file').touch()
        for target in (live, live / 'below', live.parent, link, link / 'below', Path('/etc/new'), full, Path('x')):
            with pytest.raises(BackupFailed) as failure:
                made.restore(kept.snapshot.identity, target, SECONDS)
            assert failure.value.exit_class is ExitClass.TARGET_REFUSED, target
        assert not list(live.iterdir())

    def test_an_unknown_snapshot_is_refused(self, made: Engine, kept: Outcome, tmp_path: Path) -> None:
        for name in ('0' * 64, '', kept.snapshot.identity[:3]):
            with pytest.raises(BackupFailed) as failure:
                made.restore(name, tmp_path / 'back', SECONDS)
            assert failure.value.exit_class is ExitClass.NO_SNAPSHOT

    def test_what_is_whole_is_sound(self, made: Engine, kept: Outcome) -> None:
        assert made.verify('structure', SECONDS).sound
        data = made.verify('data', SECONDS)
        assert data.sound
        assert data.read_bytes >= 300_000

    def test_damage_is_found_by_reading_the_data(self, made: Engine, kept: Outcome, damage: Callable[[], None]) -> None:
        damage()
        found = made.verify('data', SECONDS)
        assert not found.sound
        assert all(found.problems)

    def test_damaged_data_is_never_restored_as_good(
        self, made: Engine, kept: Outcome, damage: Callable[[], None], tmp_path: Path
    ) -> None:
        damage()
        with pytest.raises(BackupFailed) as failure:
            made.restore(kept.snapshot.identity, tmp_path / 'back', SECONDS)
        assert failure.value.exit_class is ExitClass.CORRUPT

    def test_what_a_retention_does_not_keep_is_forgotten_of_its_policy_alone(
        self, made: Engine, job: Job, kept: Outcome
    ) -> None:
        other = made.run(Job('logs', 'app-1', job.paths), SECONDS)
        newest = made.run(job, SECONDS)
        would = made.forget('media', Retention(last=1), SECONDS, dry_run=True)
        assert would.removed == (kept.snapshot.identity,)
        assert len(made.list(SECONDS)) == 3
        did = made.forget('media', Retention(last=1), SECONDS)
        assert (did.kept, did.removed) == ((newest.snapshot.identity,), (kept.snapshot.identity,))
        assert {each.identity for each in made.list(SECONDS)} == {other.snapshot.identity, newest.snapshot.identity}
        assert made.verify('data', SECONDS).sound

    def test_the_oldest_stays_as_long_as_a_count_is_not_full(self, made: Engine, job: Job, kept: Outcome) -> None:
        between, newest = made.run(job, SECONDS), made.run(job, SECONDS)
        did = made.forget('media', Retention(monthly=72), SECONDS)
        assert did.removed == (between.snapshot.identity,)
        assert set(did.kept) == {kept.snapshot.identity, newest.snapshot.identity}

    def test_forgetting_frees_what_nobody_needs(self, made: Engine, job: Job, kept: Outcome, source: Path) -> None:
        (source / 'sub' / '课程' / 'video.bin').unlink()
        made.run(job, SECONDS)
        assert made.forget('media', Retention(last=1), SECONDS).freed_bytes >= 290_000
        assert made.stats(SECONDS).stored_bytes < 100_000

    def test_a_retention_that_keeps_nothing_is_refused(self, made: Engine, kept: Outcome) -> None:
        with pytest.raises(BadInput):
            made.forget('media', Retention(), SECONDS)
        assert made.list(SECONDS)

    def test_two_runs_of_the_same_take_the_place_of_one(self, made: Engine, job: Job, kept: Outcome) -> None:
        made.run(job, SECONDS)
        stats = made.stats(SECONDS)
        assert (stats.snapshots, stats.source_bytes) == (2, 600_020)
        assert 1.5 < stats.deduplication < 2.5

    def test_a_deadline_that_has_passed_is_said(self, made: Engine, job: Job) -> None:
        with pytest.raises(BackupFailed) as failure:
            made.run(job, 0)
        assert failure.value.exit_class is ExitClass.DEADLINE
        assert made.list(SECONDS) == ()
