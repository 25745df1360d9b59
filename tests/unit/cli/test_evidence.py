"""`anlan evidence`, and that a command's run is in the ledger from its start on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import reach
from anlan.ledger import Draft, Ledger
from anlan.paths import PlatformPaths
from monitoring.reachability import Finding, Reachability
from tests.unit.cli.conftest import Anlan, stand_in
from tests.unit.samples import lab, platform_of

NOW = datetime(2026, 11, 25, 8, 0, 0, 1000, UTC)
OUTPUTS: dict[str, Any] = {'hosts': {'fw-1': {'tier': 'firewall', 'zone': 'dmz'}}, 'variables': {'topology': {}}}


@pytest.fixture
def ledger(anlan: Anlan, sample: Path) -> Ledger:
    """Give the ledger of `sample`, with two records."""
    made = Ledger(PlatformPaths.of(platform_of(lab()).name).ledger)
    sha256 = made.attach('{"通": 1}'.encode())
    made.append('sample', [Draft('reachability', 'zones', NOW, NOW, 'pass', ['a'], attachments={'found.json': sha256})])
    made.append('sample', [Draft('check', 'ssh of db-1', NOW, NOW, 'fail')])
    return made


@pytest.mark.parametrize('words', [['list'], ['show', '1'], ['verify'], ['pack', '-o', 'x.zip']])
def test_without_a_ledger_it_says_how_one_comes_about(anlan: Anlan, sample: Path, words: list[str]) -> None:
    ended = anlan('evidence', *words, '-p', sample)
    assert ended.code == 2
    assert 'has no evidence yet' in ended.said


def test_the_list_leaves_seals_out_and_says_what_became_of_each(anlan: Anlan, sample: Path, ledger: Ledger) -> None:
    ended = anlan('evidence', 'list', '-p', sample)
    assert ended.code == 0
    assert 'ssh of db-1' in ended.out and 'fail' in ended.out
    assert 'seal' not in ended.out
    chosen = json.loads(anlan('evidence', 'list', '-p', sample, '--kind', 'reachability', '--json').out)
    assert [each['subject'] for each in chosen] == ['zones']
    assert len(json.loads(anlan('evidence', 'list', '-p', sample, '--limit', '1', '--json').out)) == 1


def test_a_record_is_shown_whole_and_its_attachments_are_saved(
    anlan: Anlan, sample: Path, ledger: Ledger, tmp_path: Path
) -> None:
    assert 'reachability' in anlan('evidence', 'show', '2', '-p', sample).out
    ended = anlan('evidence', 'show', '2', '-p', sample, '--json', '--save', tmp_path / 'saved')
    assert json.loads(ended.out)['clauses'] == ['a']
    assert (tmp_path / 'saved' / 'found.json').read_bytes() == '{"通": 1}'.encode()
    assert anlan('evidence', 'show', '99', '-p', sample).code == 2


def test_a_record_of_many_clauses_takes_one_line_of_the_list(anlan: Anlan, sample: Path, ledger: Ledger) -> None:
    ledger.append('sample', [Draft('audit', 'every host', NOW, NOW, 'fail', [f'c{n}' for n in range(100, 200)])])
    out = anlan('evidence', 'list', '-p', sample, '--limit', '1').out
    assert 'c100 and 99 more' in out
    assert len(out.splitlines()) == 2


def test_attachments_that_cannot_be_saved_are_said_and_those_saved_are_their_owners_alone(
    anlan: Anlan, sample: Path, ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('x')
    ended = anlan('evidence', 'show', '2', '-p', sample, '--save', tmp_path / 'file')
    assert ended.code == 1
    assert 'nothing could be saved there (File exists)' in ended.said
    anlan('evidence', 'show', '2', '-p', sample, '--save', tmp_path / 'saved')
    assert (tmp_path / 'saved' / 'found.json').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('words', [['evidence', 'pack', '--no-paper'], ['verdict', '--format', 'csv']])
def test_what_is_no_file_is_not_replaced(anlan: Anlan, sample: Path, ledger: Ledger, words: list[str]) -> None:
    before = len(list(ledger.records()))
    ended = anlan(*words, '-p', sample, '--force', '-o', '/dev/null')
    assert ended.code == 2
    assert '/dev/null is no file that can be replaced' in ended.said
    assert Path('/dev/null').is_char_device()
    assert len(list(ledger.records())) == before


@pytest.mark.parametrize('words', [['evidence', 'pack', '--no-paper'], ['verdict', '--format', 'csv']])
def test_a_folder_that_takes_no_file_is_said_before_any_work(
    anlan: Anlan, sample: Path, ledger: Ledger, words: list[str]
) -> None:
    ended = anlan(*words, '-p', sample, '-o', '/proc/x.zip')
    assert ended.code == 2
    assert '/proc: no file can be written there' in ended.said
    assert 'Judging' not in ended.said


def test_a_kind_that_no_record_has_is_refused_with_those_that_there_are(
    anlan: Anlan, sample: Path, ledger: Ledger
) -> None:
    ended = anlan('evidence', 'list', '-p', sample, '--kind', 'zzz')
    assert ended.code == 2
    assert 'no record of the kind zzz is listed; kinds are beginning, check, reachability' in ended.said
    assert ended.out == ''


def test_a_pack_that_is_not_there_is_one_sentence_with_its_path(anlan: Anlan, sample: Path) -> None:
    ended = anlan('evidence', 'verify', '/nope.zip')
    assert ended.code == 2
    assert '/nope.zip: there is no such pack' in ended.said
    assert 'Errno' not in ended.said + ended.out


def test_what_has_no_seal_is_no_evidence(anlan: Anlan, sample: Path, ledger: Ledger, reached: list[Finding]) -> None:
    anlan('reach', '-p', sample)
    whole = ledger.file.read_bytes()
    assert _record_numbers(anlan, sample) == {8}
    ledger.file.write_bytes(b''.join(whole.splitlines(keepends=True)[:-1]))
    assert _record_numbers(anlan, sample) == {2}


def _record_numbers(anlan: Anlan, sample: Path) -> set[int]:
    found = json.loads(anlan('verdict', '-p', sample, '--json').out)
    return {record['number'] for each in found for record in each['records']}


def test_a_good_ledger_is_good_and_a_changed_one_names_the_place(anlan: Anlan, sample: Path, ledger: Ledger) -> None:
    found = json.loads(anlan('evidence', 'verify', '-p', sample, '--json').out)
    assert (found['good'], found['records'], found['sealed']) == (True, 5, 5)
    assert anlan('evidence', 'verify', '-p', sample, '--key', found['key']).code == 0
    assert anlan('evidence', 'verify', '-p', sample, '--key', '0' * 64).code == 1
    ledger.file.write_bytes(ledger.file.read_bytes().replace(b'"fail"', b'"pass"'))
    ended = anlan('evidence', 'verify', '-p', sample)
    assert (ended.code, 'record 5: it does not follow' in ended.out) == (1, True)
    assert anlan('evidence', 'pack', '-p', sample, '-o', sample.with_name('x.zip')).code == 1


def test_a_pack_is_written_once_and_verified_by_what_stands_in_it(
    anlan: Anlan, sample: Path, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / 'evidence.zip'
    pack = ('evidence', 'pack', '-p', sample, '--no-paper', '-o')
    assert anlan(*pack, file).code == 0
    assert anlan(*pack, file).code == 2
    assert anlan(*pack, file, '--force').code == 0
    assert anlan(*pack, tmp_path / 'absent' / 'x.zip').code == 2
    ended = anlan('evidence', 'verify', file)
    # The second pack holds the record of the first, and its own; each with a seal.
    assert (ended.code, '9 records' in ended.out) == (0, True)
    assert anlan('evidence', 'verify', file, '--key', '0' * 64).code == 1
    file.write_bytes(b'rubbish')
    assert anlan('evidence', 'verify', file).code == 2


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Give the findings of a platform that is tried without hosts, for a test to fill."""
    findings: list[Finding] = []

    stand_in(monkeypatch, reach, None, OUTPUTS)
    monkeypatch.setattr(reach, 'spare', lambda *given: [])
    monkeypatch.setattr(reach, 'attempts_of', lambda outputs: [])
    monkeypatch.setattr(reach, 'outside_addresses', lambda outputs: [])
    monkeypatch.setattr(reach, 'collect_reachability', lambda *given: ({}, {}, {}))
    monkeypatch.setattr(reach, 'judge', lambda *given: Reachability(7, 2, tuple(findings), (), {}))
    return findings


