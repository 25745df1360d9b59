"""The lock of a platform: one holder, named to the second, and free as soon as the holder is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anlan.errors import EXIT_BUSY, Busy
from anlan.lock import hold
from anlan.paths import ROOT

HOLDER = """
import subprocess, sys
from pathlib import Path
from anlan.lock import hold

with hold(Path(sys.argv[1]), 'anlan up'):
    child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    sys.stdin.readline()
    child.kill()
    child.wait()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / 'lab'
    folder.mkdir()
    return folder / 'lock'


@contextmanager
def holder(file: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give another process that holds the lock, and the id of a child of it."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLDER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {'PYTHONPATH': str(ROOT)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        yield process, child
    finally:
        if process.poll() is None:
            process.communicate('\n')


def test_a_second_holder_is_refused_with_who_holds_it(file: Path) -> None:
    with holder(file) as (process, _), pytest.raises(Busy) as raised, hold(file, 'anlan down'):
        pytest.fail('two hold the lock')
    sentence = str(raised.value)
    assert sentence.startswith(f'lab is held by `anlan up` (process {process.pid}, user ')
    assert sentence.endswith('wait until it ends')
    assert raised.value.exit_code == EXIT_BUSY


def test_the_refused_one_does_not_take_the_holders_name_away(file: Path) -> None:
    with holder(file) as (process, _):
        for _ in range(2):
            with pytest.raises(Busy, match=f'process {process.pid}'), hold(file, 'anlan down'):
                pytest.fail('two hold the lock')


def test_the_lock_is_free_after_its_holder(file: Path) -> None:
    with holder(file):
        pass
    with hold(file, 'anlan up'):
        assert json.loads(file.read_text())['pid'] == os.getpid()


def test_the_lock_is_free_after_a_killed_holder_even_while_its_child_lives(file: Path) -> None:
    with holder(file) as (process, child):
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            os.kill(child, 0)
            with hold(file, 'anlan up'):
                assert json.loads(file.read_text())['command'] == 'anlan up'
        finally:
            os.kill(child, signal.SIGKILL)


def test_the_lock_is_free_after_a_body_that_failed(file: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(file, 'anlan up'):
        raise ZeroDivisionError
    with hold(file, 'anlan down'):
        assert json.loads(file.read_text())['command'] == 'anlan down'


def test_a_lock_that_names_nobody_is_still_a_lock(file: Path) -> None:
    with hold(file, 'anlan up'):
        file.write_text('{"command": ')
        with pytest.raises(Busy, match='held by another command'), hold(file, 'anlan down'):
            pytest.fail('two hold the lock')


def test_the_lock_says_who_holds_it_since_when(file: Path) -> None:
    with hold(file, 'anlan up'):
        assert set(json.loads(file.read_text())) == {'command', 'pid', 'since', 'user', 'machine'}
    assert file.read_text() == ''


def test_who_shares_a_lock_shares_it_with_others_and_keeps_out_who_wants_it_alone(file: Path) -> None:
    with hold(file, 'anlan audit run', shared=True):
        with hold(file, 'anlan audit run', shared=True):
            pass
        with pytest.raises(Busy, match='is held by `anlan audit run`'), hold(file, 'anlan audit mutate'):
            pass
    mutating, busy = hold(file, 'anlan audit mutate'), pytest.raises(Busy, match='is held by `anlan audit mutate`')
    with mutating, busy, hold(file, 'anlan audit run', shared=True):
        pass
