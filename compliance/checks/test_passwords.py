"""Passwords: which ones a host takes, asked of its own PAM stack, and how long they are good for."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_applicable, violation
from compliance.reading.accounts import accounts
from compliance.reading.pam import PROBE, number, place, settings, stack
from compliance.violation import append, run, substitute

# Samples that are tried as a new password of `nobody` and never set. None is or was anybody's.
GOOD = 'vT7#kLq9!wZp2@Xr5%Bm8&Hc3*Fd6+Jg4=Ns1?' * 4
KINDS = ('kqxwbzrtphdfsmvjncgl', 'KQXWBZRTPHDFSMVJNCGL', '71940386257194038625', '#!@%&*+=?-#!@%&*+=?-')
QUALITY = '/etc/security/pwquality.conf'
STRONG_HASHES = ('y', 'gy', '6', '7')


def weaker(line):
    """The last line of a setting counts."""
    return violation(append(QUALITY, line))


def of_kinds(count, length):
    """A sample of so many kinds of characters, without a run or a repetition."""
    return ''.join(KINDS[place % count][place // count % 20] for place in range(length))


def samples(expected):
    """Samples by what is wrong with them; `good` is taken."""
    asked = expected.hardening['passwords']
    length, classes = asked['minimum_length'], asked['character_classes']
    room = max(length, 14)
    return {
        'good': GOOD[:room],
        'short': GOOD[: length - 1],
        'few-kinds': of_kinds(classes - 1, max(room, 16)) if classes > 1 else '',
        'repeated': 'vT7#' + 'a' * 6 + GOOD[4:room],
        'sequence': 'vT7#' + 'abcdefgh' + GOOD[4:room],
        'own-name': 'Nobody7#' + GOOD[4:room],
        'common': 'Password2024!' + ('Password2024!' * 10)[: max(0, room - 13)],
    }


def taken(host, expected):
    """Which samples the host would take, by what is wrong with them."""
    tried = samples(expected)
    said = host.run('python3 -c %s passwords nobody' + ' %s' * len(tried), PROBE, *tried.values())
    assert said.rc == 0, f'the PAM stack of passwords could not be asked: {said.stderr.strip()[-300:]}'
    codes = json.loads(said.stdout)
    return {kind: codes[sample] == 0 for kind, sample in tried.items()}


@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
@violation(append(QUALITY, 'minlen = 200'))
def test_a_good_password_is_taken(host, expected):
    # Who refuses everything refuses a bad one for no good reason.
    assert taken(host, expected)['good'], 'a long password of four kinds is refused: nothing would be taken'


@pytest.mark.parametrize(
    ('kind', 'why'),
    [
        pytest.param('short', 'one that is a character too short', id='short', marks=weaker('minlen = 6')),
        pytest.param('few-kinds', 'one with too few kinds of characters', id='few-kinds', marks=weaker('minclass = 0')),
        pytest.param('repeated', 'one that repeats a character', id='repeated', marks=weaker('maxrepeat = 0')),
        pytest.param('sequence', 'one with a run of the alphabet', id='sequence', marks=weaker('maxsequence = 0')),
        pytest.param('own-name', 'one with the name of the account', id='own-name',
                     marks=weaker('usercheck = 0\ngecoscheck = 0')),
        pytest.param('common', 'one that everybody tries first', id='common',
                     marks=violation(run(
                         f'cp -p {QUALITY} {QUALITY}.planted; '
                         f'printf "dictcheck = 0\\nbadwords = zzzz\\n" >> {QUALITY}',
                         f'if [ -e {QUALITY}.planted ]; then mv {QUALITY}.planted {QUALITY}; fi'))),
    ],
)  # fmt: skip
@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
def test_a_weak_password_is_refused(host, expected, kind, why):
    if not samples(expected)[kind]:
        not_applicable('the platform asks for one kind of characters alone')
    said = taken(host, expected)
    assert said['good'], 'nothing would be taken, so a refusal shows nothing'
    assert not said[kind], f'{why} would be taken'


@pytest.mark.parametrize(
    ('key', 'parameter', 'most'),
    [
        pytest.param('PASS_MAX_DAYS', 'maximum_days', True, id='maximum',
                     marks=violation(substitute('/etc/login.defs', '^PASS_MAX_DAYS.*', 'PASS_MAX_DAYS 99999'))),
        pytest.param('PASS_MIN_DAYS', 'minimum_days', False, id='minimum',
                     marks=violation(substitute('/etc/login.defs', '^PASS_MIN_DAYS.*', 'PASS_MIN_DAYS 0'))),
        pytest.param('PASS_WARN_AGE', 'warning_days', False, id='warning',
                     marks=violation(substitute('/etc/login.defs', '^PASS_WARN_AGE.*', 'PASS_WARN_AGE 0'))),
    ],
)  # fmt: skip
@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
def test_a_new_account_has_to_change_its_password(host, expected, key, parameter, most):
    days, wanted = number(settings(host, 'login.defs'), key, 'login.defs'), expected.hardening['passwords'][parameter]
    good = 0 < days <= wanted if most else days >= wanted
    assert good, f'{key} is {days} days, {"at most" if most else "at least"} {wanted} are asked for'


@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
@violation(
    run(
        "printf 'anlan-planted:x:4242:65534::/nonexistent:/usr/sbin/nologin\\n' >> /etc/passwd; "
        "printf 'anlan-planted:$y$j9T$planted$0:20000:0:99999:7:::\\n' >> /etc/shadow",
        "sed -i '/^anlan-planted:/d' /etc/shadow /etc/passwd",
    )
)
def test_every_password_there_is_runs_out(host, expected):
    most = expected.hardening['passwords']['maximum_days']
    every = accounts(host)
    assert any(each.password for each in every), 'the host does not say what passwords its accounts have'
    found = [
        f'{each.name} ({each.maximum_days or "never"})' for each in every
        if each.has_password and not 0 < (each.maximum_days or 0) <= most
    ]  # fmt: skip
    assert not found, f'good for more than {most} days: {", ".join(found)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.8-b', 'guideline-6.4.1.1')
@violation(
    run(
        "printf 'anlan-planted:x:4242:65534::/nonexistent:/usr/sbin/nologin\\n' >> /etc/passwd; "
        "printf 'anlan-planted:$1$planted$0:20000:1:90:7:::\\n' >> /etc/shadow",
        "sed -i '/^anlan-planted:/d' /etc/shadow /etc/passwd",
    )
)
def test_every_password_there_is_has_a_strong_hash(host):
    every = accounts(host)
    assert any(each.password for each in every), 'the host does not say what passwords its accounts have'
    found = [
        f'{each.name} ({each.password})' for each in every if each.has_password and each.password not in STRONG_HASHES
    ]
    assert not found, f'kept as a weak hash: {", ".join(found)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.8-b', 'guideline-6.4.1.1')
@violation(substitute('/etc/pam.d/common-password', 'yescrypt', 'md5'))
def test_a_new_password_is_kept_as_a_strong_hash(host):
    lines = stack(host, 'passwd', 'password')
    found = [arguments.split() for _, module, arguments in lines if module == 'pam_unix.so']
    assert found, 'nothing keeps a new password'
    assert all({'yescrypt', 'gost_yescrypt', 'sha512'} & set(each) for each in found), f'kept with {" ".join(found[0])}'


@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
@violation(substitute('/etc/security/pwhistory.conf', '^remember.*', 'remember = 0'))
def test_an_earlier_password_is_not_taken_again(host, expected):
    lines, wanted = stack(host, 'passwd', 'password'), expected.hardening['passwords']['remembered']
    history, kept = place(lines, 'pam_pwhistory'), place(lines, 'pam_unix')
    assert history is not None and kept is not None and history < kept, 'nothing remembers earlier passwords'
    assert lines[history][0] in {'requisite', 'required'}, f'who remembers is not asked: {lines[history][0]}'
    arguments = dict(each.partition('=')[::2] for each in lines[history][2].split())
    remembered = arguments.get('remember') or settings(host, 'pwhistory.conf').get('remember', '0')
    assert int(remembered) >= wanted, f'{remembered} are remembered, {wanted} at least'


@clauses('22239-8.1.4.1-a', 'guideline-6.4.1.1', 'practice-password')
@violation(substitute('/etc/pam.d/common-auth', 'pam_unix.so', 'pam_unix.so nullok'))
def test_an_empty_password_is_never_enough(host):
    for service in ('login', 'sudo', 'su', 'sshd'):
        lines = stack(host, service, 'auth')
        assert lines, f'{service} asks nothing'
        assert place(lines, 'pam_unix', 'nullok') is None, f'{service} takes an empty password'
