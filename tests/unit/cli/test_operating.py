"""Operations and drift in the ledger: who changed what, how it ended, and nothing where nothing was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anlan.cli import stack
from anlan.cli.operating import operating
from anlan.errors import AnlanError
from anlan.ledger import Ledger, Record
from anlan.paths import PlatformPaths
from anlan.secret_store import ensure_secrets, read_secret
from infra.targets.changes import Drift
from tests.unit.cli.conftest import Anlan
from tests.unit.cli.test_stack import FakeTarget, target
from tests.unit.samples import lab, platform_of, stand

__all__ = ['target']


def records(kind: str) -> list[Record]:
    ledger = Ledger(PlatformPaths.of('sample').ledger)
    return [record for record in ledger.records() if record.kind == kind]


@pytest.fixture
def paths(anlan: Anlan) -> PlatformPaths:
    """Give the paths of `sample`, which stands."""
    return stand(platform_of(lab()))


def test_an_operation_says_who_did_what_and_how_it_ended(paths: PlatformPaths) -> None:
    with operating(platform_of(lab()), 'up') as noted:
        (begun,) = records('operation begun')
        assert begun.document['observed']['user'] and begun.document['observed']['machine']
        noted['changed'] = 3
    (record,) = records('operation')
    assert record.document['subject'] == 'up'
    assert record.document['verdict'] is None, 'that something was done shows nothing of a clause'
    assert record.document['observed']['changed'] == 3
    assert record.document['observed']['outcome'] == 'done'
    assert len(record.document['configuration']) == 64


@pytest.mark.parametrize('error', [AnlanError('db-1: password hunter2 is wrong'), KeyboardInterrupt()])
def test_an_operation_that_fails_is_on_record_by_kind_and_without_its_text(
    paths: PlatformPaths, error: BaseException
) -> None:
    with pytest.raises(type(error)), operating(platform_of(lab()), 'up'):
        raise error
    (record,) = records('operation')
    assert record.document['observed']['outcome'] == f'ended by {type(error).__name__}'
    assert 'hunter2' not in record.line.decode()


def test_an_operation_before_there_are_outputs_is_on_record(anlan: Anlan) -> None:
    PlatformPaths.of('sample').make()
    with operating(platform_of(lab()), 'up'):
        pass
    assert records('operation')[0].document['configuration'] == ''


def test_a_ledger_that_cannot_be_written_stops_no_operation(
    paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.ledger.write_text('no folder')
    with operating(platform_of(lab()), 'up') as noted:
        noted['changed'] = 1
    assert 'could not be recorded' in ' '.join(capsys.readouterr().err.split())


def test_a_key_that_is_made_anew_is_on_record_by_its_name(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    ensure_secrets(paths.secrets)
    assert anlan('cdn', 'rotate-key', '-p', sample).code == 0
    assert anlan('cdn', 'rotate-key', '--revoke', '--dry-run', '-p', sample).code == 0
    (record,) = records('operation')
    assert record.document['observed']['secrets'] == ['media_signing_key']
    assert read_secret(paths.secrets, 'media_signing_key') not in record.line.decode()


def test_drift_passes_only_if_all_was_looked_at_and_nothing_differs(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    monkeypatch.setattr(stack, 'drifted', lambda work: found)
    monkeypatch.setattr(stack, 'not_comparable', lambda work, target: '')

    def verdict(*options: str) -> tuple[str, int]:
        ended = anlan('drift', '-p', sample, *options)
        return records('drift')[-1].document['verdict'], ended.code

    assert verdict() == ('pass', 0)
    assert verdict('--hosts-only') == ('not-verified', 0)
    found.append('db-1: file /etc/patroni/config.yml')
    assert verdict() == ('fail', 1)
    attached = records('drift')[-1].attachments['drift.json']
    assert json.loads(Ledger(paths.ledger).attachment(attached))['configuration'] == found
    found.clear()
    target.drifts = [Drift('host db-1', 'missing', 'it is gone')]  # type: ignore[arg-type]
    assert verdict('--hosts-only') == ('fail', 1)


def test_a_look_for_drift_that_breaks_leaves_no_older_pass_in_force(
    anlan: Anlan, sample: Path, target: FakeTarget, paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(work: object) -> list[str]:
        raise AnlanError('db-1: unreachable')

    monkeypatch.setattr(stack, 'not_comparable', lambda work, target: '')
    monkeypatch.setattr(stack, 'drifted', broken)
    assert anlan('drift', '-p', sample).code == 1
    assert records('drift')[-1].document['verdict'] == 'not-verified'


def test_where_nothing_stands_drift_writes_nothing(anlan: Anlan, sample: Path, target: FakeTarget) -> None:
    anlan('drift', '--hosts-only', '-p', sample)
    assert not Ledger(PlatformPaths.of('sample').ledger).stands
