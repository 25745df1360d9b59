"""HAProxy: who may steer it, where it sends requests, and how its processes are shut in."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.haproxy import servers, told
from compliance.reading.places import shut
from compliance.reading.sockets import sockets_of
from compliance.violation import answered, mode, run

EVERYWHERE = tiers('balancer', 'app')
ON_BALANCERS = tiers('balancer')

SOCKETS = 'ss -H -tulpn'
STEER = (
    'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect("/run/haproxy/admin.sock"); '
    's.sendall(sys.argv[1].encode() + b"\\n"); s.recv(9)'
)


def steered(plant, undo):
    """Return the violation that HAProxy was told something over its socket."""
    return run(f"python3 -c '{STEER}' '{plant}'", f"python3 -c '{STEER}' '{undo}'", 0.2)


def said(**parts):
    """Return the violation that HAProxy tells this of itself."""
    good = {'info': {'Maxconn': '4000', 'Ulimit-n': '10060'}, 'tables': [], 'servers': []}
    return answered('show stat', json.dumps({**good, **parts}))


@EVERYWHERE
@clauses('22239-8.1.4.2-d', '22239-8.1.4.4-c')
@violation(mode('/run/haproxy/admin.sock', '0660'))
def test_its_socket_is_roots(host, expected):
    shut(host, expected, '/run/haproxy/admin.sock', 0o077, 'root:root', 'root:haproxy')


@EVERYWHERE
@clauses('22239-8.1.4.2-f')
@pytest.mark.parametrize(
    ('path', 'bits'),
    [
        pytest.param(
            '/etc/haproxy/haproxy.cfg', 0o022, id='settings', marks=violation(mode('/etc/haproxy/haproxy.cfg', '0666'))
        ),
        pytest.param('/etc/haproxy', 0o022, id='folder', marks=violation(mode('/etc/haproxy', '0777'))),
        pytest.param('/run/haproxy', 0o002, id='folder-of-its-socket', marks=violation(mode('/run/haproxy', '0777'))),
    ],
)
def test_its_files_are_changed_by_root_alone(host, expected, path, bits):
    shut(host, expected, path, bits)


@EVERYWHERE
@clauses('22239-8.1.4.4-b', '22239-8.1.4.4-c')
@violation(answered('-tulpn', 'tcp LISTEN 0 9 0.0.0.0:8404 0.0.0.0:* users:(("haproxy",pid=1,fd=1))\n'))
def test_what_tells_of_it_is_reached_from_its_host_alone(host, expected):
    found = [each for each in sockets_of(host.run(SOCKETS).stdout) if each.program == 'haproxy']
    if not found:
        not_verified('it listens nowhere')
    wanted = {443} if expected.tier == 'balancer' else set()
    wide = [str(each) for each in found if not each.loopback and each.port not in wanted]
    assert not wide, f'others reach {", ".join(wide)}'


@EVERYWHERE
@clauses('22239-8.1.4.4-d', '22239-8.1.2.1-a')
@violation(said(info={'Maxconn': '900000', 'Ulimit-n': '1024'}))
def test_it_takes_no_more_than_it_can(host):
    info = told(host)['info']
    most, room = int(info['Maxconn']), int(info['Ulimit-n'])
    assert 0 < most <= 100_000, f'it takes {most} connections'
    assert room >= 2 * most, f'{most} connections need two files each, and it has {room}'


@ON_BALANCERS
@clauses('22239-8.1.4.1-b', '22239-8.1.2.1-a')
@violation(said(tables=['# table: other, type: ip, size:10, used:0']))
def test_requests_are_counted_by_source(host, expected):
    lines = [line for line in told(host)['tables'] if line.startswith('# table: sources')]
    assert lines, 'nobody is counted'
    size = int(lines[0].partition('size:')[2].partition(',')[0])
    assert size >= expected.platform['limits']['meter_entries'], f'{size} sources are counted at most'


@ON_BALANCERS
@clauses('22239-8.1.4.9-c', '22239-8.1.2.1-e')
@pytest.mark.parametrize(
    'backend',
    [
        pytest.param(name, id=name, marks=violation(steered(
            f'set server {name}/app-2 state maint', f'set server {name}/app-2 state ready')))
        for name in ('app_ready', 'media_static')
    ],
)  # fmt: skip
def test_every_host_of_the_application_serves(host, expected, backend):
    found = servers(host, backend)
    for name in expected.hosts('app'):
        assert found.get(name, '').startswith('UP'), f'{backend}: {name} is {found.get(name, "not there")}'


@ON_BALANCERS
@clauses('22239-8.1.4.9-c', '22239-8.1.2.1-e')
@violation(steered('set server app_ready/app-2 state maint', 'set server app_ready/app-2 state ready'))
def test_hosts_that_serve_stand_in_different_fault_domains(host, expected):
    up = [
        name
        for name, status in servers(host, 'app_ready').items()
        if status.startswith('UP') and name in expected.outputs['hosts']
    ]
    domains = {expected.outputs['hosts'][name]['variables']['anlan_fault_domain'] for name in up}
    assert len(domains) >= 2, f'who serves stands in fault domain {", ".join(sorted(domains)) or "none"}'


@tiers('app')
@clauses('22239-8.1.4.9-c')
@violation(said(servers=[['database', 'db-1', 'UP', 'L7OK', ''], ['database', 'db-2', 'UP', 'L7OK', '']]))
def test_the_way_to_the_database_leads_to_one_leader(host, expected):
    found = servers(host, 'database')
    missing = set(expected.hosts('data')) - set(found)
    assert not missing, f'{", ".join(sorted(missing))} cannot become where it leads'
    leading = [name for name, status in found.items() if status.startswith('UP')]
    assert len(leading) == 1, f'it leads to {", ".join(leading) or "nobody"}'


@EVERYWHERE
@clauses('22239-8.1.4.4-a', '22239-8.1.4.2-d')
@pytest.mark.parametrize('name', units.shut_in('haproxy'))
def test_the_unit_is_shut_in(host, expected, name):
    units.held(host, expected, 'haproxy', name)


@EVERYWHERE
@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('haproxy', uid=0))
def test_who_serves_is_not_root(host, expected):
    units.without_root(host, expected, 'haproxy', master=True)


@EVERYWHERE
@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('haproxy', uid=101, rights=0))
def test_its_processes_cannot_come_to_more_rights(host, expected):
    units.confined(host, expected, 'haproxy')


@EVERYWHERE
@clauses('22239-8.1.4.4-a')
@violation(units.planted_unit('haproxy'))
def test_it_runs_and_starts_by_itself(host, expected):
    units.running(host, expected, 'haproxy')
