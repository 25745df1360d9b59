"""SSH: how administrators come in, as the daemon itself says that it works, and as the one that runs does."""

from __future__ import annotations

import base64
import hashlib

import pytest

from compliance.checking import clauses, not_applicable, not_verified, violation
from compliance.reading.sshd import STRANGER, algorithms, lets_in, offered, settings
from compliance.violation import answered, run, write

DROP_IN = '/etc/ssh/sshd_config.d/00-0violation.conf'
WEAK = ('sha1', 'md5', 'cbc', 'arcfour', '3des', 'group1-', 'group14-sha1', 'ssh-dss', 'umac-64', 'rijndael', 'none')
UNENCRYPTED_PORTS = {
    '20': 'ftp',
    '21': 'ftp',
    '23': 'telnet',
    '512': 'rexec',
    '513': 'rlogin',
    '514': 'rsh',
    '69': 'tftp',
}
LISTENERS = 'ss -H -tulpn'


def planted(text, after=''):
    return violation(write(DROP_IN, text + '\n', after))


def running(text):
    """The daemon that runs takes it up, and takes the old settings up again."""
    return planted(text, '/usr/sbin/sshd -t && systemctl reload ssh.service && sleep 0.4')


def case(key, wanted, line, name=None):
    return pytest.param(key, wanted, id=name or key, marks=planted(line))


@clauses('22239-8.1.4.1-b', '22239-8.1.5.4-b')
@planted('MaxAuthTries 20')
def test_a_connection_ends_after_few_failed_tries(host, expected):
    most = expected.hardening['ssh']['attempts']
    assert int(settings(host)['maxauthtries']) <= most, f'{settings(host)["maxauthtries"]} tries, {most} at most'


@clauses('22239-8.1.4.1-b')
@planted('LoginGraceTime 600')
def test_who_does_not_log_in_is_cut_off(host, expected):
    seconds, most = int(settings(host)['logingracetime']), expected.hardening['ssh']['login_grace_seconds']
    assert 0 < seconds <= most, f'{seconds} s to log in, {most} s at most'


@clauses('22239-8.1.4.1-a')
@planted('PasswordAuthentication yes')
def test_nobody_comes_in_with_a_password_alone(host):
    assert settings(host)['passwordauthentication'] == 'no', 'a password alone is enough'


@clauses('22239-8.1.4.2-b')
@planted('PermitRootLogin yes')
def test_root_does_not_come_in(host):
    assert settings(host)['permitrootlogin'] == 'no', f'PermitRootLogin is {settings(host)["permitrootlogin"]}'


@pytest.mark.parametrize(
    ('key', 'wanted'),
    [
        case('pubkeyauthentication', ('yes',), 'PubkeyAuthentication no'),
        case('permitemptypasswords', ('no',), 'PermitEmptyPasswords yes'),
        case('hostbasedauthentication', ('no',), 'HostbasedAuthentication yes'),
        case('ignorerhosts', ('yes',), 'IgnoreRhosts no'),
        case('gssapiauthentication', ('no',), 'GSSAPIAuthentication yes'),
        case('kbdinteractiveauthentication', ('no',), 'KbdInteractiveAuthentication yes'),
        case('authenticationmethods', ('publickey',), 'AuthenticationMethods any'),
        case('usepam', ('yes',), 'UsePAM no'),
    ],
)
@clauses('22239-8.1.4.1-a', '22239-8.1.5.1-a')
def test_who_comes_in_is_known_by_a_key_of_their_own(host, key, wanted):
    # What people give besides is asked in `second_factor`: these are the settings without a name.
    said = settings(host)
    assert said.get(key) in wanted, f'{key} is {said.get(key, "not set")}, not {wanted[0]}'


@pytest.mark.parametrize(
    ('key', 'wanted'),
    [
        case('strictmodes', ('yes',), 'StrictModes no'),
        case('permituserenvironment', ('no',), 'PermitUserEnvironment yes'),
        case('x11forwarding', ('no',), 'X11Forwarding yes'),
        case('allowagentforwarding', ('no',), 'AllowAgentForwarding yes'),
        case('allowstreamlocalforwarding', ('no',), 'AllowStreamLocalForwarding yes'),
        case('permittunnel', ('no',), 'PermitTunnel yes'),
        case('gatewayports', ('no',), 'GatewayPorts yes'),
    ],
)
@clauses('22239-8.1.4.4-c', '22239-8.1.10.6-i')
def test_a_log_in_opens_no_other_way(host, key, wanted):
    said = settings(host)
    assert said.get(key) in wanted, f'{key} is {said.get(key, "not set")}, not {wanted[0]}'


