"""The second factor: people give a one-time code besides their key at the bastion."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_applicable, tiers, violation
from compliance.reading.pam import PROBE, place, stack
from compliance.reading.sshd import settings
from compliance.violation import mode, run, substitute, write

STACK = '/etc/pam.d/sshd'
FOLDER = '/var/lib/anlan/second-factor'
SECRETS = f"stat -c '%n %a %U' {FOLDER} {FOLDER}/* 2>/dev/null; true"
OPTIONS = f"grep -HsE '^\" [A-Z_]+( [0-9 ]+)?$' {FOLDER}/* | cut -d: -f1,2; true"


def people(expected):
    names = sorted(expected.platform['configuration']['operators'])
    if not names:
        not_applicable('the platform names no operator: nobody logs in but the automation')
    return names


def asked(host, expected):
    """What the stack of SSH does with one who has no secret and gives a wrong code. The count is put back."""
    failures = expected.hardening['lockout']['attempts']
    said = host.run('python3 -c %s lockout nobody %s login sudo sshd', PROBE, str(failures))
    assert said.rc == 0, f'the PAM stack of SSH could not be asked: {said.stderr.strip()[-300:]}'
    return json.loads(said.stdout)['sshd']


@clauses('22239-8.1.4.1-d')
@tiers('operations')
@violation(substitute(STACK, 'pam_google_authenticator.so.*', 'pam_unix.so'))
def test_the_bastion_asks_for_a_one_time_code(host, expected):
    assert expected.hardening['ssh']['second_factor'], 'the platform file asks for no second factor'
    found = asked(host, expected)['asked']
    assert any('code' in each.lower() for each in found), f'it asks for {", ".join(found) or "nothing"}, not for a code'


@clauses('22239-8.1.4.1-d')
@tiers('operations')
@violation(substitute(STACK, 'pam_google_authenticator.so.*', 'pam_permit.so'))
def test_who_has_no_secret_is_refused(host, expected):
    assert all(asked(host, expected)['wrong']), 'who has no secret and gives a wrong code comes in'


@clauses('22239-8.1.4.1-b', '22239-8.1.4.1-d')
@tiers('operations')
@violation(substitute('/etc/security/faillock.conf', '^deny.*', 'deny = 0'))
def test_so_many_wrong_codes_shut_the_account(host, expected):
    found = asked(host, expected)
    assert found['right_before'] == 0, f'a right code is not taken: nothing is shown ({found["right_before"]})'
    assert found['right_after'] != 0, f'after {len(found["wrong"])} wrong codes a right one is still taken'


@clauses('22239-8.1.4.1-d')
@tiers('operations')
@violation(substitute(STACK, '(pam_google_authenticator.so.*)', '\\1 nullok grace_period=86400'))
def test_a_code_is_asked_for_each_time(host, expected):
    lines = stack(host, 'sshd', 'auth')
    where = place(lines, 'pam_google_authenticator')
    assert where is not None, 'no code is asked for'
    bad = [each for each in lines[where][2].split() if each.startswith(('nullok', 'grace_period', 'echo_verification'))]
    assert not bad, f'the code is asked for with {" ".join(bad)}'


@clauses('22239-8.1.4.1-d', '22239-8.1.5.1-a', '22239-8.1.5.2-a', '22239-8.1.5.3-a')
@tiers('operations')
@violation(
    write(
        '/etc/ssh/sshd_config.d/00-0violation.conf',
        'Match Group anlan-operators\n    AuthenticationMethods publickey\n',
    )
)
def test_each_operator_gives_key_and_code(host, expected):
    found = {
        name: settings(host, name, expected.addresses('operations')[0])['authenticationmethods']
        for name in people(expected)
    }
    alone = [f'{name} ({said})' for name, said in found.items() if said != 'publickey,keyboard-interactive:pam']
    assert not alone, f'with something else than key and code: {", ".join(alone)}'


@clauses('22239-8.1.4.1-d')
@tiers('operations')
@violation(
    write(
        '/etc/ssh/sshd_config.d/00-0violation.conf',
        'Match Group anlan-operators\n    KbdInteractiveAuthentication no\n',
    )
)
def test_each_operator_can_be_asked_for_a_code(host, expected):
    mute = [
        name
        for name in people(expected)
        if settings(host, name, expected.addresses('operations')[0])['kbdinteractiveauthentication'] != 'yes'
    ]
    assert not mute, f'cannot be asked: {" ".join(mute)}'


def secrets(host):
    found = {}
    for line in host.run(SECRETS).stdout.splitlines():
        path, bits, owner = line.rsplit(' ', 2)
        found[path] = int(bits, 8), owner
    return found


@clauses('22239-8.1.4.1-d', '22239-8.1.10.6-b')
@tiers('operations')
@violation(run(f'install -m 0600 /dev/null {FOLDER}/anlan-planted', f'rm -f {FOLDER}/anlan-planted'))
def test_each_operator_and_nobody_else_has_a_secret(host, expected):
    found = {path.rpartition('/')[2] for path in secrets(host) if path != FOLDER and not path.endswith('.given')}
    declared = set(expected.platform['configuration']['operators'])
    if not declared and not found and FOLDER not in secrets(host):
        not_applicable('the platform names no operator, and there is no secret')
    assert found == declared, f'with a secret: {" ".join(sorted(found))}; declared: {" ".join(sorted(declared))}'


@clauses('22239-8.1.4.1-d', '22239-8.1.4.2-f')
@tiers('operations')
@violation(mode(FOLDER, '0755'))
def test_secrets_of_codes_are_root_s_alone(host, expected):
    people(expected)
    found = secrets(host)
    assert len(found) > 1, f'there is no secret in {FOLDER}'
    bad = [f'{path} ({bits:o}, {owner})' for path, (bits, owner) in found.items() if bits & 0o077 or owner != 'root']
    assert not bad, f'open to others: {", ".join(bad)}'


@pytest.mark.parametrize(
    'option',
    [
        pytest.param(name, marks=violation(run(
            f'for f in {FOLDER}/*; do case "$f" in *.given) ;; *) cp -p "$f" "/run/anlan-planted-$(basename "$f")"; '
            f"sed -i '/{name}/d' \"$f\";; esac; done",
            f'for f in /run/anlan-planted-*; do [ -e "$f" ] && mv "$f" "{FOLDER}/${{f##*planted-}}"; done; true',
        )))
        for name in ('RATE_LIMIT', 'DISALLOW_REUSE', 'TOTP_AUTH')
    ],
)  # fmt: skip
@clauses('22239-8.1.4.1-d')
@tiers('operations')
def test_a_code_is_good_once_and_for_a_short_time(host, expected, option):
    # The lines of options alone leave the host; the secret stands in another.
    people(expected)
    lines = host.run(OPTIONS).stdout.splitlines()
    files = [path for path in secrets(host) if path != FOLDER and not path.endswith('.given')]
    assert files, f'there is no secret in {FOLDER}'
    without = [path for path in files if not any(line.startswith(f'{path}:" {option}') for line in lines)]
    assert not without, f'{option} is not set: {", ".join(without)}'
