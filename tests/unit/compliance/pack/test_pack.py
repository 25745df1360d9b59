"""The pack an auditor gets, and `anlan verdict`: what is in it, and that a change of any of it is named."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer.main
import yaml

from anlan.cli import assessing, verdict
from anlan.cli.app import app
from anlan.cli.assessing import configuration_of
from anlan.files import write_json
from anlan.ledger import Draft, Ledger
from anlan.ledger.pack import VERIFIER
from anlan.paths import PlatformPaths
from compliance.catalogue import load_catalogue
from tests.unit.cli.conftest import Anlan, anlan, platform_file
from tests.unit.cli.conftest import sample as platform_sample
from tests.unit.compliance.samples import MET, catalogue
from tests.unit.samples import lab, platform_of

__all__ = ['anlan', 'platform_file', 'platform_sample']

NOW = datetime.now(UTC)
HOSTS = {'db-1': {'tier': 'data', 'zone': 'data'}, 'client-1': {'tier': 'client', 'zone': 'uplink-a'}}
OUTPUTS = {'hosts': HOSTS, 'variables': {'platform': {'name': 'sample'}}}


@pytest.fixture
def ledger(anlan: Anlan, platform_sample: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Give the ledger of a platform that stands and was tried."""
    monkeypatch.setattr(assessing, 'load_catalogue', catalogue)
    if 'verdict' not in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        verdict.register(app)
    paths = PlatformPaths.of(platform_of(lab()).name)
    paths.make()
    write_json(paths.outputs, OUTPUTS)
    made = Ledger(paths.ledger)
    tried(made, 'pass')
    return made


def tried(ledger: Ledger, verdict: str, configuration: str = '') -> None:
    hour = timedelta(hours=1)
    configuration = configuration or configuration_of(OUTPUTS)
    ledger.append('sample', [
        Draft('reachability', 'zones', NOW - hour, NOW - hour, verdict, configuration=configuration),  # type: ignore[arg-type]
    ])  # fmt: skip


def waive(platform: Path, clause: str, days: int) -> None:
    expires = (NOW + timedelta(days=days)).date()
    waiver = {'clause': clause, 'reason': 'replaced in March', 'owner': 'Li Wei', 'expires': expires}
    platform.with_name('platform.waivers.yaml').write_text(yaml.safe_dump({'waivers': [waiver]}))


def verified(file: Path) -> tuple[int, str]:
    words = [sys.executable, '-I', str(VERIFIER), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def pack(anlan: Anlan, platform_sample: Path, ledger: Ledger, tmp_path: Path) -> Path:
    file = tmp_path / 'evidence.zip'
    waive(platform_sample, MET, 30)
    ended = anlan('evidence', 'pack', '-p', platform_sample, '-o', file, '--no-paper')
    assert ended.code == 0, ended.err
    return file


def test_a_pack_has_all_that_an_auditor_needs(pack: Path) -> None:
    with zipfile.ZipFile(pack) as file:
        names = set(file.namelist())
        verdicts = json.loads(file.read('verdicts.json'))
        clauses = sum(
            len(yaml.safe_load(file.read(name))['clauses']) for name in names if name.startswith('catalogue/')
        )
        page = file.read('report.zh.html').decode()
        table = list(csv.reader(io.StringIO(file.read('results.csv').decode('utf-8-sig'))))
    assert {
        'README.txt', 'records.jsonl', 'key.pub', 'verify.py', 'verdicts.json', 'waivers.yaml', 'report.zh.html',
        'report.en.html', 'oscal.json', 'junit.xml', 'results.csv',
    } <= names  # fmt: skip
    assert clauses == len(verdicts['verdicts']) == len(load_catalogue().clauses())
    assert '测评' in verdicts['score']['note']['zh']
    assert verdicts['ledger']['key'] in page
    assert len(table) > clauses
    assert verified(pack)[0] == 0


def test_one_byte_of_any_file_that_was_changed_is_named(pack: Path) -> None:
    with zipfile.ZipFile(pack) as old:
        whole = {each: old.read(each) for each in old.namelist()}
    names = [name for name in whole if not name.startswith(('attachments/', 'records.jsonl', 'key.pub'))]
    assert len(names) > 20
    for name in names:
        middle = len(whole[name]) // 2
        changed = whole[name][:middle] + bytes([whole[name][middle] ^ 1]) + whole[name][middle + 1 :]
        with zipfile.ZipFile(pack, 'w') as new:
            for each, content in (whole | {name: changed}).items():
                new.writestr(each, content)
        assert verified(pack) == (1, f'WRONG: {name}: it was changed\n')


def test_with_paper_it_has_both_pdfs(
    anlan: Anlan, platform_sample: Path, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('compliance.pack.papers_of', lambda pages: dict.fromkeys(pages, b'%PDF-'))
    file = tmp_path / 'evidence.zip'
    assert anlan('evidence', 'pack', '-p', platform_sample, '-o', file).code == 0
    with zipfile.ZipFile(file) as made:
        assert {'report.zh.pdf', 'report.en.pdf'} <= set(made.namelist())
    assert verified(file)[0] == 0


def test_a_platform_that_was_never_tried_has_no_verdicts(anlan: Anlan, platform_sample: Path, ledger: Ledger) -> None:
    ledger.file.unlink()
    ended = anlan('verdict', '-p', platform_sample)
    assert (ended.code, 'no evidence yet' in ended.said) == (2, True)


def test_nothing_is_judged_by_a_ledger_that_was_changed(anlan: Anlan, platform_sample: Path, ledger: Ledger) -> None:
    ledger.file.write_bytes(ledger.file.read_bytes().replace(b'"pass"', b'"fail"'))
    ended = anlan('verdict', '-p', platform_sample)
    assert (ended.code, 'not in order' in ended.said) == (1, True)


def test_every_clause_is_listed_with_its_verdict_on_lines_that_fit(
    anlan: Anlan, platform_sample: Path, ledger: Ledger
) -> None:
    for language in ('zh', 'en'):
        ended = anlan('verdict', '-p', platform_sample, '--language', language)
        assert ended.code == 0
        assert all(f' {each.id} ' in ended.out for each in load_catalogue().clauses())
        assert '测评' in ended.out
    chosen = json.loads(anlan('verdict', '-p', platform_sample, '--json').out)
    assert len({each['id'] for each in chosen}) == len(load_catalogue().clauses())
    assert {each['verdict'] for each in chosen if each['id'] == MET} == {'pass'}
    assert all(each['reasons'] for each in chosen if each['verdict'] != 'pass')


def test_a_chapter_a_verdict_and_a_clause_can_be_chosen(anlan: Anlan, platform_sample: Path, ledger: Ledger) -> None:
    def ids(*words: str) -> set[str]:
        return {each['id'] for each in json.loads(anlan('verdict', '-p', platform_sample, '--json', *words).out)}

    assert {name.rpartition('.')[0] for name in ids('--chapter', '22239-8.1.2')} <= {'22239-8.1.2'}
    assert MET in ids('--verdict', 'pass')
    assert MET not in ids('--verdict', 'fail', '--verdict', 'not-verified')
    assert ids('--clause', MET) == {MET}
    shown = anlan('verdict', '-p', platform_sample, '--clause', MET).out
    assert 'reachability' in shown and list(ledger.records())[1].sha256 in shown


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--verdict', 'good'], 'there is no verdict good'), (['--clause', 'x-9'], 'there is no clause'),
        (['--chapter', 'x-9'], 'there is no clause whose id begins'), (['--format', 'csv'], 'needs --output'),
        (['-o', 'x.txt'], '--format'), (['-o', 'absent/x.csv'], 'no such folder'),
    ],
)  # fmt: skip
def test_bad_words_are_one_clear_sentence(
    anlan: Anlan, platform_sample: Path, ledger: Ledger, words: list[str], said: str
) -> None:
    ended = anlan('verdict', '-p', platform_sample, *words)
    assert (ended.code, said in ended.said) == (2, True), ended.said


