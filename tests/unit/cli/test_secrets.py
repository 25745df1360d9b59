"""`anlan secret`: what is listed, what is refused and why, and which hosts are brought what in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest

from anlan.cli import bring_up, secrets
from anlan.cli.rotating import WAYS, way_of
from anlan.cli.work import Work
from anlan.console import Step
from anlan.errors import AnlanError
from anlan.ledger import Ledger
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.secret_key import VARIABLE, key_file, read_recipients
from anlan.secret_rotation import Stage, stages, under_way
from anlan.secret_store import NAMES, ensure_secrets, read_all, read_secret, without_notes
from infra.authority import authority_key, ensure_certificates
from infra.topology import topology_of
from monitoring.status import Status
from tests.unit.cli.conftest import Anlan
from tests.unit.cloud.sample import clouded
from tests.unit.samples import lab, platform_of, stand

PLATFORM = platform_of(lab())


@pytest.fixture
def paths(anlan: Anlan, monkeypatch: pytest.MonkeyPatch) -> PlatformPaths:
    """Give the paths of `sample`, which stands with the release of the present source."""
    paths = stand(PLATFORM)
    ensure_secrets(paths.secrets)
    (paths.directory / 'release.json').write_text(json.dumps({'current': {'id': 'present'}, 'left': []}))
    monkeypatch.setattr(secrets, 'release_id', lambda: 'present')
    status = Status('sample', 'ok', '', '', [], [], [], {}, {}, [], [])
    monkeypatch.setattr(secrets, 'check_status', lambda platform: status)
    return paths


class Runs:
    """Runs of Ansible: which hosts each was limited to and what it handed out. `fails` after so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.limits: list[list[str]] = []
        self.handed: list[dict[str, str]] = []
        self.fails_after = 99
        monkeypatch.setattr(secrets, 'run_playbook', self.run)

    def run(self, work: Work, playbook: str, release: Mapping[str, str], shown: Step, limit: Sequence[str] = ()) -> Any:
        self.limits.append(list(limit))
        self.handed.append(ensure_secrets(work.paths.secrets))
        if len(self.limits) > self.fails_after:
            raise AnlanError('db-2 was not reached')
        return type('Run', (), {'changed': 1})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, paths: PlatformPaths) -> Runs:
    return Runs(monkeypatch)


def test_every_secret_says_how_it_is_rotated_or_why_not(paths: PlatformPaths) -> None:
    assert set(NAMES) == set(WAYS)
    for name in NAMES:
        way = way_of(PLATFORM, name)
        assert bool(way.refusal) != bool(way.tiers), name
    assert 'nobody has said' in way_of(PLATFORM, 'of_a_later_version').refusal


