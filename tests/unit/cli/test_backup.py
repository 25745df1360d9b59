"""`anlan backup`, at a stand-in for hosts: what it says, its exit codes, and what it writes to the ledger."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from anlan.cli import backup, backup_text
from anlan.cli.backup_hosts import AgentFailed, Answer, ask_agent, ends_of
from anlan.cli.backup_lag import Measured
from anlan.errors import AnlanError, BadInput
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from anlan.remote import Result
from backup.failure import ExitClass
from backup.record import RestoreEnded, StolenEnded, line_of
from backup.replica import Lag
from backup.unit_files import PROGRAM
from tests.unit.backup.moments import at
from tests.unit.cli.conftest import stand_in

OUTPUTS: dict[str, Any] = {'hosts': {'ops-1': {'tier': 'operations'}}, 'variables': {'platform': {}}}


class Hosts:
    """Hosts whose agents say what they are told to."""

    bastion = 'ops-1'

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.out, self.code, self.err = '', 0, ''

    def run(self, host: str, argv: Any, deadline: float, stdin: Any = None, on_line: Any = None) -> Result:
        self.asked.append((host, list(argv)))
        for line in self.out.splitlines():
            if on_line is not None:
                on_line(line)
        return Result(self.code, self.out, self.err, 0.1)

    def run_on_all(self, hosts: Any, argv: Any, deadline: float) -> dict[str, Result]:
        return {host: self.run(host, argv, deadline) for host in hosts}


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, sample: Any, tmp_path: Any) -> Hosts:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    made = Hosts()
    stand_in(monkeypatch, backup, made, OUTPUTS)
    return made


def call(*words: str) -> Any:
    return CliRunner().invoke(backup.app, list(words))


def restored(checks: int, problems: tuple[str, ...] = ()) -> str:
    return line_of(
        RestoreEnded(
            'x', 'media', 'app-1', 'local', at(0), at(2), None, '', snapshot='abcdef123456', recovery_point=at(-60),
            restored_bytes=5_000_000, files=9, checks=checks, problems=problems,
        )
    )  # fmt: skip


def test_a_plan_names_every_policy_and_asks_nobody(hosts: Hosts) -> None:
    said = call('plan', '--json')
    document = json.loads(said.stdout)
    assert {'database', 'media', 'platform'} <= {each['name'] for each in document['policies']}
    assert document['runs']
    assert hosts.asked == []


def test_names_are_never_cut_and_times_name_their_zone_on_a_narrow_terminal(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StringIO()
    narrow = Console(file=stream, width=80, highlight=False)
    for module in (backup, backup_text):
        monkeypatch.setattr(module, 'results', narrow)
    call('plan')
    call('status')
    label, day = '20261126-021502F_20261126-071502I', '2026-11-26T07:15:02+00:00'
    shown = {'identity': label, 'policy': 'database', 'host': 'ops-1', 'started': day, 'files': 12345}
    backup_text.print_snapshots([{'place': 'offsite', 'snapshots': [{**shown, 'source_bytes': 123_456_789}]}])
    words = stream.getvalue().split()
    assert {'face-evidence', 'archive-six-years', label, 'offsite', '12345', '123.5'} <= set(words)
    assert '…' not in stream.getvalue()
    assert words.count('(UTC)') == 3


def test_a_lag_that_is_not_known_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(backup_text, 'results', Console(file=stream, width=80, highlight=False))
    backup_text.print_lag(Measured('vault-1', at(0), Lag(None, None, None, None, ('the replica does not answer',))))
    backup_text.print_lag(Measured('vault-1', at(0), Lag(0.42, 0, 0, 3, ())))
    assert stream.getvalue().splitlines() == [
        '  vault-1 follows the database: how far it is behind is not known', '  vault-1: the replica does not answer',
        '  vault-1 follows the database: 0.4 s, 3 changes behind',
    ]  # fmt: skip


def test_a_command_names_only_the_exit_codes_that_it_can_have() -> None:
    for name, codes in (('plan', ['0', '2']), ('kit', ['0', '1', '2', '3'])):
        said = ' '.join(call(name, '--help').stdout.partition('Exit codes:')[2].split())
        assert re.findall(r'(?:^|· )(\d+) ', said) == codes


def test_a_policy_that_is_none_is_bad_input_and_names_those_that_are(hosts: Hosts) -> None:
    said = call('run', 'nothing')
    assert isinstance(said.exception, BadInput)
    assert 'there are archive, database' in str(said.exception)
    assert isinstance(call('run', 'face-evidence').exception, BadInput)
    assert hosts.asked == []


@pytest.mark.parametrize(
    ('checks', 'problems', 'code', 'verdict'),
    [(4, (), 0, 'pass'), (0, (), 14, 'fail'), (4, ('1.ts is not what it was',), 14, 'fail')],
)
def test_a_drill_is_recorded_with_the_verdict_that_what_came_back_deserves(
    hosts: Hosts, checks: int, problems: tuple[str, ...], code: int, verdict: str
) -> None:
    hosts.out, hosts.code = restored(checks, problems), code
    said = call('drill', 'media')
    assert said.exit_code == code
    assert [host for host, _ in hosts.asked if 'task' in _] == ['ops-1']
    records = [each for each in Ledger(PlatformPaths.of('lab').ledger).records() if each.kind == 'restore-drill']
    assert [each.document['verdict'] for each in records] == [verdict]
    assert '22239-8.1.4.9-a' in records[0].document['clauses']


def test_an_agent_that_could_not_work_gives_its_class_as_exit_code_and_the_drill_is_not_verified(hosts: Hosts) -> None:
    hosts.out = json.dumps({'failure': 'locked', 'sentence': 'process 7 works on media'})
    hosts.code = ExitClass.LOCKED.value
    said = call('drill', 'media')
    assert said.exit_code == 3
    assert 'process 7 works on media' in said.stdout
    records = [each for each in Ledger(PlatformPaths.of('lab').ledger).records() if each.kind == 'restore-drill']
    assert [each.document['verdict'] for each in records] == ['not-verified']


@pytest.mark.parametrize('words', [('verify', 'media'), ('drill', 'media')])
def test_where_nothing_is_kept_yet_that_is_said_and_is_no_success(hosts: Hosts, words: tuple[str, ...]) -> None:
    said = call(*words)
    assert said.exit_code == ExitClass.NO_REPOSITORY.value
    assert 'nothing of media is kept yet; `anlan backup run media` keeps it' in ' '.join(said.stdout.split())


def test_places_without_anything_are_a_line_each_and_not_an_error_each(hosts: Hosts) -> None:
    places = [
        {'repository': 'archive', 'host': host, 'place': 'local', 'failure': 'no-repository', 'snapshots': None,
         'sentence': 'restic: long words'} for host in ('db-1', 'db-2')
    ]  # fmt: skip
    hosts.out = json.dumps({'places': [*places, {**places[0], 'place': 'offsite', 'failure': 'unreachable'}]})
    hosts.code = 1
    said = call('list')
    assert said.exit_code == 1
    assert said.stdout.split('\n')[0] == '  archive of db-1, db-2, local: nothing there'
    assert said.stdout.count('long words') == 1
    hosts.out = json.dumps({'places': [{**places[0], 'snapshots': []}]})
    assert call('list', 'archive').exit_code == ExitClass.NO_REPOSITORY.value


def test_states_without_any_record_are_never_ok(hosts: Hosts) -> None:
    said = call('status', '--json')
    document = json.loads(said.stdout)
    assert said.exit_code == 1
    assert {each['state'] for each in document['policies']} == {'never'}
    assert all(each['last_success'] is None and each['last_verified_restore'] is None for each in document['policies'])


def test_a_host_whose_records_cannot_be_read_is_said(hosts: Hosts) -> None:
    hosts.out = 'no record at all\n'
    said = call('status', '--json')
    assert 'a line of its answer is no record' in ' '.join(json.loads(said.stdout)['silent'].values())


@pytest.mark.parametrize(
    'words',
    [
        ('restore', 'media', '--host', 'app-1', '--target', '/x', '--place', 'moon'),
        ('restore', 'media', '--host', 'app-1', '--target', '/x', '--seconds', 'nan'),
        ('restore', 'database', '--host', 'ops-1', '--target', '/x'),
        ('plan', '--hours', '0'),
        ('plan', '--hours', 'inf'),
    ],
)
def test_bad_input_is_said_before_anybody_is_asked(hosts: Hosts, words: tuple[str, ...]) -> None:
    assert isinstance(call(*words).exception, BadInput)
    assert hosts.asked == []


def test_a_restore_that_is_only_tried_restores_nothing(hosts: Hosts) -> None:
    snapshot = {
        'identity': 'abcdef1234', 'policy': 'media', 'started': '2026-11-01T00:00:00+00:00', 'files': 3,
        'source_bytes': 7,
    }  # fmt: skip
    place = {'repository': 'media', 'host': 'app-1', 'place': 'local', 'snapshots': [snapshot]}
    hosts.out = json.dumps({'places': [place]})
    said = call('restore', 'media', '--host', 'app-1', '--target', '/srv/x', '--dry-run', '--json')
    assert json.loads(said.stdout)['would_restore']['identity'] == 'abcdef1234'
    asked = [words for _, words in hosts.asked if 'restore' in words]
    assert len(asked) == 1
    assert '--dry-run' in asked[0]


def test_hosts_whose_agents_are_not_there_yet_are_said_once_each_and_how_they_come(hosts: Hosts) -> None:
    hosts.code = 2
    hosts.err = f"/usr/bin/python3: can't open file '{PROGRAM}': [Errno 2] No such file or directory\n"
    silent = json.loads(call('status', '--json').stdout)['silent']
    assert silent['ops-1'] == 'ops-1: its agent of backups is not there yet; `anlan up` sets it up'
    assert all(each.endswith('is not there yet; `anlan up` sets it up') for each in silent.values())


def test_a_report_that_cannot_be_written_is_refused_before_anybody_is_asked(hosts: Hosts) -> None:
    said = call('report', '--output', '/proc/x.html')
    assert isinstance(said.exception, BadInput)
    assert str(said.exception).startswith('/proc: no file can be written there')
    assert hosts.asked == []


def test_a_host_without_an_agent_is_one_sentence(hosts: Hosts) -> None:
    hosts.code, hosts.err = 2, "python3: can't open file '/usr/local/lib/anlan/backup.pyz'\n"
    with pytest.raises(AnlanError, match='`anlan up` sets it up'):
        ask_agent(hosts, 'ops-1', ['list'], 5)  # type: ignore[arg-type]


def test_an_answer_that_names_a_failure_is_no_end() -> None:
    with pytest.raises(AgentFailed, match='ops-1: the place is full') as failed:
        ends_of(Answer('ops-1', 12, ({'failure': 'no-space', 'sentence': 'the place is full'},)))
    assert failed.value.exit_code == 12


def stolen(**changes: Any) -> str:
    fields: dict[str, Any] = {
        'objects': 9, 'copied_bytes': 4000, 'overwritten': 9, 'deleted': 9, 'tried': 77, 'refused': 77, 'checks': 4,
        'attacks': ('delete a version: 18 of 18 refused',), 'before': at(1), 'kept_bytes': 13_000, 'files': 3,
        'kept_until': at(86400 * 30), 'brought_bytes': 4000, 'reading_seconds': 1.0,
    }  # fmt: skip
    return line_of(StolenEnded('x', 'platform', 'ops-1', 'offsite', at(0), at(9), None, '', **fields | changes))


@pytest.mark.parametrize(
    ('changes', 'code', 'verdict', 'shown'),
    [
        ({}, 0, 'pass', '9 objects overwritten and deleted, 77 of 77 attacks refused'),
        ({'refused': 59, 'succeeded': ('delete a version (18 of 18)',)}, 1, 'fail', 'not refused: delete a version'),
        ({'problems': ('config is damaged',)}, 14, 'fail', 'config is damaged'),
        ({'unproven': ('the attack had no effect',)}, 1, 'not-verified', 'the attack had no effect'),
        ({'checks': 0}, 1, 'not-verified', 'not everything was tried'),
        ({'failure': 'unreachable', 'sentence': 'no answer'}, 13, 'not-verified', 'no answer'),
    ],
)
def test_a_drill_of_stolen_credentials_is_evidence_of_its_own_kind(
    hosts: Hosts, changes: dict[str, Any], code: int, verdict: str, shown: str
) -> None:
    line = json.loads(stolen(**{key: value for key, value in changes.items() if key not in {'failure', 'sentence'}}))
    line |= {key: value for key, value in changes.items() if key in {'failure', 'sentence'}}
    hosts.out, hosts.code = json.dumps(line), code
    said = call('drill', 'platform', '--stolen')
    assert said.exit_code == code
    assert shown in ' '.join(said.stdout.split())
    ((host, words),) = [each for each in hosts.asked if 'stolen' in each[1]]
    assert host == 'ops-1'
    assert words[-7:] == ['stolen', '--policy', 'platform', '--repository', 'platform', '--seconds', '900']
    records = [each for each in Ledger(PlatformPaths.of('lab').ledger).records() if each.kind == 'ransomware-drill']
    assert [each.document['verdict'] for each in records] == [verdict]
    assert {'22239-8.1.10.11-c', '22239-8.1.4.9-a'} <= set(records[0].document['clauses'])
    (drilled,) = records[0].document['observed']['stolen']
    assert (drilled['tried'], drilled['attacks']) == (77, ['delete a version: 18 of 18 refused'])


def test_a_drill_of_stolen_credentials_tells_how_long_its_bytes_stay(hosts: Hosts) -> None:
    hosts.out = stolen()
    shown = ' '.join(call('drill', 'platform', '--stolen').stdout.split())
    assert 'MB stay in the store, locked until' in shown


@pytest.mark.parametrize('words', [('database', '--stolen'), ('platform', '--stolen', '--accident')])
def test_a_drill_that_cannot_be_is_refused_before_anybody_is_asked(hosts: Hosts, words: tuple[str, ...]) -> None:
    assert isinstance(call('drill', *words).exception, BadInput)
    assert hosts.asked == []