@pytest.mark.parametrize(
    ('kinds', 'verdict'),
    [
        ([], 'pass'), (['not observed'], 'not-verified'), (['passes'], 'fail'), (['passes', 'not observed'], 'fail'),
    ],
)  # fmt: skip
def test_what_was_reached_is_evidence_and_what_was_not_observed_never_passes(
    anlan: Anlan, sample: Path, reached: list[Finding], kinds: list[str], verdict: str
) -> None:
    reached += [Finding(kind, 'x', 'y') for kind in kinds]
    assert anlan('reach', '-p', sample, '--json').code == (1 if kinds else 0)
    records = json.loads(anlan('evidence', 'list', '-p', sample, '--json').out)
    assert [each['kind'] for each in records] == ['beginning', 'reachability begun', 'reachability']
    assert records[2]['verdict'] == verdict
    assert records[2]['observed'] == {'tried': 7, 'passed': 2, 'findings': len(kinds)}
    assert records[2]['configuration'] == records[1]['configuration'] != ''
    assert anlan('evidence', 'verify', '-p', sample).code == 0


def test_a_ledger_that_cannot_be_written_is_said_and_stops_nobody(
    anlan: Anlan, sample: Path, reached: list[Finding]
) -> None:
    folder = PlatformPaths.of(platform_of(lab()).name).ledger
    folder.parent.mkdir(parents=True)
    folder.write_text('in the way')
    ended = anlan('reach', '-p', sample, '--json')
    assert ended.code == 0
    assert 'this run is no evidence' in ended.said
