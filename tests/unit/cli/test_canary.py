"""`anlan canary`, at a stand-in for hosts: what it says, its exit codes, and what it writes to the ledger."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from anlan.cli import canary
from anlan.errors import BadInput
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from compliance.canary import Canary, Hit, HostSearch
from tests.unit.cli.conftest import stand_in

OUTPUTS = {
    'hosts': {'db-1': {'tier': 'data'}, 'client-1': {'tier': 'client'}},
    'variables': {'platform': {'front_door': {'name': 'learn.sample.test', 'port': 8443}}},
}
SEARCH = HostSearch(
    'db-1', (Hit('control', 'UTF-8', '/x/base/1', 'file', 0),), counts={'files': 7, 'bytes': 12_000_000}
)


@pytest.fixture
def run(monkeypatch, sample, tmp_path):
    """Give a function that runs the command with a verdict that was reached, and returns what the shell sees."""
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    stand_in(monkeypatch, canary, object(), OUTPUTS)

    def run(verdict, *arguments, reasons=()):
        def examine(remote, hosts, register, **options):
            options['note']('every host is searched')
            options['searched'](SEARCH)
            return Canary(verdict, tuple(reasons), 'canary-0', (), ('sign_up',), {'db-1': SEARCH})

        monkeypatch.setattr(canary, 'examine', examine)
        app = typer.Typer()
        canary.register(app)
        return CliRunner().invoke(app, ['--platform', str(sample), *arguments])

    return run


@pytest.mark.parametrize(('verdict', 'code', 'sentence'), [
    ('pass', 0, 'found in plain text nowhere'), ('not-verified', 1, 'not everything could be searched'),
    ('fail', 1, 'stands in plain text'),
])  # fmt: skip
def test_only_a_pass_ends_with_0(run, verdict, code, sentence):
    ended = run(verdict, reasons=('db-1: a reason',) if code else ())
    assert ended.exit_code == code
    assert sentence in ended.output
    assert ('db-1: a reason' in ended.output) == bool(code)


def test_json_is_the_whole_document_and_nothing_else(run):
    ended = run('fail', '--json', reasons=('db-1: a reason',))
    document = json.loads(ended.stdout)
    assert (document['verdict'], document['reasons']) == ('fail', ['db-1: a reason'])
    assert document['hosts'][0]['files'] == 7


def test_the_ledger_has_the_beginning_and_the_verdict_with_the_document(run):
    run('not-verified', reasons=('x',))
    ledger = Ledger(PlatformPaths.of('sample').ledger)
    records = [record.document for record in ledger.records() if 'canary' in record.document['kind']]
    assert [(each['kind'], each['verdict']) for each in records] == [('canary begun', None), ('canary', 'not-verified')]
    assert list(records[1]['attachments']) == ['canary.json']
    assert records[1]['observed'] == {'hosts': 1, 'files': 7, 'bytes': 12_000_000, 'reasons': 1}


@pytest.mark.parametrize('seconds', ['0', '-1', 'nan', 'inf'])
def test_a_time_that_is_none_is_refused(run, seconds):
    ended = run('pass', '--host-seconds', seconds)
    assert isinstance(ended.exception, BadInput)


def test_many_reasons_are_counted(run):
    ended = run('fail', reasons=[f'reason {number}' for number in range(50)])
    assert 'and 30 more; --json prints them' in ended.output
