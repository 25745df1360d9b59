"""The platform as it stands: what a user sees after `make lab`."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from anlan.paths import ROOT
from anlan.secret_store import read_all, without_notes
from infra.topology import topology_of
from tests.lab.standing import PLATFORM_FILE, Standing

JOURNEY = ['open', 'log_in', 'courses', 'lesson_page', 'video', 'save_progress', 'other_device']


def test_status_says_that_all_is_well_and_both_clients_can_learn(standing: Standing) -> None:
    standing.wait_whole()
    done = standing.anlan('status', '--json')
    document = json.loads(done.stdout)
    assert (done.returncode, document['state']) == (0, 'ok'), document['reasons'] + document['lost_redundancy']
    assert document['front_door'] == standing.work.platform.front_door_url()
    assert {host['name'] for host in document['hosts']} == {host.name for host in standing.work.topology.hosts}
    for journey in document['journey']:
        assert [step['name'] for step in journey['steps']] == JOURNEY
        assert all(step['ok'] for step in journey['steps'])
        assert journey['mean_seconds'] <= standing.work.platform.objectives.journey_mean_seconds
    assert document['database']['leader']
    assert len(document['database']['replicas']) == 2


@pytest.fixture(scope='session')
def second_up(standing: Standing) -> Counter[tuple[str, str]]:
    """How often each role said `ok` or `changed` in an `up` with nothing to do."""
    done = standing.anlan('up')
    assert done.returncode == 0, done.stdout + done.stderr
    log = max(standing.work.paths.logs.glob('*-site-*.log'), key=lambda file: file.stat().st_mtime)
    found: Counter[tuple[str, str]] = Counter()
    role = ''
    for line in log.read_text(encoding='utf-8').splitlines():
        if match := re.match(r'(?:TASK|RUNNING HANDLER) \[(\S+) : ', line):
            role = match.group(1)
        elif match := re.match(r'(ok|changed): \[', line):
            found[role, match.group(1)] += 1
    return found


@pytest.mark.parametrize('role', sorted(folder.name for folder in (ROOT / 'playbooks' / 'roles').iterdir()))
def test_a_second_up_changes_nothing_by_any_role(second_up: Counter[tuple[str, str]], role: str) -> None:
    assert second_up[role, 'ok'] > 0
    assert second_up[role, 'changed'] == 0


def test_plan_and_drift_have_nothing_to_say(standing: Standing) -> None:
    planned = json.loads(standing.anlan('plan', '--json').stdout)
    assert (planned['infrastructure'], planned['configuration']) == ([], [])
    drift = standing.anlan('drift', '--hosts-only', '--json')
    assert (drift.returncode, json.loads(drift.stdout)['drift']) == (0, [])


@pytest.mark.long
def test_plan_names_what_a_changed_key_would_change_on_which_host(standing: Standing, tmp_path: Path) -> None:
    file = tmp_path / 'changed.yaml'
    text = PLATFORM_FILE.read_text(encoding='utf-8')
    file.write_text(text + 'configuration: {journal_retention_days: 200}\n', encoding='utf-8')
    planned = json.loads(standing.anlan('plan', '-p', str(file), '--json').stdout)
    names = sorted(host.name for host in standing.work.topology.hosts)
    assert planned['infrastructure'] == []
    journals = {
        f'{name}: base : {what}'
        for name in names
        for what in ('Restart the journal', 'Write the settings of the journal')
    }
    assert journals <= set(planned['configuration'])
    # Events and recorded sessions are kept as long as journals; nothing else asks for that key.
    others = [line for line in planned['configuration'] if line not in journals]
    assert {line.split(' : ', maxsplit=1)[0] for line in others} == {
        'mon-1: event_collection',
        'mon-2: event_collection',
        *(f'{host.name}: hardening' for host in standing.work.topology.hosts if host.tier != 'client'),
    }


def test_an_operator_logs_in_under_their_own_name(standing: Standing, operator: Operator) -> None:
    assert not operator.says('db-1', 'id', '-un')
    up = standing.anlan('up', '-p', str(operator.file))
    assert up.returncode == 0, up.stdout + up.stderr
    given = standing.run('ops-1', 'sudo', '/usr/local/lib/anlan/second-factor', 'give', 'li-wei').out
    secret = re.search(r'\b[A-Z2-7]{16,64}\b', given)
    assert secret, 'no secret for one-time codes was given'
    operator.secret = secret[0]
    assert [operator.says(host, 'id', '-un') for host in ('db-1', 'client-2')] == ['li-wei'] * 2
    assert not operator.says('ops-1', 'id', '-un'), 'a key alone is enough at the bastion'
    assert not operator.says('ops-1', 'id', '-un', code='000000'), 'any code is enough at the bastion'
    assert operator.says('ops-1', 'id', '-un', code=one_time_code(operator.secret)) == 'li-wei'
    # A system administrator is no root; on a client, which is no host of the platform, there are no administrators.
    assert [operator.says(host, 'sudo', '-n', 'id', '-un') for host in ('db-1', 'client-2')] == ['', 'root']


def test_one_up_puts_back_a_file_changed_by_hand_serves_renewed_certificates_and_takes_the_operator_out(
    standing: Standing, operator: Operator
) -> None:
    standing.run('edge-2', 'sudo', 'sh', '-c', 'echo "# by hand" >> /etc/nginx/nginx.conf')
    places = {'edge-1': 443, 'lb-2': 443, 'app-1': 8443, 'db-1': 5432}
    for name in places:
        (standing.work.paths.certificates / name / 'host.crt').unlink()
    planned = json.loads(standing.anlan('plan', '--json').stdout)['configuration']
    assert 'edge-2: edge : Write the settings of nginx' in planned
    copied = {line.split(':')[0] for line in planned if 'certificate : Copy the certificate and its key' in line}
    assert copied == set(places)
    assert 'edge-1: edge : Write the settings of nginx' in planned
    up = standing.anlan('up')
    assert up.returncode == 0, up.stdout + up.stderr
    assert standing.run('edge-2', 'grep', '-c', 'by hand', '/etc/nginx/nginx.conf').out.strip() == '0'
    for name, port in places.items():
        served = standing.run(
            name, 'sudo', 'python3', '-c', SERVED, str(standing.work.topology.host(name).address), str(port)
        )
        kept = (standing.work.paths.certificates / name / 'host.crt').read_text(encoding='ascii')
        assert served.out.split() == kept.split(), name
    assert [operator.says(host, 'id', '-un') for host in ('db-1', 'client-2')] == ['', '']
    assert not operator.says('ops-1', 'id', '-un', code=one_time_code(operator.secret))


class Operator:
    """A person with a key of their own, and the platform file in which they are named."""

    def __init__(self, standing: Standing, folder: Path) -> None:
        self.folder = folder
        self.file = folder / 'operators.yaml'
        self.secret = ''
        key = folder / 'key'
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'li-wei', '-f', key], check=True)
        public = key.with_suffix('.pub').read_text(encoding='ascii').strip()
        operators = yaml.safe_dump({'configuration': {'operators': {'li-wei': public}}}, width=1000)
        self.file.write_text(PLATFORM_FILE.read_text(encoding='utf-8') + operators, encoding='utf-8')
        configuration = standing.work.paths.ssh / 'config'
        self.session = ['ssh', '-F', configuration, '-i', key, '-l', 'li-wei', '-o', 'ControlPath=none']

    def says(self, host: str, *command: str, code: str = '') -> str:
        """What a command writes whom the operator runs on a host; at the bastion a one-time code is asked for."""
        answer = self.folder / 'answer'
        answer.write_text(f'#!/bin/sh\necho {code}\n', encoding='ascii')
        answer.chmod(0o700)
        environment = {**os.environ, 'SSH_ASKPASS': str(answer), 'SSH_ASKPASS_REQUIRE': 'force'}
        done = subprocess.run(
            [*self.session, '-o', 'NumberOfPasswordPrompts=1', host, *command], capture_output=True, text=True,
            check=False, env=environment, timeout=60,
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture(scope='module')
def operator(standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(standing, tmp_path_factory.mktemp('operator'))


def one_time_code(secret: str) -> str:
    """Given a secret in base 32, return the code of this half minute (RFC 6238)."""
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack('>Q', int(time.time()) // 30), 'sha1')
    place = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}'


# Prints the certificate that is served at an address; PostgreSQL has to be asked for TLS first.
SERVED = """
import socket, ssl, sys
address, port = sys.argv[1], int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with socket.create_connection((address, port), 5) as plain:
    if port == 5432:
        plain.sendall(bytes.fromhex('0000000804d2162f'))
        assert plain.recv(1) == b'S'
    with context.wrap_socket(plain) as secure:
        print(ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True)))
