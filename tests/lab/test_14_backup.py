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
    assert '403' in done.out + done.err, done.out + done.err
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


SPOIL = """
import sys; sys.path.insert(0, '/usr/local/lib/anlan/backup.pyz')
from backup.places import PLACES, read_places
from backup.stolen import store_of, way_of
way = way_of(read_places(PLACES).one('media', 'app-1', 'offsite'))
writer = store_of(way, way.there.login_file)
keys = [each.key for each in writer.objects(way.bucket, way.prefix)]
for number, key in enumerate(keys):
    if number % 2:
        writer.call('put_object', 'spoiling', Bucket=way.bucket, Key=key, Body=b'pay')
    writer.call('delete_object', 'spoiling', Bucket=way.bucket, Key=key)
print(len(keys))
"""


def test_what_stolen_credentials_did_to_the_store_is_undone_by_one_command(standing: Standing) -> None:
    moment = standing.run('vault-1', 'sh', '-c', 'sleep 2; date -u +%Y-%m-%dT%H:%M:%SZ; sleep 2').out.strip()
    spoilt = standing.run('ops-1', 'sudo', 'python3', '-B', '-c', SPOIL, deadline_seconds=120)
    assert int(spoilt.out) > 3, spoilt.err
    assert standing.anlan('backup', 'verify', 'media', '--json').returncode != 0
    words = ('rewind', '--bucket', 'restic', '--to-time', moment)
    (would,) = asked(standing, *words, '--dry-run')['would_rewind']
    assert would['put_back'] + would['uncovered'] >= int(spoilt.out) - 1, would
    (done,) = asked(standing, *words, '--yes')['rewound']
    assert done['put_back'] >= would['put_back'] > 0 < would['uncovered'], done
    assert all(not each['problems'] for each in asked(standing, 'verify', 'media', '--data')['ends'])
    listed = [each for each in asked(standing, 'list', 'media')['places'] if each['place'] == 'offsite']
    assert listed and all(each['snapshots'] for each in listed), listed


METRICS = '/run/anlan/metrics/backup.prom'


@pytest.mark.parametrize('monitor', ['mon-1', 'mon-2'])
def test_each_monitoring_host_tells_of_what_was_run_restored_and_followed(standing: Standing, monitor: str) -> None:
    wanted = (
        'last_success_timestamp_seconds{policy="media"}',
        'last_verified_restore_timestamp_seconds{policy="database"}',
        'real_time_lag_seconds{place="offsite",policy="database"}',
        'real_time_lag_seconds{place="local",policy="database"}',
    )
    words = ' && '.join(f"grep -qF 'anlan_backup_{each}' {METRICS}" for each in wanted)
    said = standing.run(
        monitor, 'timeout', '150', 'sh', '-c', f'until {words}; do sleep 2; done; echo told', deadline_seconds=180
    )
    assert said.out.strip() == 'told', standing.run(monitor, 'cat', METRICS).out


def test_a_host_that_speaks_for_another_is_not_believed_and_is_counted(standing: Standing) -> None:
    forge = (
        "import sys; sys.path.insert(0, '/usr/local/lib/anlan/backup.pyz'); from datetime import UTC, datetime; "
        'from backup.announcement import announce; from backup.record import Lagged; '
        "sys.exit(announce(Lagged('database', 'vault-1', 'offsite', datetime.now(UTC), 0.0)))"
    )
    counted = f'awk \'/records_refused_total.*host="app-1",reason="another"/ {{print $2}}\' {METRICS}'
    before = int(standing.run('mon-1', 'sh', '-c', counted).out or 0)
    standing.run('app-1', 'sudo', 'python3', '-B', '-c', forge)
    more = f'until [ "$({counted})" -gt {before} ]; do sleep 2; done; echo counted'
    said = standing.run('mon-1', 'timeout', '90', 'sh', '-c', more, deadline_seconds=120)
    assert said.out.strip() == 'counted', said.err
