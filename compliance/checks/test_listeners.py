"""Listeners: what a host answers to, held against the declared flows and a table of what is open inside a zone."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading.sockets import declared, is_of_docker, on_loopback, sends_alone, sockets_of
from compliance.violation import answered, run

SOCKETS = 'ss -H -tulpn'
RAW = 'ss -H -wanp; ss -H -0 -np; echo end'
HTTP = "curl -s -m 8 -o /dev/null -w '%%{http_code} %%{redirect_url}' http://%s/courses/"
RISKY = {
    'ftp': (20, 21), 'telnet': (23,), 'mail': (25, 110, 143, 465, 587, 993, 995), 'trivial-ftp': (69,), 'finger': (79,),
    'portmapper': (111,), 'windows-shares': (135, 137, 138, 139, 445), 'snmp': (161, 162), 'ldap': (389, 636),
    'remote-shell': (512, 513, 514), 'printing': (515, 631), 'rsync': (873,), 'nfs': (2049,), 'mysql': (3306,),
    'remote-desktop': (3389, 5900, 5901), 'mdns': (5353,), 'x11': (6000, 6001), 'docker': (2375, 2376),
    'redis-in-the-open': (6380,), 'elasticsearch': (9200, 9300), 'memcached': (11211,), 'mongodb': (27017,),
}  # fmt: skip
"""Ports that assessors take for risky: nothing here needs them."""

DATAGRAMS = ('trivial-ftp', 'snmp', 'mdns')


def listening(port, address='0.0.0.0', kind='STREAM'):
    """Given port and address, return the violation that something listens there."""
    listen, unit = 's.listen();' if kind == 'STREAM' else '', f'anlan-planted-{port}.service'
    return run(
        f'systemctl stop {unit} 2>/dev/null; systemctl reset-failed {unit} 2>/dev/null; '
        f'systemd-run --quiet --collect --unit={unit} '
        f'python3 -c "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_{kind}); '
        f"s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('{address}', {port})); {listen} "
        'time.sleep(60)"; for each in $(seq 1 100); do '
        f'[ -z "$(ss -H -tuln \'sport = :{port}\')" ] || exit 0; sleep 0.1; done; exit 1',
        f'systemctl stop {unit} 2>/dev/null || true',
    )


def open_to_others(host, expected):
    """Return the sockets that others can reach."""
    return [each for each in every(host) if not each.loopback and not sends_alone(each)]


def every(host):
    """Return every socket that listens."""
    said = host.run(SOCKETS)
    if said.rc != 0 or not said.stdout.strip():
        not_verified(f'the host does not tell what listens: {said.stderr.strip()}')
    return sockets_of(said.stdout)


@pytest.mark.parametrize('protocol', [
    pytest.param('tcp', marks=violation(listening(4444))),
    pytest.param('udp', marks=violation(listening(4444, kind='DGRAM'))),
])  # fmt: skip
@clauses('22239-8.1.4.4-b', '22239-8.1.3.1-a', '22239-8.1.3.2-a')
def test_nothing_listens_for_others_but_what_is_declared(host, expected, protocol):
    wanted = declared(expected)
    more = [each for each in open_to_others(host, expected) if each.protocol == protocol
            and (each.protocol, each.port) not in wanted]  # fmt: skip
    assert not more, f'listening, and declared by nobody: {", ".join(map(str, more))}'


@clauses('22239-8.1.4.4-b')
@violation(listening(4444, '127.0.0.1'))
def test_nothing_listens_on_the_loopback_but_what_is_declared(host, expected):
    wanted = on_loopback(expected) | declared(expected)
    more = [each for each in every(host) if each.loopback and (each.protocol, each.port) not in wanted
            and not is_of_docker(each, expected)]  # fmt: skip
    assert not more, f'listening on the loopback, and declared by nobody: {", ".join(map(str, more))}'


@clauses('22239-8.1.4.4-b')
@violation(answered(SOCKETS, 'tcp LISTEN 0 5 0.0.0.0:22 0.0.0.0:* users:(("nc",pid=7,fd=3))\n'))
def test_the_program_that_answers_is_the_declared_one(host, expected):
    wanted, inside = declared(expected), on_loopback(expected)
    judged = [
        (each, (inside if each.loopback and (each.protocol, each.port) in inside else wanted)[each.protocol, each.port])
        for each in every(host) if (each.protocol, each.port) in wanted | inside
    ]  # fmt: skip
    assert judged, 'nothing that is declared listens'
    wrong = [f'{socket}, not {program}' for socket, program in judged if socket.program != program]
    assert not wrong, f'another program answers: {"; ".join(wrong)}'


@clauses('22239-8.1.4.4-b', '22239-8.1.2.1-e', 'cosha-5.1')
@violation(answered(SOCKETS, 'tcp LISTEN 0 5 0.0.0.0:4444 0.0.0.0:* users:(("nc",pid=7,fd=3))\n'))
def test_what_is_declared_does_listen(host, expected):
    found = {(each.protocol, each.port) for each in every(host) if not each.loopback}
    missing = sorted(f'{protocol} {port} ({program})' for (protocol, port), program in declared(expected).items()
                     if (protocol, port) not in found)  # fmt: skip
    assert not missing, f'declared, and nobody answers: {", ".join(missing)}'


@tiers('app', 'data', 'monitoring')
@clauses('22239-8.1.4.4-b')
@violation(answered(SOCKETS, 'tcp LISTEN 0 5 0.0.0.0:5432 0.0.0.0:* users:(("postgres",pid=7,fd=3))\n'))
def test_what_is_for_one_zone_listens_on_its_address_alone(host, expected):
    # Who answers on every address answers on one that is added tomorrow, too.
    judged = [each for each in every(host) if each.protocol == 'tcp' and not each.loopback and each.program != 'sshd']
    assert judged, 'no service listens'
    wide = [str(each) for each in judged if each.everywhere]
    assert not wide, f'on every address of the host: {", ".join(wide)}'


@pytest.mark.parametrize('what', [
    pytest.param(name, id=name, marks=violation(listening(ports[-1], kind='DGRAM' if name in DATAGRAMS else 'STREAM')))
    for name, ports in RISKY.items()
])  # fmt: skip
@clauses('22239-8.1.4.4-b')
def test_no_risky_port_is_open(host, expected, what):
    found = [str(each) for each in open_to_others(host, expected) if each.port in RISKY[what]]
    assert not found, f'{what}: {", ".join(found)}'


@clauses('22239-8.1.3.4-b')
@violation(listening(25, '127.0.0.1'))
def test_no_host_takes_mail(host):
    found = [str(each) for each in every(host) if each.protocol == 'tcp' and each.port in RISKY['mail']]
    assert not found, f'mail is taken, and nothing protects from spam: {", ".join(found)}'


@clauses('22239-8.1.4.4-f', '22239-8.1.3.3-b')
@violation(run(
    'systemctl reset-failed anlan-planted.service 2>/dev/null; systemd-run --quiet --collect --unit=anlan-planted '
    'python3 -c "import socket, time; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3); time.sleep(60)"',
    'systemctl stop anlan-planted.service 2>/dev/null || true', settle_seconds=0.6,
))  # fmt: skip
def test_nobody_reads_packets_that_are_not_its_own(host, expected):
    said = host.run(RAW)
    lines = [line for line in said.stdout.splitlines() if line.strip()]
    if lines[-1:] != ['end']:
        not_verified(f'the host does not tell its raw sockets: {said.stderr.strip()}')
    allowed = {'firewall': ('keepalived', 'python3', 'suricata'), 'balancer': ('keepalived',)}.get(expected.tier, ())
    # Pings of anybody are raw sockets for a moment; they read answers alone.
    found = [line for line in lines[:-1] if not any(f'"{name}"' in line for name in (*allowed, 'ping'))]
    assert not found, f'raw packets are read by {"; ".join(line.split()[-1] for line in found)}'


@tiers('edge')
@clauses('22239-8.1.2.2-a', '22239-8.1.2.2-b', '22239-8.1.3.2-e')
@violation(answered('http://', '200 '))
def test_plain_http_leads_to_tls_and_nowhere_else(host, expected):
    said = host.run(HTTP, expected.variables['anlan_address'])
    code, _, target = said.stdout.partition(' ')
    assert code, f'plain http is not answered at all: {said.stderr.strip()}'
    assert code in ('301', '308'), f'plain http is answered with {code}'
    assert target.startswith(f'https://{expected.platform["front_door"]["name"]}'), f'plain http leads to {target}'


@tiers('edge')
@clauses('22239-8.1.3.1-a', '22239-8.1.3.2-a')
@violation(listening(4444))
def test_learners_of_an_edges_own_carrier_meet_the_front_door_alone(host, expected):
    door = {
        ('tcp', 80),
        ('tcp', expected.platform['front_door']['port']),
        ('udp', expected.platform['front_door']['port']),
    }
    # SSH and the block list answer to declared hosts alone: who else sends is refused by the daemon itself.
    guarded = {('tcp', int(expected.variables['ansible_port'])), ('udp', 3783)}
    found = [each for each in open_to_others(host, expected) if (each.protocol, each.port) not in guarded]
    if not found:
        not_applicable('nothing is open to learners')
    more = [str(each) for each in found if (each.protocol, each.port) not in door]
    assert not more, f'open to learners besides the front door: {", ".join(more)}'


@clauses('22239-8.1.4.4-c', '22239-8.1.3.1-a')
@tiers('edge', 'balancer', 'app', 'data', 'monitoring', 'offsite', 'firewall')
@violation(run(
    'mkdir -p /etc/ssh/sshd_config.d && echo "AllowUsers anlan-planted" > /etc/ssh/sshd_config.d/00-violation.conf',
    'rm -f /etc/ssh/sshd_config.d/00-violation.conf',
))  # fmt: skip
def test_administration_comes_from_the_bastion_alone(host, expected):
    said = host.run('sshd -T')
    assert said.rc == 0, f'sshd does not say how it works: {said.stderr.strip()}'
    users = [word for line in said.stdout.splitlines() if line.startswith('allowusers ') for word in line.split()[1:]]
    assert users, 'sshd lets anybody in from anywhere, also from the own zone'
    bastions = set(expected.addresses('operations'))
    wide = [each for each in users if each.rpartition('@')[2] not in bastions or '@' not in each]
    assert not wide, f'let in from elsewhere than the bastion: {", ".join(wide)}'
