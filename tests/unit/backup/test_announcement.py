"""Announcements: a record comes into the journal as one entry, and no backup fails if it does not."""

from __future__ import annotations

import os
import socket
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup import agent, announcement
from backup.announcement import FIELD, announce, entry_of
from backup.record import Begun, Lagged, VerificationEnded, read, record_of
from tests.unit.backup.policy_samples import NOW, end, run


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[tuple[socket.socket, Path]]:
    place = tmp_path / 'socket'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(place))
        door.settimeout(5)
        yield door, place


def fields_of(entry: bytes) -> dict[str, str]:
    return dict(line.split('=', 1) for line in entry.decode().rstrip('\n').split('\n'))


def test_a_record_is_one_entry_of_which_the_record_comes_back(journal: tuple[socket.socket, Path]) -> None:
    door, place = journal
    record = run(NOW - NOW, failure='unreachable', sentence='ops-1 does not answer\nFAKE=1')
    assert announce(record, place) is None
    fields = fields_of(door.recv(1 << 16))
    assert record_of(fields[FIELD]) == record
    assert fields['ANLAN_EVENT'] == 'backup'
    assert fields['SYSLOG_IDENTIFIER'] == 'anlan-backup'
    assert (fields['ANLAN_TYPE'], fields['ANLAN_ACTION'], fields['PRIORITY']) == ('run', 'unreachable', '4')
    assert fields['ANLAN_REASON'] == 'ops-1 does not answer FAKE=1'
    assert 'FAKE' not in fields


def test_a_beginning_says_what_began(journal: tuple[socket.socket, Path]) -> None:
    fields = fields_of(entry_of(Begun('x', 'copy', 'media', 'app-1', 'offsite', NOW)))
    assert (fields['ANLAN_TYPE'], fields['ANLAN_ACTION']) == ('copy', 'begun')
    assert fields['MESSAGE'] == 'backup: copy of media on app-1, offsite began'


def test_what_is_measured_each_minute_is_no_event_that_pushes_out_others() -> None:
    assert 'ANLAN_EVENT' not in fields_of(entry_of(Lagged('database', 'vault-1', 'offsite', NOW, 1.0)))


def test_an_entry_too_long_for_a_datagram_comes_as_a_sealed_file(journal: tuple[socket.socket, Path]) -> None:
    door, place = journal
    record = VerificationEnded(**end(NOW - NOW), problems=tuple(f'{number} is wrong' * 50 for number in range(1000)))
    assert announce(record, place) is None
    _, ancillary, _, _ = door.recvmsg(1024, socket.CMSG_SPACE(4))
    descriptors = array('i', ancillary[0][2])
    with os.fdopen(descriptors[0], 'rb') as stream:
        entry = os.pread(stream.fileno(), 1 << 21, 0)
    assert len(entry) > 500_000
    assert record_of(fields_of(entry)[FIELD]) == record


def test_a_journal_that_is_not_there_is_a_reason_and_no_error(tmp_path: Path) -> None:
    reason = announce(run(NOW - NOW), tmp_path / 'nowhere')
    assert reason == 'the journal did not take a record: No such file or directory'


def test_a_journal_that_takes_nothing_is_waited_for_only_a_moment(
    journal: tuple[socket.socket, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, place = journal
    monkeypatch.setattr(announcement, 'TAKEN_SECONDS', 0.05)
    started = time.monotonic()
    reason = next((reason for _ in range(600) if (reason := announce(run(NOW - NOW), place)) is not None), None)
    assert reason == 'the journal did not take a record: timed out'
    assert time.monotonic() - started < 10


def test_the_agent_keeps_a_record_whose_announcement_failed_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(agent, 'announce', lambda record: 'the journal did not take a record: it is full')
    agent.keep(run(NOW - NOW), tmp_path / 'records.jsonl')
    assert read(tmp_path / 'records.jsonl').records == (run(NOW - NOW),)
    assert 'the journal did not take a record: it is full' in capsys.readouterr().err
