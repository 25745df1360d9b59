"""The programs of the role `object_store`: what they allow, when they change something, and what they say is wrong."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from anlan.paths import ROOT

ROLE = ROOT / 'playbooks' / 'roles' / 'object_store'
OURS = ('object_store_cluster', 'object_store_users', 'object_store_buckets')


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, as it is on the host."""
    monkeypatch.syspath_prepend(str(ROLE / 'files'))
    loader = SourceFileLoader('object_store_program', str(ROLE / 'files' / 'object-store'))
    spec = importlib.util.spec_from_loader('object_store_program', loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    yield module
    for name in OURS:
        sys.modules.pop(name, None)


def imported(name: str) -> Any:
    return importlib.import_module(name)


def settling(program: ModuleType, dry_run: bool = False, **wanted: Any) -> Any:
    return program.Settling({'deadline_seconds': 0.1, **wanted}, dry_run)


def statements(program: ModuleType, user: str, effect: str) -> set[str]:
    policy = imported('object_store_buckets').policy('restic')
    return {
        action.removeprefix('s3:')
        for one in policy['Statement']
        if one['Effect'] == effect and f'arn:aws:iam:::user/{user}' in one['Principal']['AWS']
        for action in one['Action']
    }


def test_the_writer_may_hide_but_not_destroy(program: ModuleType) -> None:
    allowed, denied = statements(program, 'writer', 'Allow'), statements(program, 'writer', 'Deny')
    assert {'ListBucket', 'GetObject', 'PutObject', 'DeleteObject'} <= allowed
    assert {'DeleteObjectVersion', 'PutObjectRetention', 'PutObjectLegalHold', 'BypassGovernanceRetention'} <= denied
    assert {'PutBucketPolicy', 'PutLifecycleConfiguration', 'PutBucketVersioning', 'DeleteBucket'} <= denied
    assert not allowed & denied


def test_the_restorer_reads_alone(program: ModuleType) -> None:
    allowed = statements(program, 'restorer', 'Allow')
    assert all(action.startswith(('Get', 'List')) for action in allowed)
    assert {'ListBucketVersions', 'GetObjectVersion'} <= allowed
    assert {'PutObject', 'DeleteObject'} <= statements(program, 'restorer', 'Deny')


def test_nobody_but_writer_restorer_and_owner_stands_in_a_policy(program: ModuleType) -> None:
    policy = imported('object_store_buckets').policy('restic')
    users = {user for one in policy['Statement'] for user in one['Principal']['AWS']}
    assert users == {f'arn:aws:iam:::user/{name}' for name in ('writer', 'restorer', 'owner')}


def test_the_owner_can_read_what_others_wrote_to_bring_it_back_and_changes_no_lock(program: ModuleType) -> None:
    assert {'GetObjectVersion', 'PutObject', 'DeleteObjectVersion'} <= statements(program, 'owner', 'Allow')
    assert not [
        action for action in statements(program, 'owner', 'Allow') if 'Retention' in action or 'Bypass' in action
    ]


def test_old_versions_stay_longer_than_their_lock(program: ModuleType) -> None:
    (rule,) = imported('object_store_buckets').lifecycle(30, 3)
    assert rule['NoncurrentVersionExpiration']['NoncurrentDays'] == 33
    assert 'Days' not in rule['Expiration']


class Store:
    """A store that answers with what it was given, and remembers what was changed."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> Any:
            if name.startswith('put_'):
                self.told.append(name)
            return self.answers.get(name, {})

        return call


def settled(buckets: Any, days: int = 30) -> dict[str, Any]:
    retention = {'DefaultRetention': {'Mode': 'COMPLIANCE', 'Days': days}}
    return {
        'get_bucket_versioning': {'Status': 'Enabled'},
        'get_object_lock_configuration': {
            'ObjectLockConfiguration': {'ObjectLockEnabled': 'Enabled', 'Rule': retention}
        },
        'get_public_access_block': {'PublicAccessBlockConfiguration': buckets.NO_PUBLIC},
        'get_bucket_policy': {'Policy': json.dumps(buckets.policy('restic'))},
        'get_bucket_lifecycle_configuration': {'Rules': buckets.lifecycle(30, 3)},
    }


def test_a_bucket_that_is_as_wanted_is_left_alone(program: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    buckets = imported('object_store_buckets')
    store = Store(settled(buckets))
    buckets.settle_bucket(settling(program), store, 'restic', {'lock_days': 30}, 3)
    assert store.told == []
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('call', 'answer', 'expected'),
    [
        ('get_bucket_versioning', {'Status': 'Suspended'}, 'put_bucket_versioning'),
        ('get_object_lock_configuration', {}, 'put_object_lock_configuration'),
        ('get_public_access_block', {}, 'put_public_access_block'),
        ('get_bucket_policy', {'Policy': '{}'}, 'put_bucket_policy'),
        ('get_bucket_lifecycle_configuration', {'Rules': []}, 'put_bucket_lifecycle_configuration'),
    ],
)
@pytest.mark.parametrize('dry_run', [False, True])
def test_what_differs_is_changed_alone_and_only_said_in_a_dry_run(
    program: ModuleType, capsys: pytest.CaptureFixture[str], call: str, answer: Any, expected: str, dry_run: bool
) -> None:
    buckets = imported('object_store_buckets')
    store = Store(settled(buckets) | {call: answer})
    buckets.settle_bucket(settling(program, dry_run), store, 'restic', {'lock_days': 30}, 3)
    assert store.told == ([] if dry_run else [expected])
    assert capsys.readouterr().out.count('changed: ') == 1


def user(name: str, *keys: tuple[str, str], **more: Any) -> dict[str, Any]:
    data = {
        'keys': [{'access_key': access, 'secret_key': secret} for access, secret in keys], 'max_buckets': -1,
        'caps': [], 'subusers': [], 'swift_keys': [], 'suspended': 0, 'system': False,
    }  # fmt: skip
    return {'key': f'user:{name}', 'data': data | more}


def planted_user(monkeypatch: pytest.MonkeyPatch, present: dict[str, Any]) -> list[tuple[list[str], str | None]]:
    """Plant a store with this user; return the commands that are run, with what they read."""
    ran: list[tuple[list[str], str | None]] = []
    held = {'user': present}

    def run(argv: list[str], stdin: str | None = None, **_: Any) -> str:
        ran.append((argv, stdin))
        if stdin is not None:
            held['user'] = json.loads(stdin)
        return json.dumps(held['user'])

    monkeypatch.setattr(imported('object_store_users'), 'run', run)
    return ran


def test_a_rotated_key_is_put_beside_the_one_before_and_never_stands_in_a_command(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = planted_user(monkeypatch, user('writer', ('A', 'old-secret')))
    wanted = [{'id': 'B', 'secret': 'new-secret'}, {'id': 'A', 'secret': 'old-secret'}]
    document = imported('object_store_users').settle_user(settling(program), 'writer', wanted)
    assert imported('object_store_users').keys_of(document) == {('A', 'old-secret'), ('B', 'new-secret')}
    assert not any('secret' in word for argv, _ in ran for word in argv)


def test_the_owner_is_told_to_a_program_on_the_host_with_the_address_that_is_served(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    planted_user(monkeypatch, user('owner', ('A', 's')))
    settings = tmp_path / 'ceph.conf'
    template = (ROLE / 'templates' / 'ceph.conf.j2').read_text(encoding='utf-8')
    text = template.replace('{{ anlan_address }}', '198.18.0.9').replace('{{ object_store_port }}', '7443')
    settings.write_text(text, encoding='utf-8')
    monkeypatch.setattr(program, 'SETTINGS', str(settings))
    found = program.owner()
    assert (found['endpoint'], found['key_id'], found['secret']) == ('https://198.18.0.9:7443', 'A', 's')
    settings.write_text('[global]\n', encoding='utf-8')
    with pytest.raises(program.StoreError, match='names no address'):
        program.owner()


def test_a_user_with_rights_over_the_store_loses_them(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_user(monkeypatch, user('writer', ('A', 's'), caps=[{'type': 'buckets', 'perm': '*'}], max_buckets=1000))
    document = imported('object_store_users').settle_user(settling(program), 'writer', [{'id': 'A', 'secret': 's'}])
    assert document['data']['caps'] == []
    assert document['data']['max_buckets'] == -1


def test_a_user_as_wanted_is_left_alone(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = planted_user(monkeypatch, user('writer', ('A', 's')))
    imported('object_store_users').settle_user(settling(program), 'writer', [{'id': 'A', 'secret': 's'}])
    assert len(ran) == 1


def test_a_disk_whose_monitor_is_gone_is_not_made_anew(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = imported('object_store_cluster')
    monkeypatch.setattr(cluster, 'made', lambda: {'monitor': False, 'disk': True, 'gateway': True})
    with pytest.raises(cluster.StoreError, match='nothing is made over it'):
        cluster.make_monitor(settling(program))


def test_a_disk_larger_than_what_is_free_is_refused(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = imported('object_store_cluster')
    monkeypatch.setattr(cluster.os, 'statvfs', lambda _: SimpleNamespace(f_bavail=1, f_frsize=2**30))
    with pytest.raises(cluster.StoreError, match='1024 MiB free'):
        cluster.room_for(2**32)


def test_quotas_that_would_fill_the_disk_are_refused(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {'deadline_seconds': 1, 'disk_bytes': 2**30, 'buckets': {'a': {'quota_mib': 500}, 'b': {'quota_mib': 500}}}
    monkeypatch.setattr(program.sys, 'stdin', io.StringIO(json.dumps(wanted)))
    with pytest.raises(imported('object_store_cluster').StoreError, match='1000 MiB, more than 88% of the disk'):
        program.settle(dry_run=True)


def test_the_quotas_of_the_role_fit_its_disk() -> None:
    defaults = (ROLE / 'defaults' / 'main.yml').read_text(encoding='utf-8')
    shares = [float(one) for one in re.findall(r'1024 \* (0\.\d+)', defaults)]
    assert len(shares) == 3
    assert sum(shares) <= 0.88


def test_what_is_waited_for_in_vain_names_the_log_and_what_to_do(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = imported('object_store_cluster')
    monkeypatch.setattr(program, 'problems', lambda quick: ['/var/lib/ceph has 3 MiB free: free room there'])

    def never() -> None:
        raise cluster.NotReadyError('the disk does not take part yet')

    with pytest.raises(cluster.StoreError, match=r'take part yet .*journalctl -u anlan-object-store-disk.*free room'):
        settling(program).until(never, 'disk')


def test_a_part_without_its_files_says_which(program: ModuleType) -> None:
    reasons = program.not_ready('disk')
    assert any(reason.startswith('/var/lib/ceph/osd/ceph-0/block is missing') for reason in reasons)


def test_every_file_that_the_role_names_is_there() -> None:
    variables = yaml.safe_load((ROLE / 'vars' / 'main.yml').read_text(encoding='utf-8'))
    for file in variables['object_store_files']:
        if 'source' in file:
            assert (ROLE / 'files' / file['source']).is_file(), file
        if 'template' in file:
            assert (ROLE / 'templates' / file['template']).is_file(), file
        assert set(file.get('then', [])) <= set(variables['object_store_commands'])


@pytest.mark.parametrize(('age', 'said', 'restarted'), [(2.0, False, False), (90.0, True, False), (600.0, True, True)])
def test_a_disk_that_holds_requests_back_is_told_and_after_minutes_started_anew(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, age: float, said: bool, restarted: bool
) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> str:
        ran.append(argv)
        return json.dumps({'ops': [{'age': age}, {'age': 0.1}]}) if 'dump_ops_in_flight' in argv else ''

    cluster = imported('object_store_cluster')
    monkeypatch.setattr(cluster, 'run', run)
    monkeypatch.setattr(cluster, 'is_active', lambda _: True)
    monkeypatch.setattr(cluster, 'fullness', lambda: (set(), 100, 1))
    monkeypatch.setattr(program, 'not_ready', lambda _: [])
    assert any('holds a request back' in each for each in program.problems()) is said
    assert program.have_it_answer() == age
    assert (['systemctl', 'restart', '--no-block', cluster.UNITS['disk']] in ran) is restarted
