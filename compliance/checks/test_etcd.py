"""etcd: who may speak to it, whether its members agree, and that its files and bounds hold."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.places import shut
from compliance.reading.sockets import sockets_of
from compliance.violation import answered, mode, run

pytestmark = tiers('data')

AUTHORITY = 'curl -sS -m 8 --cacert /etc/anlan/tls/ca.crt'
METRICS = (
    'curl -sS -m 8 http://127.0.0.1:2381/metrics | grep -E '
    '"^(etcd_server_has_leader|etcd_server_quota_backend_bytes|etcd_mvcc_db_total_size_in_bytes) "'
)
STATUS = (
    'etcdctl --command-timeout=3s --endpoints=https://127.0.0.1:2379 --cacert=/etc/anlan/tls/ca.crt '
    '--cert=/etc/anlan/tls/host.crt --key=/etc/anlan/tls/host.key endpoint status --cluster -w json'
)
SOCKETS = 'ss -H -tulpn'


def stranger(expected):
    """Return the command that speaks to members and clients’ door without a certificate."""
    name = f'{expected.name}.{expected.outputs["variables"]["internal_domain"]}'
    return (
        f'for port in 2379 2380; do {AUTHORITY} -o /dev/null -w "$port %{{http_code}}" https://{name}:$port/version; '
        'echo " $?"; done 2>/dev/null'
    )


def status(host):
    """Return what each member says of itself."""
    said = host.run(STATUS)
    if said.rc != 0 and not said.stdout.strip():
        not_verified(f'etcd does not tell: {said.stderr.strip()[-200:]}')
    return [each['Status'] for each in json.loads(said.stdout.splitlines()[0])]


def metrics(host):
    """Return what the member counts."""
    said = host.run(METRICS)
    assert said.rc == 0, f'etcd does not tell its counts: {said.stderr.strip()}'
    return {line.split()[0]: float(line.split()[1]) for line in said.stdout.splitlines()}


def told(*leaders, errors=None):
    """Return the violation that members tell of these leaders."""
    every = [{'Status': {'leader': each, 'raftTerm': 3, 'raftIndex': 9, 'errors': errors}} for each in leaders]
    return answered('endpoint status', json.dumps(every))


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-d', '22239-8.1.5.4-b')
@pytest.mark.parametrize(
    'port',
    [
        pytest.param(port, id=name, marks=violation(answered('in 2379 2380', '2379 200 0\n2380 200 0\n')))
        for name, port in {'clients': '2379', 'members': '2380'}.items()
    ],
)
def test_who_has_no_certificate_of_ours_is_refused(host, expected, port):
    answers = {each[0]: each[1:] for each in map(str.split, host.run(stranger(expected)).stdout.splitlines())}
    code, exit_code = answers.get(port, ('', ''))
    if exit_code in ('', '28'):
        not_verified(f'port {port} did not answer in time')
    # 35 and 56: the handshake, or what comes right after it, was broken off by the other side.
    assert code == '000' and exit_code in ('35', '56'), f'port {port} answers {code or "nothing"} (curl: {exit_code})'


@clauses('22239-8.1.4.4-b')
@violation(answered('-tulpn', 'tcp LISTEN 0 4096 0.0.0.0:2381 0.0.0.0:* users:(("etcd",pid=9,fd=9))\n'))
def test_it_listens_where_it_has_to(host, expected):
    own = expected.variables['anlan_address']
    wanted = {'127.0.0.1:2379', '127.0.0.1:2381', f'{own}:2379', f'{own}:2380'}
    found = {f'{each.address}:{each.port}' for each in sockets_of(host.run(SOCKETS).stdout) if each.program == 'etcd'}
    if not found:
        not_verified('etcd listens nowhere')
    assert found <= wanted, f'etcd listens on {", ".join(sorted(found - wanted))} too'


@clauses('22239-8.1.4.9-c')
@violation(told(7, 7))
def test_every_member_answers(host, expected):
    members = status(host)
    assert len(members) == len(expected.hosts('data')), (
        f'{len(members)} of {len(expected.hosts("data"))} members answer'
    )


@clauses('22239-8.1.4.9-c')
@violation(told(7, 7, 8))
def test_members_agree_on_one_leader(host):
    leaders = {each.get('leader', 0) for each in status(host)}
    assert len(leaders) == 1 and 0 not in leaders, f'the members follow {len(leaders)} leaders'


@clauses('22239-8.1.4.9-c', '22239-8.1.4.7-b')
@violation(told(7, 7, 7, errors=['memberID:7 alarm:CORRUPT']))
def test_no_member_raises_an_alarm(host):
    alarms = [word for each in status(host) for word in each.get('errors') or ()]
    assert not alarms, f'alarms: {", ".join(alarms)}'


@clauses('22239-8.1.4.9-c')
@violation(answered('2381/metrics', 'etcd_server_has_leader 0\n'))
def test_the_member_has_a_leader(host):
    assert metrics(host).get('etcd_server_has_leader') == 1, 'the member has no leader'


@clauses('22239-8.1.4.4-a')
@violation(answered('2381/metrics', 'etcd_server_quota_backend_bytes 1e+06\netcd_mvcc_db_total_size_in_bytes 999000\n'))
def test_its_store_is_far_from_its_bound(host):
    counts = metrics(host)
    quota, size = counts.get('etcd_server_quota_backend_bytes', 0), counts.get('etcd_mvcc_db_total_size_in_bytes')
    if size is None:
        not_verified('the size of the store is not told')
    assert 0 < quota <= 8 * 2**30, f'the store may grow to {quota:.0f} bytes'
    assert size <= 0.8 * quota, f'the store holds {size:.0f} of {quota:.0f} bytes'


@clauses('22239-8.1.4.2-f')
@pytest.mark.parametrize(
    ('place', 'bits', 'owner'),
    [
        pytest.param('/var/lib/etcd', 0o750, 'etcd:etcd', id='folder', marks=violation(mode('/var/lib/etcd', '0755'))),
        pytest.param(
            '/etc/default/etcd', 0o644, 'root:root', id='settings', marks=violation(mode('/etc/default/etcd', '0666'))
        ),
        pytest.param(
            '*/member',
            0o700,
            'etcd:etcd',
            id='member',
            marks=violation(run('chmod 0777 /var/lib/etcd/*/member', 'chmod 0700 /var/lib/etcd/*/member')),
        ),
    ],
)
def test_its_files_are_shut_to_others(host, expected, place, bits, owner):
    shut(host, expected, place, 0o7777 & ~bits, owner)


@clauses('22239-8.1.4.4-a', '22239-8.1.4.2-d')
@pytest.mark.parametrize('name', units.shut_in('etcd'))
def test_the_unit_is_shut_in(host, expected, name):
    units.held(host, expected, 'etcd', name)


@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('etcd', uid=0))
def test_nothing_of_it_runs_as_root(host, expected):
    units.without_root(host, expected, 'etcd')


@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('etcd', uid=101, rights=0))
def test_its_process_cannot_come_to_more_rights(host, expected):
    units.confined(host, expected, 'etcd')


@clauses('22239-8.1.4.4-a')
@violation(units.planted_unit('etcd'))
def test_it_runs_and_starts_by_itself(host, expected):
    units.running(host, expected, 'etcd')
