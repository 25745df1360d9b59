"""Every check judges every host, and gives the same verdict again from the record; hardening, verdicts, packs."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from anlan.deadline import wait_until
from tests.lab.audits import audited
from tests.lab.standing import PLATFORM_FILE, Standing

CHECKS = 300
"""The least number of checks on a whole platform."""

EXPECTED_FAILURES = {
    'malware.signatures_are_not_too_old',
    'malware.new_signatures_are_fetched_by_themselves',
    'central_log.the_room_is_enough_for_as_long_as_the_law_asks',
}
"""A lab has no mirror of signatures of malware and little room for events, and says so."""


def failing(document: dict[str, Any]) -> dict[str, str]:
    return {result['id']: result['reason'] for result in document['results'] if result['verdict'] == 'fail'}


def test_every_check_judges_every_host(whole: Standing) -> None:
    _, document = audited(whole)
    results = document['results']
    cases = {(result['check'], result['case']) for result in results}
    assert len(cases) >= CHECKS
    hosts = {host.name for host in whole.work.topology.hosts if host.tier != 'client'}
    assert {result['host'] for result in results} == hosts
    broken = {result['id']: result['reason'] for result in results if result['reason'].startswith('the check broke')}
    assert broken == {}
    unexpected = {
        name: reason for name, reason in failing(document).items() if name.partition('@')[0] not in EXPECTED_FAILURES
    }
    assert unexpected == {}
    slowest = max(document['seconds_by_host'].values())
    print(f'\n  {len(cases)} checks, {len(results)} results; the slowest host {slowest:.1f} s')


def test_a_replay_gives_the_same_verdicts(standing: Standing) -> None:
    done = standing.anlan('audit', 'replay', '--json')
    assert (done.returncode, json.loads(done.stdout)['differences']) == (0, [])


def test_a_host_that_is_gone_is_not_verified_and_not_missing(standing: Standing) -> None:
    standing.kill('app-2')
    try:
        code, document = audited(standing, '--host', 'app-2', '--host', 'app-1')
    finally:
        standing.start('app-2')
    of_host = [result for result in document['results'] if result['host'] == 'app-2']
    assert code == 1
    assert len(of_host) > 50
    # What the platform file alone decides is decided without the host; all that it was asked is not verified.
    assert {result['verdict'] for result in of_host if result['commands']} == {'not-verified'}
    assert 'pass' not in {result['verdict'] for result in of_host}
    assert any(result['verdict'] == 'pass' for result in document['results'])
    standing.wait_whole()


def test_hardening_again_changes_nothing(standing: Standing) -> None:
    done = standing.anlan('harden', '--apply', '--json')
    document = json.loads(done.stdout)
    assert document['changed'] == []
    assert {result['check'] for result in document['failing']} <= EXPECTED_FAILURES


def test_a_change_that_locks_us_out_is_undone_by_the_host(standing: Standing, tmp_path: Path) -> None:
    platform = yaml.safe_load(PLATFORM_FILE.read_text(encoding='utf-8'))
    # A cipher that a client of today does not offer: nobody comes in.
    platform['hardening'] = {'guard_seconds': 60, 'ssh': {'ciphers': ['3des-cbc']}}
    file = tmp_path / 'locked.yaml'
    file.write_text(yaml.safe_dump(platform), encoding='utf-8')
    done = standing.anlan('harden', '--apply', '--host', 'app-2', '--platform', str(file))
    assert done.returncode == 1
    assert 'app-2' in done.stderr

    def shut() -> str | None:
        try:
            said = standing.run('app-2', 'sudo', 'sshd', '-T')
        except Exception as error:
            return str(error)
        return None if '3des-cbc' not in said.out else 'the wrong cipher still holds'

    wait_until(shut, 'app-2 to take back what locked us out', 120, 2.0)
    done = standing.anlan('harden', '--apply', '--host', 'app-2', '--json')
    assert (
        json.loads(done.stdout)['failing'] == []
        or {result['check'] for result in json.loads(done.stdout)['failing']} <= EXPECTED_FAILURES
    )


def test_no_personal_data_stands_in_plain_text_on_any_host(whole: Standing) -> None:
    done = whole.anlan('canary', '--json')
    document = json.loads(done.stdout)
    assert (done.returncode, document['verdict']) == (0, 'pass'), document['reasons']


@pytest.mark.parametrize('language', ['zh', 'en'])
def test_each_clause_has_a_verdict(standing: Standing, language: str) -> None:
    done = standing.anlan('verdict', '--json', '--language', language)
    document = json.loads(done.stdout)
    assert len(document) > 300
    assert {each['verdict'] for each in document} >= {'pass', 'not-verified', 'inherited', 'not-applicable'}
    assert all(each['reasons'] for each in document if each['verdict'] != 'pass')


def test_the_pack_is_verified_without_us_and_a_changed_report_is_named(standing: Standing, tmp_path: Path) -> None:
    pack, changed = tmp_path / 'evidence.zip', tmp_path / 'changed.zip'
    done = standing.anlan('evidence', 'pack', '--no-paper', '--output', str(pack))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(pack) as whole:
        (tmp_path / 'verify.py').write_bytes(whole.read('verify.py'))
        with zipfile.ZipFile(changed, 'w') as other:
            for name in whole.namelist():
                content = whole.read(name)
                other.writestr(name, content.replace(b'</html>', b' </html>') if name == 'report.en.html' else content)

    def verified(file: Path) -> tuple[int, str]:
        words = [sys.executable, '-I', str(tmp_path / 'verify.py'), str(file)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    assert verified(pack)[0] == 0
    code, said = verified(changed)
    assert code == 1
    assert 'report.en.html' in said
