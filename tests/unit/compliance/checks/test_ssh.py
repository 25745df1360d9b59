"""SSH: what the daemon says and offers is read as it is meant, and a fault in it is found."""

import pytest

from compliance.checks import test_ssh as checks
from compliance.reading.sshd import lets_in, offered, settings
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

GOOD = (
    'maxauthtries 4\nlogingracetime 30\nclientaliveinterval 60\nclientalivecountmax 3\nallowtcpforwarding no\n'
    'allowusers anlan@198.18.40.21\nallowusers li-wei@198.18.40.0/24\npubkeyauthentication yes\n'
    'maxstartups 100:30:200\nciphers aes256-gcm@openssh.com\nbanner /etc/issue.net\n'
)
OFFER = (
    'debug2: local client KEXINIT proposal\ndebug2: KEX algorithms: diffie-hellman-group1-sha1\n'
    'debug2: peer server KEXINIT proposal\ndebug2: KEX algorithms: curve25519-sha256,kex-strict-s-v00@openssh.com\n'
    'debug2: host key algorithms: ssh-ed25519\ndebug2: ciphers stoc: aes256-gcm@openssh.com\n'
    'debug2: MACs stoc: hmac-sha2-512\ndebug1: Server host key: ssh-ed25519 SHA256:abc\n'
    'debug1: Authentications that can continue: publickey\n'
    'record: Invalid user anlan-check-7 from 127.0.0.1 port 40112\n'
)


def host(said=GOOD, offer=OFFER):
    return Asked({'sshd -T': said, 'ssh -vv': offer})


def test_keys_that_are_there_twice_are_joined():
    assert settings(host())['allowusers'] == 'anlan@198.18.40.21 li-wei@198.18.40.0/24'


@pytest.mark.parametrize(
    ('user', 'address', 'let_in'),
    [
        ('anlan', '198.18.40.21', True), ('anlan', '198.18.40.22', False), ('li-wei', '198.18.40.99', True),
        ('li-wei', '203.0.113.7', False), ('games', '198.18.40.21', False),
    ],
)  # fmt: skip
def test_who_may_come_from_where_is_judged_by_name_and_address(user, address, let_in):
    assert lets_in(settings(host()), user, address) is let_in


@pytest.mark.parametrize('line', ['denyusers anlan', 'refuseconnection yes'])
def test_who_is_denied_is_not_let_in(line):
    assert not lets_in(settings(host(f'{GOOD}{line}\n')), 'anlan', '198.18.40.21')


def test_without_a_list_everybody_is_let_in():
    assert lets_in({'pubkeyauthentication': 'yes'}, 'games', '203.0.113.7')


def test_what_the_server_offers_is_not_what_the_client_does():
    assert offered(host())['kex'] == ('curve25519-sha256', 'kex-strict-s-v00@openssh.com')
    checks.test_the_running_daemon_offers_only_declared_algorithms(host(), expected('app-1'), 'kex', 'key_exchanges')


def test_an_undeclared_algorithm_of_the_running_daemon_is_found():
    bad = host(offer=OFFER.replace('curve25519-sha256,', 'curve25519-sha256,diffie-hellman-group14-sha1,'))
    fails(checks.test_the_running_daemon_offers_only_declared_algorithms, bad, expected('app-1'), 'kex',
          'key_exchanges', saying='diffie-hellman-group14-sha1')  # fmt: skip


def test_a_text_that_is_no_answer_of_the_daemon_is_no_settings():
    with pytest.raises(AssertionError, match='does not say how it works'):
        settings(host('xyzzy\n'))


def test_a_daemon_that_does_not_answer_passes_nothing():
    dead = host(offer='ssh: connect to host 127.0.0.1 port 22: Connection refused\n')
    fails(checks.test_the_running_daemon_asks_for_no_password, dead, saying='does not answer')


def test_a_daemon_that_refuses_before_it_says_how_one_logs_in_is_not_judged():
    refusing = host(offer=OFFER.replace('debug1: Authentications that can continue: publickey\n', ''))
    cannot_judge(checks.test_the_running_daemon_asks_for_no_password, refusing)


def test_a_password_that_is_offered_is_found():
    bad = host(offer=OFFER.replace('continue: publickey', 'continue: publickey,password'))
    fails(checks.test_the_running_daemon_asks_for_no_password, bad, saying='password')


def test_a_refusal_that_is_not_on_record_is_found():
    fails(checks.test_a_refused_log_in_is_on_record, host(offer=OFFER.partition('record')[0]), saying='journal')


@pytest.mark.parametrize(('interval', 'count'), [('0', '3'), ('300', '3')])
def test_a_session_without_a_client_that_lives_too_long_is_found(interval, count):
    said = GOOD.replace('interval 60', f'interval {interval}').replace('max 3', f'max {count}')
    fails(checks.test_a_session_whose_client_is_gone_ends, host(said), expected('app-1'), saying='600 s at most')


def test_a_bastion_that_forwards_to_a_database_is_found():
    said = 'allowtcpforwarding local\npermitopen 198.18.30.11:5432 198.18.30.11:22\n'
    fails(checks.test_only_the_bastion_forwards_and_only_to_ssh, host(said), expected('ops-1'), saying='5432')


def test_settings_that_cannot_be_read_are_a_failure_and_no_pass():
    fails(checks.test_root_does_not_come_in, host(Said('', 255, 'bad configuration')), saying='bad configuration')


def test_a_listener_of_telnet_is_found():
    line = 'tcp LISTEN 0 5 0.0.0.0:{} 0.0.0.0:* users:(("x",pid=1,fd=3))\n'
    checks.test_nothing_is_administered_in_plain_text(Asked({'ss': line.format(22)}))
    fails(
        checks.test_nothing_is_administered_in_plain_text,
        Asked({'ss': line.format(22) + line.format(23)}),
        saying='telnet',
    )
