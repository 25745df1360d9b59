"""What stands restored as of a moment: only what was noted, and still is the same folder, is wiped, with evidence."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backup import moment_standing
from backup.failure import BackupFailed, ExitClass
from backup.moment_standing import MARK, Standing, at, discard, forget, marked, note, noted, sweep
from backup.moment_work import play_all, unfit

from . import moments


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(moment_standing, 'STANDING', tmp_path / 'notes')
    monkeypatch.setattr(moment_standing, 'stop', names.append)
    monkeypatch.setattr(moment_standing, 'runs', lambda unit: False)
    return names


def stand(folder: Path) -> Standing:
    folder.mkdir()
    about = folder.stat()
    made = Standing(
        'abc', str(folder), about.st_dev, about.st_ino, 'unit-abc', 'local', moments.at(0), moments.at(3600)
    )
    note(made)
    (folder / 'PG_VERSION').write_text('17\n')
    return made


def test_what_stands_is_stopped_wiped_and_leaves_evidence(stopped: list[str], tmp_path: Path) -> None:
    made = marked(stand(tmp_path / 'there'), moments.at(7200))
    assert noted() == (made,)
    assert at(made.target)['files'] == 2
    found = discard(made.target)
    assert (found['files'], found['was_there'], found['runs']) == (2, True, False)
    assert stopped == ['unit-abc']
    assert not (tmp_path / 'there').exists()
    assert noted() == ()
    (line,) = (tmp_path / 'notes' / 'journal.jsonl').read_text().splitlines()
    assert json.loads(line)['what'] == 'wiped'
    assert json.loads(line)['bytes'] == found['bytes'] > 0


def test_what_was_never_noted_is_not_wiped(stopped: list[str], tmp_path: Path) -> None:
    (tmp_path / 'mine').mkdir()
    with pytest.raises(BackupFailed, match='no database was restored into') as failed:
        discard(str(tmp_path / 'mine'))
    assert failed.value.exit_class is ExitClass.TARGET_REFUSED
    assert (tmp_path / 'mine').exists()


def test_another_folder_under_the_same_name_is_not_wiped(stopped: list[str], tmp_path: Path) -> None:
    made = marked(stand(tmp_path / 'there'), moments.at(7200))
    (tmp_path / 'there').rename(tmp_path / 'moved')
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'mine').write_text('mine')
    with pytest.raises(BackupFailed, match='another folder'):
        discard(made.target)
    (tmp_path / 'there' / 'mine').unlink()
    (tmp_path / 'there').rmdir()
    (tmp_path / 'there').symlink_to(tmp_path / 'moved')
    with pytest.raises(BackupFailed, match='another folder'):
        discard(made.target)
    assert (tmp_path / 'moved' / MARK).exists()


def test_a_folder_without_the_mark_is_wiped_only_if_its_restore_never_ended(stopped: list[str], tmp_path: Path) -> None:
    made = stand(tmp_path / 'there')
    note(replace(made, restored=True))
    with pytest.raises(BackupFailed, match='does not bear the mark'):
        discard(made.target)
    note(made)
    assert discard(made.target)['files'] == 1


def test_what_does_not_stop_is_not_wiped(stopped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stand(tmp_path / 'there')
    monkeypatch.setattr(moment_standing, 'runs', lambda unit: True)
    with pytest.raises(BackupFailed, match='does not stop'):
        discard(made.target)
    assert (tmp_path / 'there').exists()


def test_what_somebody_removed_by_hand_is_noted_no_more(stopped: list[str], tmp_path: Path) -> None:
    made = stand(tmp_path / 'there')
    (tmp_path / 'there' / 'PG_VERSION').unlink()
    (tmp_path / 'there').rmdir()
    assert discard(made.target)['was_there'] is False
    assert noted() == ()


def test_a_sweep_wipes_what_has_run_out_and_nothing_else(stopped: list[str], tmp_path: Path) -> None:
    stand(tmp_path / 'there')
    assert sweep(moments.at(3599)) == []
    assert [each['target'] for each in sweep(moments.at(3600))] == [str(tmp_path / 'there')]
    assert sweep(moments.at(9999)) == []


def test_a_note_that_cannot_be_read_stops_no_sweep_and_is_said_by_a_discard(stopped: list[str], tmp_path: Path) -> None:
    made = stand(tmp_path / 'there')
    (tmp_path / 'notes' / 'broken.json').write_text('{')
    assert sweep(made.expires + timedelta(days=1)) == []
    with pytest.raises(Exception, match=r'broken\.json cannot be read'):
        discard(made.target)


def test_what_is_being_restored_is_not_wiped_until_its_process_is_gone(stopped: list[str], tmp_path: Path) -> None:
    made = stand(tmp_path / 'there')
    with subprocess.Popen(['/bin/sh', '-c', 'echo; read line', 'moment'], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        note(replace(made, process=process.pid))
        with pytest.raises(BackupFailed, match='is being restored by process') as failed:
            discard(made.target)
        assert failed.value.exit_class is ExitClass.LOCKED
        process.communicate(b'\n', timeout=10)
    assert discard(made.target)['was_there'] is True


def test_one_that_cannot_be_wiped_keeps_no_other_from_it(stopped: list[str], tmp_path: Path) -> None:
    stand(tmp_path / 'there')
    about = (tmp_path / 'there').stat()
    note(Standing('xyz', str(tmp_path), about.st_dev, 1, 'u', 'local', moments.at(-9), moments.at(0)))
    assert [each['target'] for each in sweep(moments.at(3600))] == [str(tmp_path / 'there')]


def test_what_was_refused_is_forgotten_and_what_lies_there_stays(stopped: list[str], tmp_path: Path) -> None:
    made = stand(tmp_path / 'there')
    forget(made)
    assert noted() == ()
    assert (tmp_path / 'there' / 'PG_VERSION').exists()


@pytest.mark.parametrize(
    ('target', 'reason'),
    [
        ('relative', 'not an absolute path'), ('/', 'live path'), ('/etc/x', 'live path'), ('/home/x', 'live path'),
        ('/var/lib/postgresql/x', 'live path'), ('/var/lib/pgbackrest', 'live path'), ('/var/log/x', 'live path'),
        ('/var/lib/anlan/x', 'live path'), ('/var/lib', 'holds the live path'), ('/tmp/x', 'sees nothing of /tmp'),
        ('/srv/../etc/x', 'live path'), ('/srv/./x/../y', 'another name of'), ('/srv/' + 'x' * 90, 'longer than'),
    ],
)  # fmt: skip
def test_no_database_is_restored_where_it_must_not_or_could_not_be(target: str, reason: str) -> None:
    assert reason in (unfit(Path(target)) or '')


def test_an_ordinary_new_folder_is_fit() -> None:
    assert unfit(Path('/srv/at-10-42')) is None


def test_a_restore_without_a_goal_plays_back_all_and_keeps_its_other_settings(tmp_path: Path) -> None:
    file = tmp_path / 'postgresql.auto.conf'
    file.write_text(
        "# recovery_target_time = 'a comment'\nrestore_command = 'cp x'\nrecovery_target_time = '2026'\n"
        "recovery_target_action = 'promote'\nrecovery_target_timeline = 'latest'\n"
    )
    play_all(tmp_path)
    assert file.read_text() == (
        "# recovery_target_time = 'a comment'\nrestore_command = 'cp x'\nrecovery_target_timeline = 'latest'\n"
    )