def test_a_failure_is_an_exit_code_until_somebody_answers_for_it_and_again_when_that_is_over(
    anlan: Anlan, platform_sample: Path, ledger: Ledger
) -> None:
    tried(ledger, 'fail')
    one = ('verdict', '-p', platform_sample, '--clause', MET)
    failed = anlan(*one)
    assert (failed.code, '✗ fail' in failed.out) == (1, True)
    assert anlan('verdict', '-p', platform_sample).code == 1
    waive(platform_sample, MET, 30)
    waived = anlan(*one)
    assert (waived.code, 'fail [waived]' in waived.out, 'Li Wei' in waived.out) == (0, True, True)
    waive(platform_sample, MET, -1)
    assert anlan(*one).code == 1
    over = anlan('verdict', '-p', platform_sample)
    assert (over.code, 'the waiver is over' in over.said, 'Li Wei' in over.said) == (1, True, True)
    waive(platform_sample, 'x-9', 30)
    wrong = anlan(*one)
    assert (wrong.code, 'waivers.0.clause: there is no clause x-9' in wrong.said) == (2, True)


def test_another_configuration_makes_it_stale_and_so_does_a_platform_that_does_not_stand(
    anlan: Anlan, platform_sample: Path, ledger: Ledger
) -> None:
    def now() -> tuple[str, str]:
        (found,) = json.loads(anlan('verdict', '-p', platform_sample, '--clause', MET, '--json').out)
        return found['verdict'], ' '.join(said['en'] for said in found['reasons'])

    paths = PlatformPaths.of('sample')
    write_json(paths.outputs, {**OUTPUTS, 'variables': {'platform': {'name': 'sample', 'more': 1}}})
    assert (now()[0], 'configuration was changed' in now()[1]) == ('stale', True)
    paths.outputs.unlink()
    assert (now()[0], 'does not stand' in now()[1]) == ('stale', True)


@pytest.mark.parametrize(
    ('name', 'begins'),
    [('x.csv', b'\xef\xbb\xbf'), ('x.xml', b'<?xml'), ('x.json', b'{'), ('x.html', b'<!doctype html>')],
)
def test_a_form_is_known_by_the_files_name_and_no_file_is_replaced_unasked(
    anlan: Anlan, platform_sample: Path, ledger: Ledger, tmp_path: Path, name: str, begins: bytes
) -> None:
    file = tmp_path / name
    assert anlan('verdict', '-p', platform_sample, '-o', file).code == 0
    assert file.read_bytes().startswith(begins)
    assert anlan('verdict', '-p', platform_sample, '-o', file).code == 2
    assert anlan('verdict', '-p', platform_sample, '-o', file, '--force').code == 0
