"""Passwords and lock-out: what PAM says is judged, and a stack that does not ask is found."""

import json

import pytest

from compliance.checks import test_lockout as lockout
from compliance.checks import test_passwords as checks
from compliance.checks import test_second_factor as second
from compliance.reading.pam import place, settings, stack
from tests.unit.compliance.checks.asked import Asked, Said, expected, fails

STACKS = (
    '/etc/pam.d/common-auth:auth\trequired\t\tpam_faillock.so preauth\n'
    '/etc/pam.d/common-auth:auth\t[success=2 default=ignore]\tpam_unix.so\n'
    '/etc/pam.d/common-auth:auth [default=die] pam_faillock.so authfail\n'
    '/etc/pam.d/common-auth:auth required pam_faillock.so authsucc\n'
    '/etc/pam.d/sudo:@include common-auth\n'
    '/etc/pam.d/common-password:password requisite pam_pwquality.so\n'
    '/etc/pam.d/common-password:password requisite pam_pwhistory.so use_authtok\n'
    '/etc/pam.d/common-password:password [success=1 default=ignore] pam_unix.so use_authtok yescrypt\n'
    '/etc/pam.d/passwd:@include common-password\n'
)
SETTINGS = (
    '/etc/security/pwhistory.conf:remember = 5\n/etc/security/faillock.conf:audit\n'
    '/etc/security/faillock.conf:deny = 5\n'
)
GOOD = {'right_before': 0, 'right_after': 7, 'right_again': 0, 'wrong': [6] * 5, 'asked': ['Verification code: ']}


def shut(**changes):
    return Asked({'lockout nobody': json.dumps(dict.fromkeys(('login', 'sudo', 'sshd'), GOOD | changes))})


def stacks(said=STACKS):
    return Asked({'/etc/pam.d/': said, '/etc/login.defs': SETTINGS})


def taken(**answers):
    tried = checks.samples(expected('app-1'))
    return Asked({'passwords nobody': json.dumps({word: answers.get(kind, 11) for kind, word in tried.items()})})


def test_a_stack_is_read_with_what_it_includes():
    lines = stack(stacks(), 'sudo', 'auth')
    assert lines[1] == ('[success=2 default=ignore]', 'pam_unix.so', '')
    assert place(lines, 'pam_faillock', 'authfail') == 2
    assert settings(stacks(), 'faillock.conf') == {'audit': 'yes', 'deny': '5'}


def test_samples_differ_from_a_good_password_in_one_thing():
    found = checks.samples(expected('app-1'))
    assert len(found['short']) == 11
    assert all(kind in {'a', 'A', '1'} or kind for kind in found)
    assert not any(each in found['few-kinds'] for each in '#!@%&*')
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize('kind', ['short', 'few-kinds', 'repeated', 'sequence', 'own-name', 'common'])
def test_a_weak_password_that_is_taken_is_found(kind):
    checks.test_a_weak_password_is_refused(taken(good=0), expected('app-1'), kind, 'a bad one')
    fails(checks.test_a_weak_password_is_refused, taken(good=0, **{kind: 0}), expected('app-1'), kind, 'a bad one',
          saying='would be taken')  # fmt: skip


def test_a_host_that_refuses_every_password_shows_nothing():
    fails(
        checks.test_a_weak_password_is_refused, taken(), expected('app-1'), 'short', 'a bad one', saying='shows nothing'
    )
    fails(checks.test_a_good_password_is_taken, taken(), expected('app-1'), saying='nothing would be taken')


def test_a_stack_that_could_not_be_asked_is_a_failure():
    dead = Asked({'passwords nobody': Said('', 1, 'not tried, for what this module does is not known: pam_exec.so')})
    fails(checks.test_a_good_password_is_taken, dead, expected('app-1'), saying='pam_exec')


@pytest.mark.parametrize(
    ('changes', 'saying'),
    [({'right_after': 0}, 'still taken'), ({'right_before': 6}, 'nothing is shown'), ({'wrong': [6, 0]}, 'was taken')],
)
def test_an_account_that_is_not_shut_is_found(changes, saying):
    lockout.test_an_account_is_shut_after_so_many_failures(shut(), expected('app-1'), 'login')
    fails(
        lockout.test_an_account_is_shut_after_so_many_failures,
        shut(**changes),
        expected('app-1'),
        'login',
        saying=saying,
    )


def test_a_stack_that_counts_no_failure_is_found():
    lockout.test_failures_are_counted_wherever_a_secret_is_asked_for(stacks(), 'sudo')
    without = stacks(STACKS.replace('pam_faillock.so authfail', 'pam_deny.so'))
    fails(lockout.test_failures_are_counted_wherever_a_secret_is_asked_for, without, 'sudo', saying='counts no failure')
    late = stacks('/etc/pam.d/sudo:auth required pam_unix.so\n' + STACKS)
    fails(lockout.test_failures_are_counted_wherever_a_secret_is_asked_for, late, 'sudo', saying='is shut')


def test_a_history_that_is_too_short_is_found():
    checks.test_an_earlier_password_is_not_taken_again(stacks(), expected('app-1'))
    short = Asked({'/etc/pam.d/': STACKS, '/etc/login.defs': SETTINGS.replace('remember = 5', 'remember = 1')})
    fails(checks.test_an_earlier_password_is_not_taken_again, short, expected('app-1'), saying='1 are remembered')


def test_a_bastion_that_asks_for_no_code_is_found():
    second.test_the_bastion_asks_for_a_one_time_code(shut(), expected('ops-1'))
    fails(
        second.test_the_bastion_asks_for_a_one_time_code,
        shut(asked=['Password: ']),
        expected('ops-1'),
        saying='not for a code',
    )
    fails(second.test_who_has_no_secret_is_refused, shut(wrong=[0]), expected('ops-1'), saying='comes in')
