"""`anlan audit` and `anlan harden`: what may run beside what, what counts as evidence, what reaches a terminal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import auditing, harden
from anlan.errors import AnlanError
from anlan.ledger import Ledger, Record
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.secret_store import ensure_secrets
from compliance import judging
from compliance.answer import Answer
from compliance.audit import Audit, Selection, audit
from compliance.violation import Violation
from tests.unit.cli.conftest import Anlan, stand_in
from tests.unit.compliance.auditing.sample import CHECKS, OUTPUTS
from tests.unit.compliance.auditing.sample import Platform as Hosts
from tests.unit.samples import lab, platform_of, stand


class Collector:
    """Asks the hosts of the sample; a planted fault makes them rude."""

    def __init__(self, hosts: Hosts) -> None:
        self.fetch, self.hosts = hosts.fetch, hosts

    def with_violation(self, host: str, violation: Violation, commands: tuple[str, ...]) -> dict[str, Answer]:
        found: dict[str, Answer] = Hosts(greet='grr', name='nobody').fetch({host: commands})[host]
        return found


@pytest.fixture
def paths(anlan: Anlan, monkeypatch: pytest.MonkeyPatch) -> PlatformPaths:
    """Give the paths of `sample`, whose hosts are those of the sample of audits."""
    paths = stand(platform_of(lab()))
    ensure_secrets(paths.secrets)
    collector = Collector(Hosts())
    stand_in(monkeypatch, auditing, None, OUTPUTS)
    monkeypatch.setattr(auditing, 'Collector', lambda *arguments: collector)
    monkeypatch.setattr(judging.judge, '__kwdefaults__', {**judging.judge.__kwdefaults__, 'folder': CHECKS})
    return paths


def records(kind: str) -> list[Record]:
    return [each for each in Ledger(PlatformPaths.of('sample').ledger).records() if each.kind == kind]


def mutated(anlan: Anlan, sample: Path, *words: str) -> tuple[int, list[Any]]:
    ended = anlan('audit', 'mutate', '--yes', '-p', sample, *words)
    return ended.code, [record.document['verdict'] for record in records('mutation')]


def test_a_choice_of_no_check_is_no_proof_that_all_see_their_faults(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    ended = anlan('audit', 'mutate', '--yes', '-p', sample, '--check', 'nothing_of_that_name')
    assert (ended.code, 'no check is chosen' in ended.said) == (2, True)
    assert records('mutation') == []


def test_a_part_that_sees_its_faults_does_not_speak_for_all(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    assert mutated(anlan, sample, '--check', 'greeting.it_greets') == (0, [None])
    # Of all, one names no fault.
    assert mutated(anlan, sample) == (1, [None, 'fail'])


def test_faults_are_not_planted_while_another_holds_the_platform_or_looks_at_its_hosts(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    with hold(paths.lock, 'anlan up'):
        ended = anlan('audit', 'mutate', '--yes', '-p', sample)
        assert (ended.code, 'held by `anlan up`' in ended.said) == (3, True)
    with hold(paths.faults_lock, 'anlan audit run', shared=True):
        ended = anlan('audit', 'mutate', '--yes', '-p', sample)
        assert (ended.code, 'held by `anlan audit run`' in ended.said) == (3, True)


def test_an_audit_runs_beside_another_and_never_beside_planted_faults(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    with hold(paths.faults_lock, 'anlan audit run', shared=True):
        assert anlan('audit', 'run', '-p', sample).code == 0
    with hold(paths.faults_lock, 'anlan audit mutate'):
        ended = anlan('audit', 'run', '-p', sample)
    assert (ended.code, 'held by `anlan audit mutate`' in ended.said) == (3, True)
    assert len(records('audit')) == 1


def test_what_a_host_says_does_not_steer_a_terminal(
    anlan: Anlan, sample: Path, paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Hosts(greet='\x1b]0;owned\x07\x9b31m\u202egrr')
    monkeypatch.setattr(auditing, 'Collector', lambda *arguments: Collector(hosts))
    for words in (['run'], ['run', '--json'], ['replay'], ['replay', '--json'], ['mutate', '--yes']):
        ended = anlan('audit', *words, '-p', sample)
        assert 'grr' in ended.out or words[0] == 'mutate'
        assert not {'\x1b', '\x07', '\x9b', '\u202e'} & set(ended.out + ended.err), words


@pytest.mark.parametrize('name', ['²', '99', 'none.gz'])
def test_a_record_that_is_not_there_is_bad_input(anlan: Anlan, sample: Path, paths: PlatformPaths, name: str) -> None:
    ended = anlan('audit', 'replay', name, '-p', sample)
    assert (ended.code, 'Traceback' in ended.err) == (2, False)


@pytest.mark.parametrize(
    'more',
    [{'hosts': {'nobody': {'answers': []}}}, {'outputs': 5}, {'outputs': {}}, {'hosts': {'db-1': {'answers': [5]}}}],
    ids=str,
)  # fmt: skip
def test_a_file_that_is_no_observation_is_bad_input(
    anlan: Anlan, sample: Path, paths: PlatformPaths, tmp_path: Path, more: Mapping[str, Any]
) -> None:
    document = {'format': 1, 'platform': 'sample', 'started': '', 'ended': '', 'outputs': OUTPUTS, 'hosts': {}, **more}
    (tmp_path / 'answers.gz').write_bytes(gzip.compress(json.dumps(document).encode()))
    ended = anlan('audit', 'replay', tmp_path / 'answers.gz', '-p', sample)
    assert (ended.code, 'Traceback' in ended.err, 'is no record of an audit' in ended.said) == (2, False, True)


def audited(paths: PlatformPaths, *checks: str, **hosts: Any) -> Audit:
    return audit(OUTPUTS, Hosts(**hosts).fetch, Selection(checks=checks), {})


def test_a_hardening_after_which_nothing_was_seen_is_no_pass(paths: PlatformPaths) -> None:
    silent = audited(paths, 'greeting.it_greets', silent=['db-1'])
    assert harden.hardening_verdict(silent, undo=False, part=False) == 'not-verified'
    assert harden.silent_hosts(silent) == ('db-1',)
    well = audited(paths, 'greeting.it_greets')
    assert harden.hardening_verdict(well, undo=False, part=False) == 'pass'
    assert harden.hardening_verdict(well, undo=False, part=True) is None
    assert harden.hardening_verdict(well, undo=True, part=False) == 'not-verified'
    rude = audited(paths, 'greeting.it_greets', greet='grr')
    assert harden.hardening_verdict(rude, undo=False, part=True) == 'fail'


def test_a_hardening_that_breaks_leaves_no_older_pass_in_force(
    anlan: Anlan, sample: Path, paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise AnlanError('db-1: unreachable')

    monkeypatch.setattr(harden, 'audit_platform', lambda platform, selection, declared: audited(paths))
    monkeypatch.setattr(harden, 'declared_outputs', lambda work: OUTPUTS)
    monkeypatch.setattr(harden, 'run_playbook', broken)
    assert anlan('harden', '--apply', '-p', sample).code == 1
    assert [record.document['verdict'] for record in records('hardening')] == ['not-verified']


def test_an_audit_that_no_seal_covers_is_neither_replayed_nor_asked_again(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    assert anlan('audit', 'run', '-p', sample).code == 0
    ledger = Ledger(paths.ledger)
    (own,) = records('audit')
    last = list(ledger.records())[-1]
    # Somebody without the key writes an audit of their own behind the last seal.
    forged = {**own.document, 'number': last.number + 1, 'previous': last.sha256, 'subject': 'every host'}
    with ledger.file.open('ab') as stream:
        stream.write(Record.of(forged).line + b'\n')
    assert len(records('audit')) == 2
    newest = auditing.newest_audit(ledger, whole=False)
    assert newest is not None
    assert newest.number == own.number
    assert anlan('audit', 'replay', str(last.number + 1), '-p', sample).code == 2


def test_a_ledger_that_was_changed_is_not_replayed(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    assert anlan('audit', 'run', '-p', sample).code == 0
    file = Ledger(paths.ledger).file
    file.write_bytes(file.read_bytes().replace(b'"every host"', b'"every h0st"', 1))
    ended = anlan('audit', 'replay', '-p', sample)
    assert (ended.code, 'the ledger is not in order' in ended.said) == (1, True)
