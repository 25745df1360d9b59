"""`anlan backup rewind`, at a stand-in for hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from anlan.cli import backup, backup_rewind
from anlan.cli.backup_hosts import AgentFailed
from anlan.errors import BadInput
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from backup.failure import ExitClass
from tests.unit.cli.conftest import stand_in
from tests.unit.cli.test_backup import OUTPUTS, Hosts

OFFSITE = {**OUTPUTS, 'hosts': {**OUTPUTS['hosts'], 'vault-1': {'tier': 'offsite'}}}
BUCKET = {
    'bucket': 'restic', 'moment': '2026-11-25T02:42:00+00:00', 'same': 1200, 'put_back': 300,
    'put_back_bytes': 4_000_000, 'uncovered': 20, 'hidden': 3,
    'changed_by_hour': {'2026-11-25 03:00': 310, '2026-11-25 04:00': 10},
}  # fmt: skip
WHEN = ('--to-time', '2026-11-25T10:42:00+08:00')


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, sample: Any, tmp_path: Any) -> Hosts:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    made = Hosts()
    stand_in(monkeypatch, backup_rewind, made, OFFSITE)
    return made


def call(*words: str, typed: str | None = None) -> Any:
    return CliRunner().invoke(backup.app, ['rewind', *words], input=typed)


def ledger() -> list[Any]:
    return [each for each in Ledger(PlatformPaths.of('lab').ledger).records() if each.kind.startswith('rewind')]


def test_a_dry_run_shows_what_was_changed_by_the_hour_and_records_nothing(hosts: Hosts) -> None:
    hosts.out = json.dumps({'would_rewind': [BUCKET]})
    said = call(*WHEN, '--dry-run', '--bucket', 'restic', '--keep-new')
    assert said.exit_code == 0, said.exception
    ((host, argv),) = hosts.asked
    assert host == 'vault-1'
    assert argv[argv.index('rewind') :] == [
        'rewind', '--to-time', '2026-11-25T02:42:00+00:00', '--seconds', '3600', '--bucket', 'restic', '--keep-new',
        '--dry-run',
    ]  # fmt: skip
    assert '2026-11-25 03:00      310' in said.stdout
    assert ledger() == []


def test_what_was_brought_back_is_recorded_and_what_comes_next_is_said(hosts: Hosts) -> None:
    hosts.out = json.dumps({'rewound': [BUCKET]})
    said = call(*WHEN, typed='lab\n')
    assert said.exit_code == 0, said.exception
    assert '--dry-run' not in hosts.asked[0][1]
    assert 'anlan secret rotate --revoke object_store_writer_secret' in said.stdout
    assert [each.kind for each in ledger()] == ['rewind begun', 'rewind']


def test_another_name_than_the_platform_s_does_nothing(hosts: Hosts) -> None:
    said = call(*WHEN, typed='other\n')
    assert isinstance(said.exception, BadInput)
    assert 'nothing was done' in str(said.exception)
    assert hosts.asked == []
    assert ledger() == []


@pytest.mark.parametrize(
    ('words', 'part'),
    [
        (('--to-time', 'latest'), 'to a moment'),
        (('--to-time', '2026-11-25T10:42:00'), 'has no zone'),
        (('--to-time', 'yesterday'), 'neither'),
        (('--to-time', '2999-01-01T00:00:00Z'), 'lies in the future'),
        ((*WHEN, '--seconds', '0'), 'above 0'),
        ((*WHEN, '--seconds', 'nan'), 'above 0'),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    hosts: Hosts, words: tuple[str, ...], part: str
) -> None:
    said = call(*words, '--yes')
    assert isinstance(said.exception, BadInput)
    assert part in str(said.exception)
    assert hosts.asked == []


def test_a_platform_without_another_site_has_nothing_to_bring_back(hosts: Hosts, monkeypatch: Any) -> None:
    stand_in(monkeypatch, backup_rewind, hosts, OUTPUTS)
    said = call(*WHEN, '--yes')
    assert isinstance(said.exception, BadInput)
    assert 'no host in another site' in str(said.exception)


def test_a_store_that_is_full_says_so_with_its_exit_code_and_it_is_recorded(hosts: Hosts) -> None:
    hosts.out = json.dumps({'failure': 'no-space', 'sentence': 'the quota of restic is used up'})
    hosts.code = ExitClass.NO_SPACE.value
    said = call(*WHEN, '--yes')
    assert isinstance(said.exception, AgentFailed)
    assert said.exception.exit_code == 12
    assert [each.document['verdict'] for each in ledger()] == [None, 'fail']
