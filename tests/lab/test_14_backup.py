"""Backups on the platform: what is kept comes back, in both places, and what is not whole is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.standing import Standing

AGENT = ('sudo', 'python3', '-B', '/usr/local/lib/anlan/backup.pyz')


def asked(standing: Standing, *words: str, code: int = 0) -> dict[str, Any]:
    done = standing.anlan('backup', *words, '--json')
    assert done.returncode == code, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize('policy', ['media', 'platform', 'etcd', 'database'])
def test_a_policy_runs_and_comes_back_from_both_places(standing: Standing, policy: str) -> None:
    ran = asked(standing, 'run', policy)
    assert all(each['failure'] is None for each in ran['ends']), ran
    drilled = asked(standing, 'drill', policy)
    assert {each['place'] for each in drilled['ends']} == {'local', 'offsite'}
    for each in drilled['ends']:
        assert (each['failure'], each['problems']) == (None, []), each
        assert each['checks'] > 0


def test_each_change_of_the_database_is_followed_in_the_other_site(standing: Standing) -> None:
    leader = standing.with_role('leader')
    psql = ('sudo', '-u', 'postgres', 'psql', '-XAtd', 'learning', '-c')
    standing.run(leader, *psql, "INSERT INTO anlan_backup.canary (token) VALUES ('canary-of-the-lab-test')")
    try:
        said = standing.run(
            'vault-1', 'sudo', 'timeout', '20', 'sh', '-c',
            'until psql -h /run/anlan-database-replica -U postgres -XAtd learning -c '
            '"SELECT count(*) FROM anlan_backup.canary WHERE token = \'canary-of-the-lab-test\'" | grep -qx 1; '
            'do sleep 0.2; done; echo there',
        )  # fmt: skip
        assert said.out.strip() == 'there', said.err
    finally:
        standing.run(leader, *psql, "DELETE FROM anlan_backup.canary WHERE token = 'canary-of-the-lab-test'")


def test_a_host_cannot_remove_what_it_handed_over(standing: Standing) -> None:
    words = (
        '. /etc/anlan/backup/login; export RESTIC_REST_USERNAME RESTIC_REST_PASSWORD; '
        "place=$(python3 -c \"import json; print(next(each['address'] for each in json.load(open("
        "'/etc/anlan/backup/places.json'))['files'] if each['repository'] == 'media'))\"); "
        'restic --no-cache --cacert /etc/anlan/tls/ca.crt --password-file /etc/anlan/backup/keys/media-app-1-local '
        '--repo "$place" forget latest'
    )
    done = standing.run('app-1', 'sudo', 'sh', '-c', words, deadline_seconds=90)
    assert 'unauthorized' in done.err.lower() or '403' in done.err, done.err
    assert any(each['host'] == 'app-1' and each['snapshots'] for each in asked(standing, 'list', 'media')['places'])


def test_nothing_is_restored_into_a_live_path(standing: Standing) -> None:
    for target in ('/var/lib/anlan/backup/repositories', '/etc', '/var/log/x'):
        done = standing.anlan(
            'backup', 'restore', 'media', '--host', 'app-1', '--target', target, '--json', deadline_seconds=120
        )
        assert done.returncode == 18, done.stdout + done.stderr
        assert 'live path' in ' '.join(done.stderr.split())


def test_what_was_run_and_restored_stands_in_the_status(standing: Standing) -> None:
    done = standing.anlan('backup', 'status', '--json')
    policies = {each['name']: each for each in json.loads(done.stdout)['policies']}
    for name in ('media', 'platform', 'database'):
        assert policies[name]['last_success'], policies[name]
        assert policies[name]['last_verified_restore'], policies[name]
    assert policies['records']['last_verified_restore'] is None


def test_stolen_writers_credentials_destroy_nothing_that_is_kept_off_site(standing: Standing) -> None:
    asked(standing, 'run', 'platform')
    (end,) = asked(standing, 'drill', 'platform', '--stolen')['ends']
    assert (end['failure'], end['succeeded'], end['unproven'], end['problems']) == (None, [], [], []), end
    assert end['overwritten'] == end['deleted'] == end['objects'] > 0
    assert end['tried'] == end['refused'] > end['objects']
    assert end['checks'] > 0