def test_a_list_shows_no_secret(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    known = without_notes(read_all(paths.secrets))
    for words in ([], ['--json']):
        ended = anlan('secret', 'list', '-p', sample, *words)
        assert ended.code == 0
        assert all(
            name in ended.out for name in ('valkey_password', 'journey_password', 'database_replication_password')
        )
        assert not [name for name, value in known.items() if value in ended.out + ended.err]
    rows = {row['name']: row for row in json.loads(anlan('secret', 'list', '-p', sample, '--json').out)}
    assert rows['valkey_password']['steps'] == 3 and rows['patroni_rest_password']['steps'] == 1
    assert 'index' in rows['personal_data_index_key']['refused']


def test_a_database_password_is_made_known_used_and_the_one_before_taken_away(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs
) -> None:
    before = read_secret(paths.secrets, 'database_application_password')
    ended = anlan('secret', 'rotate', 'database_application_password', '-p', sample, '--json')
    assert ended.code == 0, ended.said
    assert json.loads(ended.out)['rotated'] == ['database_application_password']
    assert runs.limits == [['app-1', 'app-2', 'db-1', 'db-2', 'db-3']] * 3
    name = 'database_application_password'
    assert [{each.get(f'{name}_login', 'first') for each in runs.handed[:1]}] == [{'first'}]
    assert [each[name] == before for each in runs.handed] == [True, False, False]
    assert [f'{name}_next' in each for each in runs.handed] == [True, False, False]
    assert [f'{name}_previous' in each for each in runs.handed] == [False, True, False]
    assert before not in read_all(paths.secrets).values()
    assert not under_way(paths.secrets, NAMES)


def test_all_rotates_what_can_be_and_says_of_the_rest_why_not(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs
) -> None:
    before = without_notes(read_all(paths.secrets))
    ended = anlan('secret', 'rotate', '--all', '-p', sample, '--json')
    assert ended.code == 0, ended.said
    document = json.loads(ended.out)
    assert set(document['left_out']) == {
        'journey_password', 'personal_data_key', 'personal_data_index_key', 'backup_local_password',
        'backup_offsite_password', 'database_backup_cipher_password', 'database_offsite_cipher_password',
        'object_store_writer_key_id', 'object_store_restorer_key_id',
    }  # fmt: skip
    after = read_all(paths.secrets)
    assert {name for name in NAMES if after[name] == before[name]} == set(document['left_out'])
    assert not under_way(paths.secrets, NAMES)
    overlapping = {name for name, stage in stages(paths.secrets, NAMES).items() if stage is Stage.OVERLAPPING}
    assert overlapping == {'django_secret_key', 'media_signing_key'}
    again = json.loads(anlan('secret', 'rotate', '--all', '-p', sample, '--json').out)
    assert overlapping <= set(again['left_out'])
    named = anlan('secret', 'rotate', 'django_secret_key', '-p', sample)
    assert named.code == 2 and 'is accepted until' in named.said


@pytest.mark.parametrize('after', [0, 1, 2])
def test_a_rotation_that_is_cut_off_is_taken_up_by_the_same_command(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs, after: int
) -> None:
    before = read_secret(paths.secrets, 'valkey_password')
    runs.fails_after = after
    ended = anlan('secret', 'rotate', 'valkey_password', '-p', sample)
    assert ended.code == 1 and 'db-2 was not reached' in ended.said
    (stage,) = under_way(paths.secrets, NAMES).values()
    assert stage is (Stage.ANNOUNCED, Stage.USED, Stage.RETIRING)[after]
    runs.fails_after = 99
    paths.unfinished.touch()
    ended = anlan('secret', 'rotate', 'valkey_password', '-p', sample, '--json')
    assert json.loads(ended.out)['taken_up'] == ['valkey_password']
    # What the cut-off run left unloaded may be on any host.
    assert runs.limits[after + 1] == []
    assert not under_way(paths.secrets, NAMES)
    assert before not in read_all(paths.secrets).values()


def test_revoked_log_ins_end_with_the_rotation(anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs) -> None:
    leaked = read_secret(paths.secrets, 'django_secret_key')
    assert anlan('secret', 'rotate', 'django_secret_key', '--revoke', '-p', sample).code == 0
    assert len(runs.limits) == 3
    assert leaked not in {*read_all(paths.secrets).values(), *runs.handed[-1].values()}


def test_a_dry_run_names_hosts_and_changes_nothing(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs
) -> None:
    before = paths.secrets.read_bytes()
    ended = anlan('secret', 'rotate', 'valkey_password', '--dry-run', '-p', sample)
    assert ended.code == 0
    assert 'would be made anew' in ended.out and 'on app-1, app-2, db-1' in ended.out
    assert paths.secrets.read_bytes() == before and runs.limits == []


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['valkey_pasword'], 'valkey_pasword: there is no such secret'),
        (['journey_password'], 'journey_password is not rotated here: learners that the checks made'),
        (['personal_data_index_key'], 'until the application has built its index anew'),
        (['valkey_password', '--all'], 'give names or --all, not both'),
    ],
)
def test_what_is_not_rotated_is_refused_with_the_reason_and_nothing_changes(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs, words: list[str], said: str
) -> None:
    before = paths.secrets.read_bytes()
    ended = anlan('secret', 'rotate', *words, '-p', sample)
    assert ended.code == 2 and said in ended.said
    assert paths.secrets.read_bytes() == before and runs.limits == []


def test_hosts_with_another_release_get_no_new_key_of_sessions(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, 'release_id', lambda: 'newer')
    ended = anlan('secret', 'rotate', 'django_secret_key', '-p', sample)
    assert ended.code == 2 and '`anlan up` first' in ended.said


def test_after_an_up_that_did_not_end_nothing_new_is_begun(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs
) -> None:
    paths.unfinished.touch()
    ended = anlan('secret', 'rotate', 'valkey_password', '-p', sample)
    assert ended.code == 2 and 'the last `anlan up` did not end' in ended.said


def test_without_a_platform_that_stands_or_while_up_runs_nothing_is_rotated(
    anlan: Anlan, sample: Path, paths: PlatformPaths, runs: Runs
) -> None:
    with hold(paths.lock, 'anlan up'):
        assert anlan('secret', 'rotate', 'valkey_password', '-p', sample).code == 3
    paths.outputs.unlink()
    ended = anlan('secret', 'rotate', 'valkey_password', '-p', sample)
    assert ended.code == 2 and 'does not stand' in ended.said


