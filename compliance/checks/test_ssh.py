"""SSH: how administrators come in, as the daemon itself says that it works."""

from __future__ import annotations

from compliance.checking import clauses, violation
from compliance.violation import append, write


def settings(host):
    """Return what `sshd -T` says, by key."""
    said = host.run('sshd -T')
    assert said.rc == 0, f'sshd does not say how it works: {said.stderr.strip()}'
    found = {}
    for line in said.stdout.splitlines():
        name, _, value = line.partition(' ')
        found.setdefault(name, value)
    return found


@clauses('22239-8.1.4.1-b')
@violation(write('/etc/ssh/sshd_config.d/00-violation.conf', 'MaxAuthTries 20\n'))
def test_a_connection_ends_after_few_failed_tries(host, expected):
    most = expected.hardening['ssh']['attempts']
    assert int(settings(host)['maxauthtries']) <= most, f'{settings(host)["maxauthtries"]} tries, {most} at most'


@clauses('22239-8.1.4.1-a')
@violation(write('/etc/ssh/sshd_config.d/00-violation.conf', 'PasswordAuthentication yes\n'))
def test_nobody_comes_in_with_a_password_alone(host):
    assert settings(host)['passwordauthentication'] == 'no', 'a password alone is enough'


@clauses('22239-8.1.4.2-b')
@violation(write('/etc/ssh/sshd_config.d/00-violation.conf', 'PermitRootLogin yes\n'))
def test_root_does_not_come_in(host):
    assert settings(host)['permitrootlogin'] == 'no', f'PermitRootLogin is {settings(host)["permitrootlogin"]}'
