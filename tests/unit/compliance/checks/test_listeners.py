"""Checks of listeners: what ss says, held against the declared flows."""

import pytest

from anlan.errors import AnlanError
from compliance.checks import test_listeners as listeners
from compliance.reading.sockets import declared, sockets_of
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails

APP = """udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:* users:(("chronyd",pid=287,fd=5))
udp UNCONN 0 0 127.0.0.11:48544 0.0.0.0:*
udp UNCONN 0 0 *:3783 *:* users:(("python3",pid=1971,fd=5))
tcp LISTEN 0 500 127.0.0.1:5432 0.0.0.0:* users:(("haproxy",pid=1569,fd=10))
tcp LISTEN 0 1024 198.18.20.11:8443 0.0.0.0:* users:(("nginx",pid=1588,fd=3),("nginx",pid=1587,fd=3))
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=140,fd=6))
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=140,fd=7))
"""


def host(more=''):
    return Asked({listeners.SOCKETS: APP + more})


def test_what_the_lab_declares_of_an_app_host_may_listen():
    for protocol in ('tcp', 'udp'):
        listeners.test_nothing_listens_for_others_but_what_is_declared(host(), expected('app-1'), protocol)
    listeners.test_nothing_listens_on_the_loopback_but_what_is_declared(host(), expected('app-1'))
    listeners.test_the_program_that_answers_is_the_declared_one(host(), expected('app-1'))
    listeners.test_what_is_declared_does_listen(host(), expected('app-1'))


@pytest.mark.parametrize(('line', 'words'), [
    ('tcp LISTEN 0 5 0.0.0.0:8080 0.0.0.0:* users:(("python3",pid=9,fd=3))', 'python3 on tcp 0.0.0.0:8080'),
    ('tcp LISTEN 0 5 *:8080 *:*', 'somebody on tcp'),
    ('tcp LISTEN 0 5 [::ffff:198.18.20.11]:8080 [::]:* users:(("java",pid=9,fd=3))', 'java on tcp 198.18.20.11:8080'),
])  # fmt: skip
def test_a_listener_that_nobody_declared_is_named(line, words):
    check = listeners.test_nothing_listens_for_others_but_what_is_declared
    fails(check, host(line), expected('app-1'), 'tcp', saying=words.replace('.', r'\.'))


def test_a_name_server_of_docker_is_let_be_in_a_lab_alone():
    check = listeners.test_nothing_listens_on_the_loopback_but_what_is_declared
    check(host(), expected('app-1'))
    fails(check, host('udp UNCONN 0 0 127.0.0.12:53 0.0.0.0:*'), expected('app-1'), saying='127.0.0.12:53')


def test_another_program_on_a_declared_port_is_named():
    other = Asked({listeners.SOCKETS: APP.replace('"nginx"', '"nc"')})
    fails(
        listeners.test_the_program_that_answers_is_the_declared_one,
        other,
        expected('app-1'),
        saying='nc on tcp .*, not nginx',
    )


def test_a_declared_port_that_nobody_answers_is_named():
    silent = Asked({listeners.SOCKETS: APP.replace('8443', '8444')})
    fails(listeners.test_what_is_declared_does_listen, silent, expected('app-1'), saying=r'tcp 8443 \(nginx\)')


def test_a_service_on_every_address_is_seen():
    wide = Asked({listeners.SOCKETS: APP.replace('198.18.20.11:8443', '0.0.0.0:8443')})
    fails(listeners.test_what_is_for_one_zone_listens_on_its_address_alone, wide, expected('app-1'), saying='8443')


def test_a_host_that_says_nothing_is_not_passed():
    cannot_judge(listeners.test_nothing_listens_for_others_but_what_is_declared, Asked({}), expected('app-1'), 'tcp')


def test_a_user_without_an_address_is_let_in_from_anywhere():
    check = listeners.test_administration_comes_from_the_bastion_alone
    bastion = expected('app-1').addresses('operations')[0]
    check(Asked({'sshd -T': f'allowusers anlan@{bastion} li-wei@{bastion}\n'}), expected('app-1'))
    fails(check, Asked({'sshd -T': f'allowusers anlan@{bastion} li-wei\n'}), expected('app-1'), saying='li-wei')
    fails(check, Asked({'sshd -T': f'allowusers anlan@{bastion}9\n'}), expected('app-1'), saying='elsewhere')
    fails(check, Asked({'sshd -T': 'port 22\n'}), expected('app-1'), saying='anybody')


def test_each_tier_has_ssh_and_what_its_flows_lead_to():
    assert declared(expected('db-1'))['tcp', 5432] == 'postgres'
    assert declared(expected('lb-1'))['tcp', 443] == 'haproxy'
    assert declared(expected('edge-1'))['udp', 443] == 'nginx'
    assert declared(expected('ops-1')) == {
        ('tcp', 22): 'sshd', ('tcp', 8432): 'pgbackrest', ('tcp', 8444): 'restic-rest-ser'
    }  # fmt: skip


def test_a_line_that_cannot_be_read_is_said():
    with pytest.raises(AnlanError, match='cannot be read'):
        sockets_of('nonsense')
