"""Operators: who has an account is who the platform names, with the key it names, and came through the bastion."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading.accounts import accounts
from compliance.reading.log_ins import log_ins as recorded
from compliance.violation import answered, run

# Fingerprints alone leave the host.
KEYS = (
    'for file in /root/.ssh/authorized_keys* /home/*/.ssh/authorized_keys* /var/lib/*/.ssh/authorized_keys* '
    '/etc/ssh/authorized_keys*/*; do [ -f "$file" ] || continue; '
    'ssh-keygen -lf "$file" 2>/dev/null | while read -r bits print rest; do echo "$file $bits $print"; done; '
    'done; true'
)
LEFT = (
    "find /home /root /var/tmp -xdev -maxdepth 4 -type f \\( -name 'id_*' ! -name '*.pub' -o -name '*.pem' "
    "-o -name '*.key' -o -name .netrc -o -name .pgpass -o -name .rhosts -o -name .shosts -o -name .git-credentials "
    "-o -name '.vault*' -o -name '.*_history' "
    "-o -name '*.kdbx' -o -path '*/.ansible/tmp/*' \\) -size +0 -printf '%p\\n'; echo end"
)
FORMER = 'cat /var/lib/anlan/former-operators 2>/dev/null; true'
KINDS = {
    'private-key': r'/id_[^/]+$|\.(pem|key|kdbx)$',
    'stored-password': r'/\.(netrc|pgpass|git-credentials|vault[^/]*)$',
    'trusted-host': r'/\.[rs]hosts$',
    'typed-command': r'/\.[^/]*_history$',
    'file-of-the-automation': r'/\.ansible/tmp/',
}

LONGEST_UNUSED_DAYS = 90
"""Project default: no text says how long an account may lie unused."""

LAST_LOG_INS = (
    'for name in {names}; do echo last $name $(journalctl -q -t sshd-session -t sshd -o short-unix -n 1 '
    '-g "^Accepted [^ ]+ for $name from " | cut -d. -f1); done; '
    'echo oldest $(journalctl -q -o short-unix | head -n 1 | cut -d. -f1); echo now $(date +%s)'
)


def automation(expected):
    return {'anlan', expected.variables.get('ansible_user', 'anlan')}


def declared(expected):
    return expected.platform['configuration']['operators']


def keys(host):
    """Fingerprints and sizes of keys that log-ins are accepted with, by file."""
    said, found = host.run(KEYS), {}
    assert said.rc == 0, f'the host does not say with which keys one comes in: {said.stderr.strip()}'
    for line in said.stdout.splitlines():
        path, bits, print_ = line.split(' ')
        found.setdefault(path, []).append((bits, print_))
    assert found, 'nobody has a key: the account that asked cannot have come in'
    return found


def fingerprint(public):
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return 'SHA256:' + base64.b64encode(digest).decode().rstrip('=')


def log_ins(host):
    """Ways, names and addresses of log-ins on record."""
    found = recorded(host)
    if not found:
        not_verified('no log-in is among the last records of SSH')
    return found


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-c', '22239-8.1.5.1-a', '22239-8.1.10.6-b', '22239-8.1.8.2')
@violation(run("printf 'anlan-planted:x:4244:65534::/nonexistent:/bin/bash\\n' >> /etc/passwd",
               "sed -i '/^anlan-planted:/d' /etc/passwd"))  # fmt: skip
def test_accounts_of_people_are_those_that_the_platform_names(host, expected):
    there = {each.name for each in accounts(host) if each.is_person and each.has_shell}
    wanted = automation(expected) | set(declared(expected))
    more, missing = sorted(there - wanted), sorted(set(declared(expected)) - there)
    assert there & automation(expected), 'the account that asked is not among the accounts'
    assert not more, f'not named by the platform: {" ".join(more)}'
    assert not missing, f'named by the platform and not here: {" ".join(missing)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-c', '22239-8.1.10.6-b', '22239-8.1.8.2')
@violation(run(
    'mkdir -p /var/lib/anlan-planted/.ssh && ssh-keygen -q -t ed25519 -N "" -f /run/anlan-planted-key && '
    'mv /run/anlan-planted-key.pub /var/lib/anlan-planted/.ssh/authorized_keys; rm -f /run/anlan-planted-key',
    'rm -rf /var/lib/anlan-planted /run/anlan-planted-key*'))  # fmt: skip
def test_nobody_else_has_a_key_to_come_in(host, expected):
    homes = {each.home: each.name for each in accounts(host)}
    wanted = automation(expected) | set(declared(expected))
    found = sorted(path for path in keys(host) if homes.get(path.partition('/.ssh/')[0]) not in wanted)
    assert not found, f'with keys of nobody the platform names: {" ".join(found)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.10.6-b')
@violation(run(
    'for home in /home/*; do case "$home" in /home/anlan) continue;; esac; '
    '[ -e "$home/.ssh/authorized_keys" ] && cp -p "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; '
    'ssh-keygen -q -t ed25519 -N "" -f /run/anlan-planted-key && '
    'cat /run/anlan-planted-key.pub > "$home/.ssh/authorized_keys2"; rm -f /run/anlan-planted-key*; break; done',
    'rm -f /home/*/.ssh/authorized_keys2 /run/anlan-planted-key*'))  # fmt: skip
def test_each_operator_has_the_declared_key_and_no_other(host, expected):
    people = declared(expected)
    if not people:
        not_applicable('the platform names no operator')
    homes = {each.name: each.home for each in accounts(host)}
    every = keys(host)
    for name, public in sorted(people.items()):
        there = sorted({print_ for path, found in every.items() for _, print_ in found
                        if path.startswith(f'{homes.get(name, "/nonexistent")}/.ssh/')})  # fmt: skip
        assert there == [fingerprint(public)], (
            f'{name} comes in with {" ".join(there) or "no key"}, not the declared one'
        )


@clauses('22239-8.1.4.2-c', '22239-8.1.10.6-b')
@violation(run(
    'ssh-keygen -q -t ed25519 -N "" -f /run/anlan-planted-key && install -m 0600 -o anlan /run/anlan-planted-key.pub '
    '/home/anlan/.ssh/authorized_keys2; rm -f /run/anlan-planted-key*',
    'rm -f /home/anlan/.ssh/authorized_keys2 /run/anlan-planted-key*'))  # fmt: skip
def test_the_automation_has_one_key(host, expected):
    user = expected.variables.get('ansible_user', 'anlan')
    homes = {each.name: each.home for each in accounts(host)}
    assert user in homes, f'{user} has no account'
    there = {print_ for path, found in keys(host).items() for _, print_ in found
             if path.startswith(f'{homes[user]}/.ssh/')}  # fmt: skip
    assert len(there) == 1, f'{user} comes in with {len(there)} keys: {" ".join(sorted(there))}'


@clauses('22239-8.1.4.2-c')
@violation(answered('authorized_keys', '/home/anlan/.ssh/authorized_keys 256 SHA256:same\n'
                                       '/home/planted/.ssh/authorized_keys 256 SHA256:same\n'))  # fmt: skip
def test_no_key_is_shared_by_two_accounts(host):
    owners: dict[str, set[str]] = {}
    for path, found in keys(host).items():
        for _, print_ in found:
            owners.setdefault(print_, set()).add(path.partition('/.ssh/')[0])
    shared = [f'{print_} ({" ".join(sorted(homes))})' for print_, homes in owners.items() if len(homes) > 1]
    assert not shared, f'shared: {", ".join(shared)}'


@clauses('22239-8.1.4.1-c')
@violation(answered('authorized_keys', '/home/anlan/.ssh/authorized_keys 1024 SHA256:short\n'))
def test_no_key_is_short(host):
    # An Ed25519 key has 256 bits, an ECDSA key 256 or more, an RSA key 3072 or more.
    short = [f'{path}: {bits}' for path, found in keys(host).items() for bits, _ in found
             if (int(bits) < 256 or 521 < int(bits) < 3072)]  # fmt: skip
    assert not short, f'short keys: {", ".join(short)}'


@pytest.mark.parametrize(
    'kind',
    [
        pytest.param(kind, marks=violation(run(f'mkdir -p {path.rpartition("/")[0]}; echo planted > {path}', undo)))
        for kind, path, undo in (
            ('private-key', '/root/id_planted', 'rm -f /root/id_planted'),
            ('stored-password', '/home/anlan/.pgpass', 'rm -f /home/anlan/.pgpass'),
            ('trusted-host', '/root/.shosts', 'rm -f /root/.shosts'),
            ('typed-command', '/root/.planted_history', 'rm -f /root/.planted_history'),
            ('file-of-the-automation', '/home/anlan/.ansible/tmp/planted', 'rm -f /home/anlan/.ansible/tmp/planted'),
        )
    ],
)  # fmt: skip
@clauses('22239-8.1.10.6-h')
def test_tools_leave_nothing_behind(host, kind):
    said = host.run(LEFT)
    assert said.stdout.endswith('end\n'), f'the folders of people could not be searched: {said.stderr.strip()}'
    found = [path for path in said.stdout.splitlines()[:-1] if re.search(KINDS[kind], path)]
    assert not found, f'left behind: {" ".join(found)[:300]}'


@clauses('22239-8.1.4.3-a', '22239-8.1.10.6-b', '22239-8.1.10.6-i')
@violation(
    answered(
        'grep -E "^Accepted "',
        '  3 one publickey anlan 198.18.40.21\n  1 one publickey games 198.18.40.21\n',
    )
)
def test_who_logged_in_is_who_the_platform_names(host, expected):
    # The journal goes back further than the platform file: who was taken out of it is kept in a list by `up`.
    former = {line.split()[0] for line in host.run(FORMER).stdout.splitlines() if line.strip()}
    wanted = automation(expected) | set(declared(expected)) | former
    strange = sorted({name for _, name, _ in log_ins(host)} - wanted)
    assert not strange, f'logged in and not named by the platform: {" ".join(strange)}'


@clauses('22239-8.1.4.4-c', '22239-8.1.10.6-i', '22239-8.1.3.5-d')
@violation(answered('grep -E "^Accepted "', '  3 one publickey anlan 203.0.113.7\n'))
def test_log_ins_came_from_the_bastion(host, expected):
    if expected.tier == 'operations':
        not_applicable('this is the bastion')
    bastion = set(expected.addresses('operations'))
    strange = sorted({address for _, _, address in log_ins(host)} - bastion)
    assert not strange, f'log-ins from {" ".join(strange)}, the bastion is {" ".join(sorted(bastion))}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.1-d')
@violation(answered('grep -E "^Accepted "', '  3 one password anlan 198.18.40.21\n'))
def test_log_ins_were_by_key(host):
    ways = {way for way, _, _ in log_ins(host)}
    strange = sorted(ways - {'publickey', 'keyboard-interactive/pam'})
    assert not strange, f'logged in by {" ".join(strange)}'


@tiers('operations')
@clauses('22239-8.1.4.2-c')
@violation(answered('echo oldest ', 'last lihua 1780000000\noldest 1770000000\nnow 1795645503\n'))
def test_no_operator_has_been_away_for_long(host, expected):
    names = sorted(declared(expected))
    if not names:
        not_applicable('the platform names no operator')
    # Every way to any host leads through the bastion.
    said = host.run(LAST_LOG_INS.format(names=' '.join(names)))
    lines = [line.split() for line in said.stdout.splitlines()]
    times = {tuple(words[:-1]): int(words[-1]) for words in lines if words and words[-1].isdigit()}
    if ('oldest',) not in times or ('now',) not in times:
        not_verified('the records of log-ins cannot be read')
    since = times['now',] - LONGEST_UNUSED_DAYS * 86400
    # Somebody without a record was away for as long as there are records.
    last = {words[1]: time for words, time in times.items() if words[0] == 'last' and len(words) == 2}
    away = [name for name, time in last.items() if time < since]
    unseen = sorted(set(names) - set(last))
    if times['oldest',] < since:
        away += unseen
    assert not away, f'not logged in for {LONGEST_UNUSED_DAYS} days: {" ".join(sorted(away))}'
    if unseen:
        not_verified(
            f'no log-in of {" ".join(unseen)} is on record, and the records are younger than {LONGEST_UNUSED_DAYS} days'
        )
