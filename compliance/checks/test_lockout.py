"""Lock-out: whether so many failures shut an account, tried on the host's own PAM stacks with `nobody`."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, violation
from compliance.reading.pam import PROBE, number, place, settings, stack
from compliance.violation import run, substitute

CONFIGURATION = '/etc/security/faillock.conf'


def tried(host, expected, service):
    """What became of right and wrong passwords for a service; the count is put back each time."""
    failures, services = expected.hardening['lockout']['attempts'], services_of(expected)
    said = host.run('python3 -c %s lockout nobody %s' + ' %s' * len(services), PROBE, str(failures), *services)
    assert said.rc == 0, f'PAM stacks could not be asked: {said.stderr.strip()[-300:]}'
    return json.loads(said.stdout)[service]


def services_of(expected):
    """Where the stack of SSH asks for a second factor, it counts failures, too."""
    return ('login', 'sudo', 'sshd') if expected.tier == 'operations' else ('login', 'sudo')


def faillock(host):
    """Return what faillock.conf says, by key."""
    said = settings(host, 'faillock.conf')
    assert said, f'{CONFIGURATION} says nothing'
    return said


def setting(key, line):
    return violation(substitute(CONFIGURATION, f'^{key}.*', line))


@pytest.mark.parametrize(
    'service',
    [
        pytest.param('login', marks=setting('deny', 'deny = 0')),
        pytest.param('sudo', marks=violation(substitute('/etc/pam.d/common-auth', '^(auth.*pam_faillock.*)$', '#\\1'))),
    ],
)
@clauses('22239-8.1.4.1-b', 'practice-lockout')
def test_an_account_is_shut_after_so_many_failures(host, expected, service):
    found = tried(host, expected, service)
    assert found['right_before'] == 0, f'a right password is not taken: nothing is shown ({found["right_before"]})'
    assert all(found['wrong']), 'a wrong password was taken'
    assert found['right_after'] != 0, f'after {len(found["wrong"])} failures a right password is still taken'


@clauses('22239-8.1.4.1-b', 'practice-lockout')
@setting('deny', 'deny = 0')
def test_an_administrator_opens_a_shut_account_again(host, expected):
    found = tried(host, expected, 'login')
    assert found['right_after'] != 0, 'it was never shut'
    assert found['right_again'] == 0, f'it stays shut after `faillock --reset` ({found["right_again"]})'


@pytest.mark.parametrize(
    'service',
    [
        pytest.param(name, marks=violation(run(
            'for f in common-auth sshd; do cp -p /etc/pam.d/$f /run/anlan-planted-$f && '
            "sed -i -E 's/^(auth.*pam_faillock.*)$/#\\1/' /etc/pam.d/$f; done",
            'for f in common-auth sshd; do [ -e /run/anlan-planted-$f ] && mv /run/anlan-planted-$f /etc/pam.d/$f; '
            'done; true')))
        for name in ('login', 'sudo', 'su', 'sshd')
    ],
)  # fmt: skip
@clauses('22239-8.1.4.1-b', 'practice-lockout')
def test_failures_are_counted_wherever_a_secret_is_asked_for(host, service):
    lines = stack(host, service, 'auth')
    counts = place(lines, 'pam_faillock', 'authfail')
    before = place(lines, 'pam_faillock', 'preauth')
    secrets = [place(lines, module) for module in ('pam_unix', 'pam_google_authenticator')]
    first = min((each for each in secrets if each is not None), default=None)
    assert first is not None, f'{service} asks for no secret at all'
    assert before is not None and before < first, f'{service} does not ask whether the account is shut'
    assert counts is not None and counts > first, f'{service} counts no failure'
    assert place(lines, 'pam_faillock', 'authsucc') is not None, f'{service} never forgets failures after a success'


@pytest.mark.parametrize(
    ('key', 'parameter'),
    [
        pytest.param(
            'fail_interval', 'window_seconds', id='window', marks=setting('fail_interval', 'fail_interval = 5')
        ),
        pytest.param('unlock_time', 'seconds', id='shut-for', marks=setting('unlock_time', 'unlock_time = 5')),
    ],
)
@clauses('22239-8.1.4.1-b', 'practice-lockout')
def test_failures_count_and_shut_for_long_enough(host, expected, key, parameter):
    seconds, least = (
        number(settings(host, 'faillock.conf'), key, CONFIGURATION),
        expected.hardening['lockout'][parameter],
    )
    # Zero is for ever, until an administrator opens it.
    assert seconds >= least or (key == 'unlock_time' and seconds == 0), f'{key} is {seconds} s, {least} s at least'


@clauses('22239-8.1.4.1-b', 'practice-lockout')
@setting('deny', 'deny = 50')
def test_no_more_failures_are_let_pass_than_declared(host, expected):
    count, most = (
        number(settings(host, 'faillock.conf'), 'deny', CONFIGURATION),
        expected.hardening['lockout']['attempts'],
    )
    assert 0 < count <= most, f'{count} failures, {most} at most'


@clauses('22239-8.1.4.1-b', 'practice-lockout')
@setting('even_deny_root', '')
def test_root_is_shut_too(host):
    assert 'even_deny_root' in faillock(host), 'root may try without end'


@clauses('22239-8.1.4.1-b', '22239-8.1.4.3-a')
@setting('audit', '')
def test_tries_for_names_that_do_not_exist_are_recorded(host):
    assert 'audit' in faillock(host), 'a try for a name that does not exist is not recorded'


@clauses('22239-8.1.4.1-b', 'practice-lockout')
@setting('silent', '')
def test_who_tries_is_not_told_whether_an_account_exists(host):
    assert 'silent' in faillock(host), 'it says that an account is shut, and so that it exists'


@clauses('22239-8.1.4.1-b', 'practice-lockout')
@violation(substitute('/etc/login.defs', '^LOGIN_RETRIES.*', 'LOGIN_RETRIES 50'))
def test_a_console_ends_after_few_failed_tries(host, expected):
    count, most = (
        number(settings(host, 'login.defs'), 'LOGIN_RETRIES', 'login.defs'),
        expected.hardening['lockout']['attempts'],
    )
    assert 0 < count <= most, f'{count} tries, {most} at most'
