"""`anlan backup restore` as of a moment, at a stand-in for hosts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anlan.cli import backup
from anlan.cli.backup_hosts import AgentFailed
from anlan.errors import BadInput
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from backup.failure import BackupFailed, ExitClass
from tests.unit.cli.conftest import stand_in
from tests.unit.cli.test_backup import OUTPUTS, Hosts, call

TARGET = '/srv/at-10-42'
PLAN = {
    'place': 'local', 'target': TARGET, 'to_time': '2026-11-26T02:42:00+00:00', 'backup': '20261126-010101F',
    'backup_kind': 'full', 'backup_ended': '2026-11-26T01:02:00+00:00', 'backup_bytes': 40_000_000,
    'backup_stored_bytes': 4_000_000, 'log_pieces': 7, 'log_bytes': 117_440_512, 'log_stored_bytes': 900_000,
    'reach': {'first': '2026-11-01T01:02:00+00:00', 'last': '2026-11-26T02:50:00+00:00'}, 'young': False,
    'standing_hours': 24,
}  # fmt: skip
STANDING = {
    **PLAN, 'identity': 'abc', 'unit': 'anlan-moment-abc.service', 'expires': '2026-11-27T03:00:00+00:00',
    'database': 'learning', 'notes': [], 'recovery_point': '2026-11-26T02:41:59.400000+00:00',
    'restored_bytes': 150_000_000, 'files': 700, 'seconds': 6.0, 'replay_seconds': 1.2,
}  # fmt: skip
WORDS = ('restore', 'database', '--to-time', '2026-11-26T10:42:00+08:00', '--target', TARGET)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, sample: Any, tmp_path: Any) -> Hosts:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    made = Hosts()
    stand_in(monkeypatch, backup, made, OUTPUTS)
    return made


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 11, 26, 3, tzinfo=UTC)

    monkeypatch.setattr(backup, 'datetime', Clock)


def ledger() -> list[Any]:
    return [each for each in Ledger(PlatformPaths.of('lab').ledger).records() if each.kind == 'restore']


def test_a_restore_says_the_recovery_point_and_how_rows_are_had_back(hosts: Hosts) -> None:
    hosts.out = json.dumps({'moment': STANDING})
    said = call(*WORDS)
    assert said.exit_code == 0, said.exception
    (_, argv), = hosts.asked  # fmt: skip
    assert argv[argv.index('moment') + 1 :][:6] == [
        '--place', 'local', '--to-time', '2026-11-26T02:42:00+00:00', '--target', TARGET,
    ]  # fmt: skip
    text = ' '.join(said.stdout.split())
    assert 'its last transaction is of 2026-11-26 02:41:59.4 UTC, 0.6 s before what was asked for' in text
    assert f'psql -h {TARGET} -d learning' in text
    assert f'pg_dump -h {TARGET} -d learning --data-only --inserts --on-conflict-do-nothing -t TABLE' in text
    assert f'anlan backup restore database --target {TARGET} --discard' in text
    (record,) = ledger()
    assert record.document['observed']['recovery_point'] == STANDING['recovery_point']


def test_a_restore_that_is_only_tried_says_what_would_be_restored_and_how_far_can_be_gone_back(hosts: Hosts) -> None:
    hosts.out = json.dumps({'would_restore': {**PLAN, 'young': True}})
    said = call(*WORDS, '--dry-run')
    assert '--dry-run' in hosts.asked[0][1]
    text = ' '.join(said.stdout.split())
    parts = (
        '20261126-010101F', '40.0 MB, 4.0 MB stored', '7 pieces of the log: 117.4 MB', 'the leader will be asked',
        'reaches from 2026-11-01 01:02:00 UTC to 2026-11-26 02:50:00 UTC',
    )  # fmt: skip
    for part in parts:
        assert part in text
    assert ledger() == []


def test_a_moment_that_cannot_be_gone_back_to_is_refused_with_the_range_and_recorded(hosts: Hosts) -> None:
    sentence = '2026-11-26 02:42:00 UTC is too long ago: what is kept reaches from A to B'
    hosts.out, hosts.code = json.dumps({'failure': 'no-snapshot', 'sentence': sentence}), ExitClass.NO_SNAPSHOT.value
    said = call(*WORDS)
    assert isinstance(said.exception, AgentFailed)
    assert (str(said.exception), said.exception.exit_code) == (sentence, 17)
    assert [each.document['verdict'] for each in ledger()] == ['fail']


def test_what_stands_is_wiped_and_the_evidence_is_in_the_ledger(hosts: Hosts) -> None:
    evidence = {'identity': 'abc', 'target': TARGET, 'was_there': True, 'files': 900, 'bytes': 3, 'unit': 'u',
                'runs': False, 'wiped': '2026-11-26T03:00:00+00:00'}  # fmt: skip
    hosts.out = json.dumps({'wiped': evidence})
    said = call('restore', 'database', '--target', TARGET, '--discard')
    assert hosts.asked[0][1][-3:] == ['discard', '--target', TARGET]
    assert f'{TARGET} is gone' in said.stdout
    (record,) = ledger()
    assert record.document['observed'] == evidence
    hosts.out = json.dumps({'would_wipe': {'files': 900, 'bytes': 3_000_000}})
    said = call('restore', 'database', '--target', TARGET, '--discard', '--dry-run')
    assert '900 files, 3.0 MB' in said.stdout
    assert len(ledger()) == 1


@pytest.mark.parametrize(
    'words',
    [
        ('database', '--to-time', '2026-11-26T10:42:00'),
        ('database', '--to-time', '2026-11-26T11:42:00+08:00'),
        ('database', '--to-time', 'yesterday'),
        ('database',),
        ('database', '--to-time', 'latest', '--host', 'db-1'),
        ('database', '--to-time', 'latest', '--path', '/x'),
        ('database', '--to-time', 'latest', '--discard'),
        ('database', '--to-time', 'latest', '--standing-hours', '0'),
        ('database', '--to-time', 'latest', '--standing-hours', 'inf'),
        ('database', '--to-time', 'latest', '--place', 'moon'),
        ('media',),
        ('media', '--host', 'app-1', '--discard'),
        ('media', '--host', 'app-1', '--snapshot', 'abc', '--to-time', 'latest'),
    ],
)
def test_what_does_not_fit_together_is_bad_input_before_anybody_is_asked(hosts: Hosts, words: tuple[str, ...]) -> None:
    said = call('restore', *words, '--target', TARGET)
    assert isinstance(said.exception, BadInput), said.stdout
    assert hosts.asked == []


def test_of_files_the_newest_snapshot_not_after_the_time_is_taken(hosts: Hosts) -> None:
    start = datetime(2026, 11, 26, tzinfo=UTC)
    snapshots = [
        {'identity': f'{number}' * 10, 'policy': 'media', 'started': (start + timedelta(hours=number)).isoformat(),
         'files': 3, 'source_bytes': 7}
        for number in range(3)
    ]  # fmt: skip
    place = {'repository': 'media', 'host': 'app-1', 'place': 'local', 'snapshots': snapshots}
    hosts.out = json.dumps({'places': [place]})
    words = ('restore', 'media', '--host', 'app-1', '--target', '/srv/x', '--dry-run', '--json', '--to-time')
    for time, identity in (('01:00:00', '1'), ('01:59:59', '1'), ('02:30:00', '2'), ('00:00:00', '0')):
        said = call(*words, f'2026-11-26T{time}Z')
        assert json.loads(said.stdout)['would_restore']['identity'] == identity * 10
    said = call(*words, '2026-11-25T23:59:59Z')
    assert isinstance(said.exception, BackupFailed)
    assert 'reaches from 2026-11-26 00:00:00 UTC to 2026-11-26 02:00:00 UTC' in str(said.exception)
    assert said.exception.exit_code == 17