def test_a_key_that_a_cloud_has_too_is_left_to_the_command_for_that() -> None:
    assert 'cdn rotate-key' in way_of(platform_of(clouded()), 'media_signing_key').refusal
    assert way_of(PLATFORM, 'media_signing_key').overlap_seconds > 0


# --- the key


def test_the_key_is_exported_once_for_its_owner_alone_and_opens_a_copy(
    anlan: Anlan, sample: Path, paths: PlatformPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, output = read_all(paths.secrets), tmp_path / 'key'
    ended = anlan('secret', 'export-key', '-p', sample, '-o', output)
    assert ended.code == 0 and 'AGE-SECRET-KEY' not in ended.out + ended.err
    assert output.stat().st_mode & 0o777 == 0o600
    assert anlan('secret', 'export-key', '-p', sample, '-o', output).code == 2
    key_file(paths.directory, read_recipients(paths.directory)[0]).unlink()
    assert anlan('secret', 'list', '-p', sample).code == 2
    monkeypatch.setenv(VARIABLE, str(output))
    assert read_all(paths.secrets) == known


def test_others_can_open_all_of_it_or_no_longer_and_the_own_key_stays(
    anlan: Anlan, sample: Path, paths: PlatformPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_certificates(topology_of(PLATFORM), paths.certificates, 90, 30)
    Ledger(paths.ledger).append('sample', [])
    own = read_recipients(paths.directory)[0]
    colleague = pyrage.x25519.Identity.generate()
    added = anlan('secret', 'share', '--add', str(colleague.to_public()), '-p', sample, '--json')
    assert json.loads(added.out) == [own, str(colleague.to_public())]
    files = (paths.secrets, authority_key(paths.certificates).file, paths.ledger / 'key.pem.age')
    assert all(pyrage.decrypt(file.read_bytes(), [colleague]) for file in files)
    assert anlan('secret', 'share', '--remove', own, '-p', sample).code == 2
    assert anlan('secret', 'share', '--add', 'age1nonsense', '-p', sample).code == 2
    assert anlan('secret', 'share', '--remove', str(colleague.to_public()), '-p', sample).code == 0
    for file in files:
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(file.read_bytes(), [colleague])


def test_the_keys_of_the_authority_and_the_ledger_are_taken_over_from_plain_ones(paths: PlatformPaths) -> None:
    topology = topology_of(PLATFORM)
    ensure_certificates(topology, paths.certificates, 90, 30)
    Ledger(paths.ledger).append('sample', [])
    kept = {}
    for file in (authority_key(paths.certificates).file, paths.ledger / 'key.pem.age'):
        plain = file.with_suffix('')
        plain.write_bytes(pyrage.decrypt(file.read_bytes(), list(secrets.read_key(paths.directory).identities)))
        kept[plain] = plain.read_bytes()
        file.unlink()
    assert ensure_certificates(topology, paths.certificates, 90, 30) == []
    Ledger(paths.ledger).append('sample', [])
    assert Ledger(paths.ledger).verify().good
    for plain, content in kept.items():
        assert not plain.exists()
        assert not [file for file in paths.directory.rglob('*') if file.is_file() and content in file.read_bytes()]


@pytest.mark.parametrize('evidence', [False, True], ids=['without evidence', 'with evidence'])
def test_down_takes_its_own_key_along_unless_the_evidence_still_needs_it(
    anlan: Anlan, sample: Path, paths: PlatformPaths, evidence: bool
) -> None:
    work = Work(PLATFORM, topology_of(PLATFORM), paths)
    key = key_file(paths.directory, read_recipients(paths.directory)[0])
    other = key.with_name('sample-another0checkout.key')
    other.touch()
    if evidence:
        Ledger(paths.ledger).append('sample', [])
    bring_up.forget(work)
    assert not paths.secrets.exists()
    assert key.exists() == evidence and other.exists()
    if evidence:
        Ledger(paths.ledger).append('sample', [])
        assert Ledger(paths.ledger).verify().good
    # The platform comes up again with secrets of its own.
    assert set(ensure_secrets(paths.secrets)) == set(NAMES)


def test_down_overwrites_plain_secrets_of_an_earlier_version(paths: PlatformPaths, tmp_path: Path) -> None:
    plain, link = paths.secrets.with_suffix(''), tmp_path / 'link'
    paths.secrets.unlink()
    plain.write_text('{"valkey_password": "x"}')
    link.hardlink_to(plain)
    bring_up.forget(Work(PLATFORM, topology_of(PLATFORM), paths))
    assert not plain.exists() and set(link.read_bytes()) == {0}