@clauses('22239-8.1.4.4-c', '22239-8.1.10.6-i')
@planted('AllowTcpForwarding yes\nPermitOpen any\n')
def test_only_the_bastion_forwards_and_only_to_ssh(host, expected):
    said = settings(host)
    if expected.tier != 'operations':
        assert said['allowtcpforwarding'] == 'no', f'it forwards connections: {said["allowtcpforwarding"]}'
        return
    assert said['allowtcpforwarding'] == 'local', f'it forwards both ways: {said["allowtcpforwarding"]}'
    ports = {int(each['variables'].get('ansible_port', 22)) for each in expected.outputs['hosts'].values()} | {22}
    targets = said['permitopen'].split()
    strange = [
        each for each in targets if not each.rpartition(':')[2].isdigit() or int(each.rpartition(':')[2]) not in ports
    ]
    assert targets and not strange, f'it forwards to what is not SSH: {" ".join(strange)}'


@clauses('22239-8.1.4.1-b', '22239-8.1.10.6-i', 'practice-idle')
@planted('ClientAliveInterval 0')
def test_a_session_whose_client_is_gone_ends(host, expected):
    said = settings(host)
    seconds = int(said['clientaliveinterval']) * int(said['clientalivecountmax'])
    most = expected.hardening['lockout']['idle_seconds']
    assert 0 < seconds <= most, f'a session without a client lives {seconds or "for ever"} s, {most} s at most'


@clauses('22239-8.1.4.1-b')
@planted('PerSourcePenalties no')
def test_a_source_that_fails_is_made_to_wait(host):
    assert settings(host)['persourcepenalties'] != 'no', 'who fails may try again at once, without end'


@clauses('22239-8.1.4.1-b')
# Of this setting alone the last value counts.
@violation(write('/etc/ssh/sshd_config.d/zz-violation.conf', 'MaxStartups 100000\n'))
def test_connections_that_have_not_logged_in_are_few(host):
    start, _, full = settings(host)['maxstartups'].split(':')
    assert int(start) <= 200 and int(full) <= 300, f'MaxStartups is {settings(host)["maxstartups"]}'


@clauses('22239-8.1.4.3-a', '22239-8.1.5.1-a')
@planted('LogLevel QUIET')
def test_log_ins_are_written_down_with_their_key(host):
    said = settings(host)
    assert said['loglevel'] in {'INFO', 'VERBOSE'}, f'LogLevel is {said["loglevel"]}'
    assert said['syslogfacility'] in {'AUTH', 'AUTHPRIV'}, f'log-ins are noted as {said["syslogfacility"]}'


@clauses('22239-8.1.5.1-a')
@planted('Banner none')
def test_who_comes_is_told_that_all_is_recorded(host):
    assert settings(host)['banner'] != 'none', 'no notice is shown before a log-in'


@pytest.mark.parametrize(
    ('key', 'section'),
    [
        pytest.param('ciphers', 'ciphers', id='ciphers', marks=planted('Ciphers aes256-ctr,aes128-cbc')),
        pytest.param('macs', 'macs', id='macs', marks=planted('MACs hmac-sha2-512,hmac-sha1')),
        pytest.param('kexalgorithms', 'key_exchanges', id='key-exchanges',
                     marks=planted('KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1')),
    ],
)  # fmt: skip
@clauses('22239-8.1.4.1-c', '22239-8.1.5.4-b')
def test_only_declared_algorithms_are_configured(host, expected, key, section):
    said, declared = algorithms(settings(host), key), expected.hardening['ssh'][section]
    assert said, f'sshd names no {key}'
    strange = [each for each in said if each not in declared]
    assert not strange, f'not declared: {", ".join(strange)}'


@pytest.mark.parametrize(
    'key',
    [
        pytest.param('ciphers', marks=planted('Ciphers 3des-cbc')),
        pytest.param('macs', marks=planted('MACs hmac-md5')),
        pytest.param('kexalgorithms', marks=planted('KexAlgorithms diffie-hellman-group1-sha1')),
        pytest.param('hostkeyalgorithms', marks=planted('HostKeyAlgorithms ssh-rsa')),
        pytest.param('pubkeyacceptedalgorithms', marks=planted('PubkeyAcceptedAlgorithms ssh-rsa')),
        pytest.param('casignaturealgorithms', marks=planted('CASignatureAlgorithms ssh-rsa')),
    ],
)
@clauses('22239-8.1.4.1-c', '22239-8.1.5.4-b')
def test_no_broken_algorithm_is_configured(host, key):
    # Also where the platform file itself declares one.
    said = algorithms(settings(host), key)
    assert said, f'sshd names no {key}'
    weak = [each for each in said if each == 'ssh-rsa' or any(word in each for word in WEAK)]
    assert not weak, f'broken: {", ".join(weak)}'


@clauses('22239-8.1.4.1-c')
@planted('RequiredRSASize 1024')
def test_short_rsa_keys_are_not_taken(host):
    bits = int(settings(host)['requiredrsasize'])
    assert bits >= 3072, f'keys of {bits} bits are taken, 3072 at least'


