"""The files that hosts get for backups: each host opens its own repositories alone, and no secret can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from anlan.cli.backing import backup_files, derived, hashed
from anlan.secret_store import NAMES
from backup.speakers import read_speakers
from backup.task import read_plan
from tests.unit.samples import lab, topology_from

SECRETS = {name: f'secret-of-{name}' for name in NAMES}


@pytest.fixture(scope='module')
def files() -> dict[str, dict[str, Any]]:
    from anlan.platform.model import Platform

    made = backup_files(Platform.model_validate(lab()), topology_from(lab()), SECRETS, Path('/program'))
    return {host: {each['path']: each for each in listed} for host, listed in made.items()}


def test_every_host_with_data_has_a_part_and_firewalls_edges_and_balancers_have_none(
    files: dict[str, dict[str, Any]],
) -> None:
    assert set(files) == {'app-1', 'app-2', 'db-1', 'db-2', 'db-3', 'mon-1', 'mon-2', 'ops-1', 'vault-1'}


def test_the_host_of_the_replica_knows_what_is_promised_and_has_no_way_to_any_copy(
    files: dict[str, dict[str, Any]],
) -> None:
    assert set(files['vault-1']) == {'/usr/local/lib/anlan/backup.pyz', '/etc/anlan/backup/jobs.json'}
    plan = read_plan(json.loads(files['vault-1']['/etc/anlan/backup/jobs.json']['text']))
    assert (plan.host, plan.tasks) == ('vault-1', ())
    assert plan.promises == read_plan(json.loads(files['ops-1']['/etc/anlan/backup/jobs.json']['text'])).promises


def test_monitoring_hosts_alone_are_told_who_may_say_what(files: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    path = '/etc/anlan/backup/speakers.json'
    assert {host for host, listed in files.items() if path in listed} == {'mon-1', 'mon-2'}
    (tmp_path / 'speakers.json').write_text(files['mon-1'][path]['text'])
    speakers = read_speakers(tmp_path / 'speakers.json')
    assert (speakers.keeper, speakers.replica, speakers.databases) == ('ops-1', 'vault-1', ('db-1', 'db-2', 'db-3'))
    assert {'fw-1', 'edge-1', 'mon-2', 'vault-1'} <= set(speakers.hosts)
    assert not any(host.startswith('client') for host in speakers.hosts)


def test_a_writer_has_the_keys_of_its_own_repositories_alone(files: dict[str, dict[str, Any]]) -> None:
    for host in set(files) - {'ops-1', 'vault-1'}:
        keys = [path for path in files[host] if '/keys/' in path]
        assert keys
        assert all(f'-{host}-local' in path for path in keys), host
        assert not any('offsite' in path for path in files[host])


def test_no_secret_and_nothing_derived_stands_in_a_file_that_others_read_or_in_an_address(
    files: dict[str, dict[str, Any]],
) -> None:
    for host, listed in files.items():
        secret = [each['text'].strip() for path, each in listed.items() if '/keys/' in path]
        for path, each in listed.items():
            if path.endswith(('jobs.json', 'places.json')):
                assert not any(value in each['text'] for value in [*secret, *SECRETS.values()]), (host, path)
            elif 'text' in each:
                assert each['mode'] in {'0600', '0640'}, (host, path)


def test_no_secret_itself_reaches_a_writer_only_what_is_derived_from_it(files: dict[str, dict[str, Any]]) -> None:
    for host in set(files) - {'ops-1'}:
        texts = ''.join(each.get('text', '') for each in files[host].values())
        assert not any(value in texts for value in SECRETS.values()), host


def test_two_repositories_share_no_password(files: dict[str, dict[str, Any]]) -> None:
    keys = [each['text'] for path, each in files['ops-1'].items() if '/keys/' in path]
    assert len(set(keys)) == len(keys) > 10


def test_the_keeper_knows_the_hash_of_the_login_that_the_writer_has(files: dict[str, dict[str, Any]]) -> None:
    lines = dict(line.split(':', 1) for line in files['ops-1']['/etc/anlan/backup/logins']['text'].splitlines())
    login = dict(line.split('=', 1) for line in files['app-1']['/etc/anlan/backup/login']['text'].splitlines())
    assert bcrypt.checkpw(login['RESTIC_REST_PASSWORD'].encode(), lines['app-1'].encode())
    assert not bcrypt.checkpw(b'another', lines['app-1'].encode())


def test_the_same_secrets_make_the_same_files() -> None:
    assert hashed('x' * 64) == hashed('x' * 64) != hashed('y' * 64)
    assert derived('one', 'media', 'app-1') != derived('one', 'media', 'app-2') != derived('two', 'media', 'app-2')


def test_every_repository_is_in_both_places(files: dict[str, dict[str, Any]]) -> None:
    places = json.loads(files['ops-1']['/etc/anlan/backup/places.json']['text'])['files']
    by_place = {
        place: {(each['repository'], each['host']) for each in places if each['place'] == place}
        for place in ('local', 'offsite')
    }
    assert by_place['local'] == by_place['offsite']
    assert all(each['address'].startswith('s3:https://vault-1.') for each in places if each['place'] == 'offsite')


def test_the_keeper_alone_has_both_logins_of_the_store_each_in_a_file_of_its_own(
    files: dict[str, dict[str, Any]],
) -> None:
    places = json.loads(files['ops-1']['/etc/anlan/backup/places.json']['text'])
    writer = {each['login_file'] for each in places['files'] if each['place'] == 'offsite'}
    assert writer == {'/etc/anlan/backup/offsite-login'}
    assert places['restorer_file'] == '/etc/anlan/backup/offsite-restorer'
    for path, user in ((*writer, 'writer'), (places['restorer_file'], 'restorer')):
        assert f'secret-of-object_store_{user}_secret' in files['ops-1'][path]['text']
        assert files['ops-1'][path]['mode'] == '0600'
    app = json.loads(files['app-1']['/etc/anlan/backup/places.json']['text'])
    assert app['restorer_file'] is None
