"""pgBackRest is run with a deadline, no secret on its command line, and its codes become classes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from backup.engines.pgbackrest_command import Command, class_of, sentence_of
from backup.failure import BackupFailed, ExitClass


def fake(folder: Path, script: str) -> Command:
    program = folder / 'pgbackrest'
    program.write_text(f'#!/bin/sh\n{script}\n', encoding='utf-8')
    program.chmod(0o755)
    return Command(Path('/etc/anlan/backup/database-local.conf'), 'sample', account='root', program=str(program))


@pytest.mark.parametrize(
    ('code', 'text', 'expected'),
    [
        (50, '', ExitClass.LOCKED), (55, '', ExitClass.NO_REPOSITORY), (49, '', ExitClass.UNREACHABLE),
        (95, '', ExitClass.WRONG_PASSWORD), (75, '', ExitClass.NO_SNAPSHOT), (105, '', ExitClass.REFUSED),
        (40, '', ExitClass.TARGET_REFUSED), (26, '', ExitClass.CORRUPT), (82, '', ExitClass.UNREACHABLE),
        (101, 'RequestTimeTooSkewed', ExitClass.CLOCK), (64, 'No space left on device', ExitClass.NO_SPACE),
        (39, '*** AccessDenied', ExitClass.REFUSED), (25, '', ExitClass.FAILED), (103, '', ExitClass.NO_REPOSITORY),
    ],
)  # fmt: skip
def test_each_exit_code_has_its_class_and_words_tell_more(code: int, text: str, expected: ExitClass) -> None:
    assert class_of(code, text) is expected


def test_a_failure_is_its_own_last_error_in_one_line(tmp_path: Path) -> None:
    command = fake(tmp_path, "echo 'P00   INFO: begin'; echo 'P00  ERROR: [050]: unable to acquire lock'; exit 50")
    with pytest.raises(BackupFailed, match='unable to acquire lock') as failed:
        command.run('backup', 5)
    assert failed.value.exit_class is ExitClass.LOCKED
    assert 'INFO' not in str(failed.value)


def test_at_the_deadline_it_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    command = fake(tmp_path, 'sleep 60 & sleep 60')
    started = time.monotonic()
    with pytest.raises(BackupFailed) as failed:
        command.run('backup', 0.5)
    assert failed.value.exit_class is ExitClass.DEADLINE
    assert time.monotonic() - started < 10


def test_a_deadline_holds_while_it_talks_on(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed) as failed:
        fake(tmp_path, 'while :; do echo x; sleep 0.05; done').run('backup', 0.5)
    assert failed.value.exit_class is ExitClass.DEADLINE


def test_every_line_is_told_as_it_comes(tmp_path: Path) -> None:
    lines: list[str] = []
    assert fake(tmp_path, 'echo one; printf two').run('info', 5, each=lines.append) == 'one\ntwo'
    assert lines == ['one', 'two']


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(BackupFailed, match='cannot be started'):
        Command(Path('/x'), 'sample', account='root', program='/nowhere/pgbackrest').run('info', 5)


def test_advice_is_left_out_of_the_sentence() -> None:
    text = 'P00  ERROR: [055]: unable to load info file\n            HINT: has a stanza-create been performed?'
    assert sentence_of(text) == '[055]: unable to load info file'
