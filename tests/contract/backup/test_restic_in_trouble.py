"""restic's bad luck, with the real program: killed, locked out, cut off, refused, full; each by its class."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.engines.restic import ResticEngine
from backup.failure import BackupFailed, ExitClass
from backup.port import Job, Progress, Retention
from backup.running import GRACE_SECONDS
from tests.contract.backup.places import PASSWORD, local, rest_server
from tests.contract.backup.quick_key import hasten

SECONDS = 60.0
KILLS = 8


@pytest.fixture
def engine(tmp_path: Path) -> ResticEngine:
    engine = local(tmp_path)
    engine.prepare(SECONDS)
    hasten(tmp_path / 'repository', PASSWORD)
    return engine


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / 'source'
    source.mkdir()
    for number in range(8):
        (source / f'{number}.bin').write_bytes(random.Random(number).randbytes(4_000_000))
    return source


@pytest.fixture
def job(source: Path) -> Job:
    return Job('media', 'app-1', (source,))


def start(engine: ResticEngine, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        engine.settings.command(words), env=os.environ | engine.settings.child_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def wait_for_lock(engine: ResticEngine) -> None:
    end = time.monotonic() + 20
    while not engine.program.locks(SECONDS):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def holder(engine: ResticEngine) -> Iterator[subprocess.Popen[bytes]]:
    """A job that holds the repository and lives: a backup of what is written into it."""
    process = start(engine, 'backup', '--stdin')
    wait_for_lock(engine)
    yield process
    process.kill()
    process.wait()


def failure_of(call: object) -> BackupFailed:
    with pytest.raises(BackupFailed) as failure:
        call()  # type: ignore[operator]
    return failure.value


def test_a_backup_killed_at_any_moment_leaves_a_repository_that_can_be_used(
    engine: ResticEngine, job: Job, source: Path, tmp_path: Path
) -> None:
    first = engine.run(replace(job, paths=(source / '0.bin',)), SECONDS)
    chance = random.Random(6)
    for number in range(KILLS):
        (source / f'new-{number}.bin').write_bytes(chance.randbytes(4_000_000))
        process = start(engine, 'backup', '--host', 'app-1', '--tag', 'policy=media', '--', str(source))
        time.sleep(chance.uniform(0.02, 0.6))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert engine.verify('structure', SECONDS).sound
    assert engine.verify('data', SECONDS).sound
    outcome = engine.run(job, SECONDS)
    engine.forget('media', Retention(last=1 + KILLS + 1), SECONDS)  # a kill may come too late: that backup counts
    assert engine.verify('data', SECONDS).sound
    assert first.snapshot.identity in {each.identity for each in engine.list(SECONDS)}
    engine.restore(outcome.snapshot.identity, tmp_path / 'back', SECONDS)
    for file in source.iterdir():
        assert (tmp_path / 'back' / str(file).lstrip('/')).read_bytes() == file.read_bytes()


def test_a_prune_killed_at_any_moment_loses_nothing_that_is_kept(engine: ResticEngine, job: Job, source: Path) -> None:
    chance = random.Random(7)
    for number in range(KILLS // 2):
        (source / f'{number}.bin').write_bytes(chance.randbytes(4_000_000))
        newest = engine.run(job, SECONDS)
        process = start(engine, 'forget', '--tag', 'policy=media', '--keep-last', '1', '--prune')
        time.sleep(chance.uniform(0.02, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert newest.snapshot.identity in {each.identity for each in engine.list(SECONDS)}
        assert engine.verify('structure', SECONDS).sound
    engine.forget('media', Retention(last=1), SECONDS)
    assert engine.verify('data', SECONDS).sound


def test_a_lock_left_by_a_killed_job_is_removed_and_the_next_job_goes_on(
    engine: ResticEngine, job: Job, holder: subprocess.Popen[bytes]
) -> None:
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    (lock,) = engine.program.locks(SECONDS)
    assert (lock.process, lock.host) == (holder.pid, socket.gethostname())
    engine.forget('media', Retention(last=1), SECONDS)
    assert engine.program.locks(SECONDS) == ()


def test_a_lock_that_lives_is_waited_for_and_its_holder_named_at_the_deadline(
    engine: ResticEngine, holder: subprocess.Popen[bytes]
) -> None:
    started = time.monotonic()
    failure = failure_of(lambda: engine.forget('media', Retention(last=1), 3))
    assert failure.exit_class is ExitClass.LOCKED
    assert f'process {holder.pid} of ' in str(failure)
    assert 2 < time.monotonic() - started < 8
    assert holder.poll() is None
    assert len(engine.program.locks(SECONDS)) == 1


def test_a_job_that_waits_goes_on_when_the_other_ends(engine: ResticEngine, holder: subprocess.Popen[bytes]) -> None:
    assert holder.stdin is not None
    timer = threading.Timer(1.5, holder.stdin.close)
    timer.start()
    engine.forget('media', Retention(last=1), SECONDS)
    timer.join()


def test_a_deadline_ends_the_program_and_leaves_no_lock_that_lives(engine: ResticEngine, job: Job) -> None:
    slow = ResticEngine(replace(engine.settings, upload_kib_per_second=1000))
    started = time.monotonic()
    failure = failure_of(lambda: slow.run(job, 1))
    assert failure.exit_class is ExitClass.DEADLINE
    # Asked to end, and killed if it does not in time; then its lock is one that the next job removes.
    assert time.monotonic() - started < GRACE_SECONDS + 10
    assert engine.list(SECONDS) == ()
    assert engine.program.free(Deadline(SECONDS)) == ()


def test_a_wrong_password_is_said(engine: ResticEngine, tmp_path: Path) -> None:
    other = local(tmp_path, 'other', password='not this', repository=engine.settings.repository)
    assert failure_of(lambda: other.list(SECONDS)).exit_class is ExitClass.WRONG_PASSWORD
    assert failure_of(lambda: other.prepare(SECONDS)).exit_class is ExitClass.WRONG_PASSWORD


def test_a_file_that_cannot_be_read_makes_the_run_incomplete(engine: ResticEngine, source: Path) -> None:
    # Of root's reading, nothing but a file that is not there any more can be refused: a broken process entry.
    unreadable = Path('/proc/self/mem')
    outcome = engine.run(Job('media', 'app-1', (source / '0.bin', unreadable)), SECONDS)
    assert outcome.exit_class is ExitClass.INCOMPLETE
    assert any('/mem' in each for each in outcome.unread), outcome.unread


def test_a_full_place_is_said_and_what_was_kept_stays(
    engine: ResticEngine, job: Job, source: Path, tmp_path: Path
) -> None:
    with rest_server(tmp_path, '--max-size', '10000000') as server:
        remote = server.engine(tmp_path)
        remote.prepare(SECONDS)
        kept = remote.run(replace(job, paths=(source / '0.bin',)), SECONDS)
        assert failure_of(lambda: remote.run(job, SECONDS)).exit_class is ExitClass.NO_SPACE
        assert [each.identity for each in remote.list(SECONDS)] == [kept.snapshot.identity]


def test_a_place_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    engine = local(tmp_path, repository='rest:http://127.0.0.1:9/x/')
    started = time.monotonic()
    failure = failure_of(lambda: engine.list(SECONDS))
    assert failure.exit_class is ExitClass.UNREACHABLE
    assert 'connection refused' in str(failure)
    assert time.monotonic() - started < 20


def test_a_place_that_listens_and_says_nothing_ends_with_the_deadline(tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        engine = local(tmp_path, repository=f'rest:http://127.0.0.1:{silent.getsockname()[1]}/x/')
        assert failure_of(lambda: engine.list(2)).exit_class in {ExitClass.DEADLINE, ExitClass.UNREACHABLE}


def test_a_wrong_login_and_a_strange_certificate_are_said(tmp_path: Path) -> None:
    with rest_server(tmp_path) as server:
        wrong = server.engine(tmp_path, password='guessed-password')
        failure = failure_of(lambda: wrong.prepare(SECONDS))
        assert failure.exit_class is ExitClass.REFUSED
        assert 'guessed-password' not in str(failure)
        strange = server.engine(tmp_path)
        strange = ResticEngine(replace(strange.settings, ca_file=None))
        assert failure_of(lambda: strange.prepare(SECONDS)).exit_class is ExitClass.UNREACHABLE


def test_a_writer_of_a_place_that_only_takes_cannot_forget(tmp_path: Path, job: Job) -> None:
    with rest_server(tmp_path, '--append-only') as server:
        remote = server.engine(tmp_path)
        remote.prepare(SECONDS)
        kept = [remote.run(job, SECONDS).snapshot.identity for _ in range(2)]
        assert failure_of(lambda: remote.forget('media', Retention(last=1), SECONDS)).exit_class is ExitClass.REFUSED
        assert [each.identity for each in remote.list(SECONDS)] == kept


def test_a_cut_in_the_middle_is_gone_on_with(tmp_path: Path, job: Job, source: Path) -> None:
    """The server is gone in the middle of a backup; the next run finds what had been taken, and stores the rest."""
    with rest_server(tmp_path) as server:
        remote = server.engine(tmp_path, upload_kib_per_second=6000)
        remote.prepare(SECONDS)
        failure = failure_of(lambda: remote.run(job, 3))
        assert failure.exit_class is ExitClass.DEADLINE
        outcome = server.engine(tmp_path).run(job, SECONDS)
        assert outcome.source_bytes == 32_000_000
        assert remote.verify('data', SECONDS).sound


def test_no_secret_is_in_the_process_list(tmp_path: Path, job: Job) -> None:
    with rest_server(tmp_path) as server:
        remote = server.engine(tmp_path, upload_kib_per_second=4000)
        remote.prepare(SECONDS)
        seen: list[str] = []

        def look(_: Progress) -> None:
            for file in Path('/proc').glob('[0-9]*/cmdline'):
                try:
                    seen.append(file.read_bytes().replace(b'\0', b' ').decode(errors='replace'))
                except OSError:
                    continue

        remote.run(job, SECONDS, look)
        assert any(str(server.port) in each and 'backup' in each for each in seen)
        assert not [each for each in seen if PASSWORD in each or 'login-for-tests' in each]


def test_progress_grows_to_the_whole(engine: ResticEngine, job: Job, tmp_path: Path) -> None:
    seen: list[Progress] = []
    slow = ResticEngine(replace(engine.settings, upload_kib_per_second=16_000))
    outcome = slow.run(job, SECONDS, seen.append)
    assert len(seen) > 2
    assert [each.done_bytes for each in seen] == sorted(each.done_bytes for each in seen)
    assert seen[-1].total_bytes == seen[-1].done_bytes == outcome.source_bytes
    assert all(each.elapsed_seconds >= 0 for each in seen)


def test_a_copy_has_all_and_shares_what_it_has(engine: ResticEngine, job: Job, tmp_path: Path, source: Path) -> None:
    second = local(tmp_path, 'second', password='another')
    assert second.prepare_like(engine, SECONDS) is True
    assert second.prepare_like(engine, SECONDS) is False
    hasten(tmp_path / 'second', 'another')
    outcome = engine.run(job, SECONDS)
    copied = second.copy(engine, SECONDS)
    assert len(copied.snapshots) == 1
    (listed,) = second.list(SECONDS)
    assert (listed.policy, listed.host, listed.source_bytes) == ('media', 'app-1', outcome.source_bytes)
    assert second.copy(engine, SECONDS).snapshots == ()
    # Both cut files at the same places: the same source kept here directly takes no more.
    assert second.run(job, SECONDS).added_bytes < 100_000
    second.restore(listed.identity, tmp_path / 'back', SECONDS)
    for file in source.iterdir():
        assert (tmp_path / 'back' / str(file).lstrip('/')).read_bytes() == file.read_bytes()


def test_places_whose_credentials_clash_are_not_copied_between(engine: ResticEngine, tmp_path: Path) -> None:
    one = ResticEngine(replace(engine.settings, environment={'AWS_ACCESS_KEY_ID': 'one'}))
    other = ResticEngine(replace(engine.settings, environment={'AWS_ACCESS_KEY_ID': 'other'}))
    with pytest.raises(BadInput, match='AWS_ACCESS_KEY_ID'):
        one.copy(other, SECONDS)


def test_the_parts_of_a_verification_together_find_the_damage(engine: ResticEngine, job: Job) -> None:
    engine.run(job, SECONDS)
    packs = [each for each in (Path(engine.settings.repository) / 'data').rglob('*') if each.is_file()]
    # Not one of trees: those are read whatever part is asked for.
    packs.sort(key=lambda each: each.stat().st_size, reverse=True)
    content = bytearray(packs[0].read_bytes())
    content[50] ^= 1
    packs[0].chmod(0o600)
    packs[0].write_bytes(content)
    found = [engine.verify_part(part, 4, SECONDS).sound for part in range(1, 5)]
    assert found.count(False) == 1


def test_a_second_restore_into_the_same_folder_is_refused_while_the_first_runs(
    engine: ResticEngine, job: Job, tmp_path: Path
) -> None:
    outcome = engine.run(job, SECONDS)
    slow = ResticEngine(replace(engine.settings, download_kib_per_second=8000))
    first = threading.Thread(target=slow.restore, args=(outcome.snapshot.identity, tmp_path / 'back', SECONDS))
    first.start()
    try:
        end = time.monotonic() + 10
        while not (tmp_path / 'back').exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        failure = failure_of(lambda: engine.restore(outcome.snapshot.identity, tmp_path / 'back', SECONDS))
        assert failure.exit_class is ExitClass.TARGET_REFUSED
    finally:
        first.join()