"""


def test_every_default_route_is_the_firewall_pair_and_undeclared_flows_do_not_pass(standing: Standing) -> None:
    topology = topology_of(standing.work.platform)
    remote = standing.remote()
    for host in topology.hosts:
        route = remote.run(host.name, ['ip', '-4', 'route', 'show', 'default'], 20).out
        if host.tier == 'firewall':
            assert route == ''
        else:
            assert f'via {topology.network(host.zone).gateway} ' in route, host.name
    database = topology.host('db-1').address

    def reaches(source: str, address: object, port: int) -> bool:
        script = f'import socket; socket.create_connection(("{address}", {port}), 2)'
        return remote.run(source, ['python3', '-c', script], 20).code == 0

    assert reaches('app-1', database, 5432)
    assert not reaches('client-1', database, 5432)
    assert not reaches('edge-1', database, 5432)
    assert not reaches('client-1', topology.host('app-1').address, 8443)
    assert not reaches('client-1', topology.host('ops-1').address, 22)
    assert not reaches('app-1', topology.host('vault-1').address, 22)


def test_every_host_is_reached_through_the_bastion_with_a_command(standing: Standing) -> None:
    done = standing.anlan('ssh', 'client-2', '--', 'sh', '-c', 'echo "$0 $1"; exit 7', 'two words', 'x')
    assert (done.returncode, done.stdout.strip()) == (7, 'two words x')
    assert standing.anlan('ssh', 'nobody').returncode == 2


@pytest.mark.parametrize('name', ['edge-1', 'lb-1', 'app-1', 'db-1', 'mon-1', 'vault-1'])
def test_a_host_needs_no_service_but_its_own(standing: Standing, name: str) -> None:
    failed = standing.run(name, 'systemctl', 'list-units', '--failed', '--no-legend', '--plain').out
    assert failed.strip() == ''


@pytest.mark.long
def test_the_same_hosts_taken_as_hosts_that_exist_need_no_change(standing: Standing, tmp_path: Path) -> None:
    file = onprem_file(standing, tmp_path)
    try:
        up = standing.anlan('up', '-p', str(file))
        assert up.returncode == 0, up.stdout + up.stderr
        assert ' 0 changed' in up.stderr, up.stderr
        refused = standing.anlan('down', '--yes', '-p', str(file))
        assert refused.returncode == 1
        assert 'does not remove them' in ' '.join(refused.stderr.split())
    finally:
        back = standing.anlan('up')
    assert back.returncode == 0, back.stderr
    assert ' 0 changed' in back.stderr


def onprem_file(standing: Standing, folder: Path) -> Path:
    """Write a platform file that names the hosts of the lab as hosts that exist."""
    document = yaml.safe_load(PLATFORM_FILE.read_text(encoding='utf-8'))
    ssh = standing.work.paths.ssh
    known_hosts, key = folder / 'known_hosts', folder / 'key'
    lines = (ssh / 'known_hosts').read_text(encoding='utf-8').splitlines()
    known_hosts.write_text('\n'.join(line.split(',', 1)[1] for line in lines) + '\n', encoding='utf-8')
    key.write_bytes((ssh / 'id_ed25519').read_bytes())
    key.chmod(0o600)
    hosts = {}
    for host in standing.work.topology.hosts:
        hosts[host.name] = {'address': str(host.address), 'fault_domain': host.fault_domain}
        if host.tier == 'firewall':
            hosts[host.name]['zone_addresses'] = {zone: str(address) for zone, address in host.addresses.items()}
            hosts[host.name]['zone_ipv6_addresses'] = {zone: str(each) for zone, each in host.ipv6_addresses.items()}
        elif host.ipv6_addresses:
            hosts[host.name]['ipv6_address'] = str(host.ipv6_addresses[host.zone])
    document['target'] = {
        'kind': 'onprem', 'ssh_user': 'anlan', 'ssh_key_file': str(key), 'known_hosts_file': str(known_hosts),
        'hosts': hosts,
    }  # fmt: skip
    # What a lab spares by itself: the machine that it stands on, which has the first address of each network.
    machine = [str(network.subnet.network_address + 1) for network in standing.work.topology.networks]
    document['block_list'] = {'never': machine}
    file = folder / 'onprem.yaml'
    file.write_text(yaml.safe_dump(document), encoding='utf-8')
    return file


def test_no_secret_stands_in_a_log_or_a_readable_file_of_a_host_and_a_planted_one_is_found(standing: Standing) -> None:
    secrets = without_notes(read_all(standing.work.paths.secrets))
    for log in standing.work.paths.logs.iterdir():
        text = log.read_text(encoding='utf-8', errors='replace')
        assert not [name for name, value in secrets.items() if value in text], log
    remote = standing.remote()
    words = '\n'.join(secrets.values()) + '\n'
    planted = '/usr/local/planted'

    def readable_with_secret(name: str) -> list[str]:
        return remote.run(name, ['sh', '-c', READABLE_WITH_WORDS], 60, words).out.split()

    for name in ('app-1', 'db-1', 'lb-1', 'edge-1'):
        assert readable_with_secret(name) == []
    remote.run('app-1', ['sudo', 'tee', planted], 20, secrets['valkey_password'])
    try:
        assert readable_with_secret('app-1') == [planted]
    finally:
        remote.run('app-1', ['sudo', 'rm', planted], 20)


# Greps every file that everybody may read for the words on standard input.
READABLE_WITH_WORDS = """
words=$(mktemp); cat > "$words"
sudo find /etc /opt /usr/local /var/lib /var/log -type f -perm -o=r -size -256k -print0 |
  sudo xargs -0 grep -lFf "$words"
rm -f "$words"
"""
