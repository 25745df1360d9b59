"""Running a program: its lines, its deadline, and that nothing of it is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from backup.failure import BackupFailed, ExitClass
from backup.running import run


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A child of nobody is a zombie until the first process of the machine reaps it.
    return ') Z ' not in Path(f'/proc/{process}/stat').read_text()


def wait_gone(process: int) -> None:
    end = time.monotonic() + 5
    while lives(process):
        assert time.monotonic() < end, f'process {process} is still there'
        time.sleep(0.02)


def test_lines_come_as_they_are_said_and_the_code_is_told() -> None:
    out: list[str] = []
    errors: list[str] = []
    ran = run(['sh', '-c', 'echo one; echo wrong >&2; echo two; exit 7'], 10, line=out.append, error_line=errors.append)
    assert (out, errors, ran.errors) == (['one', 'two'], ['wrong'], ('wrong',))
    assert (ran.code, ran.stopped) == (7, None)


def test_a_line_is_handed_on_before_the_program_ends(tmp_path: Path) -> None:
    file = tmp_path / 'heard'
    # It ends only when its line was heard.
    ran = run(['sh', '-c', f'echo now; until [ -e {file} ]; do sleep 0.02; done'], 30, line=lambda _: file.touch())
    assert (ran.code, ran.stopped) == (0, None)


def test_the_deadline_ends_the_program_and_its_children(tmp_path: Path) -> None:
    file = tmp_path / 'child'
    started = time.monotonic()
    ran = run(['sh', '-c', f'sleep 300 & echo $! > {file}; wait'], 0.5)
    assert ran.stopped == 'not done within 0.5 s'
    assert time.monotonic() - started < 5
    wait_gone(int(file.read_text()))


def test_a_program_that_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    started = time.monotonic()
    ran = run(['sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"], 0.3, grace_seconds=0.3)
    assert ran.code == -9
    assert time.monotonic() - started < 5


def test_a_child_that_outlives_its_program_does_not_hold_the_run(tmp_path: Path) -> None:
    file = tmp_path / 'child'
    started = time.monotonic()
    ran = run(['sh', '-c', f'sleep 300 & echo $! > {file}'], 60)
    assert (ran.code, ran.stopped) == (0, None)
    assert time.monotonic() - started < 5
    wait_gone(int(file.read_text()))


def test_who_watches_can_end_it() -> None:
    ran = run(['sleep', '300'], 60, watch=lambda: 'the place is silent')
    assert ran.stopped == 'the place is silent'


def test_an_exception_of_who_listens_ends_the_program_and_comes_through() -> None:
    def refuse(_: str) -> None:
        raise KeyError('not mine')

    started = time.monotonic()
    with pytest.raises(KeyError):
        run(['sh', '-c', 'echo one; sleep 300'], 60, line=refuse)
    assert time.monotonic() - started < 5


def test_a_program_sees_no_environment_but_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'of somebody else')
    out: list[str] = []
    run(['env'], 10, environment={'OWN': 'mine'}, line=out.append)
    names = {each.partition('=')[0] for each in out}
    assert 'OWN' in names
    assert 'AWS_SECRET_ACCESS_KEY' not in names


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(BackupFailed, match='no-such-program cannot be started') as failure:
        run(['/no-such-program'], 10)
    assert failure.value.exit_class is ExitClass.FAILED


def test_nothing_is_begun_without_time(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed) as failure:
        run(['touch', str(tmp_path / 'file')], 0)
    assert failure.value.exit_class is ExitClass.DEADLINE
    assert not (tmp_path / 'file').exists()


def test_many_lines_keep_only_the_last_errors() -> None:
    ran = run(['sh', '-c', 'i=0; while [ $i -lt 3000 ]; do echo $i >&2; i=$((i+1)); done'], 30)
    assert len(ran.errors) == 400
    assert ran.errors[-1] == '2999'