@pytest.mark.parametrize(
    ('kind', 'section'),
    [
        pytest.param('ciphers', 'ciphers', id='ciphers', marks=running('Ciphers aes192-ctr')),
        pytest.param('macs', 'macs', id='macs', marks=running('MACs hmac-sha1')),
        pytest.param('kex', 'key_exchanges', id='key-exchanges', marks=running('KexAlgorithms ecdh-sha2-nistp256')),
    ],
)
@clauses('22239-8.1.4.1-c', '22239-8.1.5.4-b')
def test_the_running_daemon_offers_only_declared_algorithms(host, expected, kind, section):
    declared = (*expected.hardening['ssh'][section], 'ext-info-s', 'kex-strict-s-v00@openssh.com')
    strange = [each for each in offered(host)[kind] if each not in declared]
    assert not strange, f'offered and not declared: {", ".join(strange)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.1-c')
@running('PasswordAuthentication yes\nAuthenticationMethods any')
def test_the_running_daemon_asks_for_no_password(host):
    ways = offered(host)['ways']
    if not ways:
        not_verified('the daemon refuses the host itself before it says how one could log in')
    assert set(ways) == {'publickey'}, f'it offers {", ".join(ways)} to who comes from the host itself'


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-b')
@running('LogLevel QUIET')
def test_a_refused_log_in_is_on_record(host):
    records = offered(host)['records']
    assert any('127.0.0.1' in each for each in records), 'the daemon refused a log-in, and the journal does not say so'


@clauses('22239-8.1.4.1-c', '22239-8.1.5.4-b')
@violation(
    answered(
        'ssh -vv',
        'debug2: peer server KEXINIT proposal\ndebug2: KEX algorithms: curve25519-sha256\n'
        'debug1: Server host key: ssh-ed25519 SHA256:BfTWvAvUHfW+otherKeyThanTheOneThatIsKnown0000\n',
    )
)
def test_the_host_shows_the_key_that_the_platform_knows(host, expected):
    declared = expected.outputs['hosts'][expected.name].get('ssh_host_key')
    if not declared:
        not_verified('the platform does not know the key of this host')
    digest = hashlib.sha256(base64.b64decode(declared.split()[1])).digest()
    wanted = 'SHA256:' + base64.b64encode(digest).decode().rstrip('=')
    shown = offered(host)['host_key']
    assert shown == (wanted,), f'it shows {" ".join(shown) or "no key"}, {wanted} is known'


@clauses('22239-8.1.4.4-c', '22239-8.1.5.4-b', '22239-8.1.10.6-i')
@planted('AllowUsers *\nMatch all\n    RefuseConnection no\n')
def test_only_the_bastion_is_let_in(host, expected):
    if expected.tier == 'operations':
        not_applicable('this is the bastion: who may come to it is the firewall’s')
    user = expected.variables.get('ansible_user', 'anlan')
    assert not lets_in(settings(host, user), user, STRANGER), f'{user} is let in from {STRANGER}, which is no bastion'


@clauses('22239-8.1.4.4-c')
@planted('DenyUsers *')
def test_the_bastion_is_let_in(host, expected):
    user = expected.variables.get('ansible_user', 'anlan')
    address = next(iter(expected.addresses('operations')), '127.0.0.1')
    assert lets_in(settings(host, user, address), user, address), f'{user} is refused from the bastion {address}'


@clauses('22239-8.1.4.2-c', '22239-8.1.10.6-b')
@planted('AllowUsers *')
def test_only_named_people_are_let_in(host, expected):
    declared = {
        'anlan',
        expected.variables.get('ansible_user', 'anlan'),
        *expected.platform['configuration']['operators'],
    }
    allowed = settings(host).get('allowusers', '').split()
    assert allowed, 'whoever has an account is let in'
    strange = sorted({each.partition('@')[0] for each in allowed} - declared)
    assert not strange, f'let in and not declared: {" ".join(strange)}'


@clauses('22239-8.1.4.1-c', '22239-8.1.5.4-b')
@violation(
    run(
        'systemd-run --quiet --collect --unit=anlan-planted-telnet python3 -c "import socket,time; s=socket.socket(); '
        's.setsockopt(1,2,1); s.bind((\'127.0.0.1\',23)); s.listen(); time.sleep(60)"',
        'systemctl stop anlan-planted-telnet.service 2>/dev/null; true', 0.6,
    )
)  # fmt: skip
def test_nothing_is_administered_in_plain_text(host):
    said = host.run(LISTENERS)
    assert said.rc == 0 and said.stdout.strip(), f'the host does not say on what it listens: {said.stderr.strip()}'
    ports = [line.split()[4].rpartition(':')[2] for line in said.stdout.splitlines()]
    found = sorted({f'{UNENCRYPTED_PORTS[port]} ({port})' for port in ports if port in UNENCRYPTED_PORTS})
    assert not found, f'it listens for {", ".join(found)}'
