"""Sessions: who is idle is logged out, and what a session makes is not open to others."""

from __future__ import annotations

import re

from compliance.checking import clauses, not_applicable, tiers, violation
from compliance.reading.accounts import accounts
from compliance.reading.sshd import settings
from compliance.violation import run, write

SHELL = (
    "env -i HOME=/nonexistent TERM=dumb bash -lic 'echo mask $(umask); echo idle $TMOUT; TMOUT=0; echo changed $TMOUT' "
    '2>/dev/null </dev/null; true'
)
TERMINALS = "date +%s; find /dev/pts -mindepth 1 -type c ! -name ptmx -printf '%T@ %u %p\\n'"
DROP_IN = '/etc/ssh/sshd_config.d/00-0violation.conf'
PROFILE = '/etc/profile.d/00-violation.sh'


def shell(host):
    """What a log-in shell is given, and whether it can be changed."""
    said = dict(line.partition(' ')[::2] for line in host.run(SHELL).stdout.splitlines())
    assert 'mask' in said, 'a log-in shell does not start'
    return said


@clauses('22239-8.1.4.1-b', 'practice-idle')
@violation(write(PROFILE, 'TMOUT=86400\nreadonly TMOUT\n'))
def test_an_idle_shell_ends(host, expected):
    seconds, most = shell(host).get('idle', '').strip(), expected.hardening['lockout']['idle_seconds']
    assert seconds.isdigit(), 'a shell without a key pressed never ends'
    assert 0 < int(seconds) <= most, f'it ends after {seconds} s, {most} s at most'


@clauses('22239-8.1.4.1-b', 'practice-idle')
@violation(write(PROFILE, 'TMOUT=600\nreadonly() { :; }\n'))
def test_nobody_turns_the_idle_log_out_off(host):
    said = shell(host)
    assert said.get('idle'), 'a shell without a key pressed never ends'
    assert 'changed' not in said or said['changed'].strip() == said['idle'].strip(), (
        'a person can turn it off in their shell'
    )


@clauses('22239-8.1.4.2-f')
@violation(write('/etc/profile.d/zz-violation.sh', 'umask 000\n'))
def test_what_a_person_makes_is_not_open_to_others(host):
    mask = int(shell(host)['mask'], 8)
    assert mask & 0o027 == 0o027, f'files are made with the mask {mask:03o}, 027 at least'


@clauses('22239-8.1.4.1-b', '22239-8.1.10.6-i', 'practice-idle')
@violation(write(DROP_IN, 'Match Group anlan-operators\n    ChannelTimeout none\n'))
def test_an_idle_session_of_an_operator_is_closed(host, expected):
    most, names = expected.hardening['lockout']['idle_seconds'], sorted(expected.platform['configuration']['operators'])
    if not names:
        not_applicable('the platform names no operator: nobody logs in but the automation')
    address = expected.addresses('operations')[0]
    for name in names:
        said = settings(host, name, address)['channeltimeout']
        found = re.search(r'(?:^|\s)(?:session|\*|session:\*)=(\S+)', said)
        assert found, f'a session of {name} stays open without a key pressed ({said})'
        assert 0 < seconds_of(found[1]) <= most, f'a session of {name} is closed after {found[1]}, {most} s at most'


@clauses('22239-8.1.4.1-b', '22239-8.1.10.6-i', 'practice-idle')
@tiers('operations')
@violation(write(DROP_IN, 'Match Group anlan-operators\n    UnusedConnectionTimeout none\n'))
def test_a_way_through_the_bastion_that_is_not_used_is_closed(host, expected):
    most, names = expected.hardening['lockout']['idle_seconds'], sorted(expected.platform['configuration']['operators'])
    if not names:
        not_applicable('the platform names no operator: nobody logs in but the automation')
    for name in names:
        said = settings(host, name, expected.addresses('operations')[0])['unusedconnectiontimeout']
        assert said != 'none', f'a connection of {name} stays open for ever'
        assert 0 < seconds_of(said) <= most, f'a connection of {name} is closed after {said}, {most} s at most'


@clauses('22239-8.1.4.1-b', 'practice-idle')
@violation(
    run(
        'systemd-run --quiet --collect --unit=anlan-planted-terminal python3 -c '
        "\"import os,pty,pwd,time; a,b=pty.openpty(); n=os.ttyname(b); "
        "os.chown(n, pwd.getpwnam('games').pw_uid, 5); os.utime(n, (1, 1)); time.sleep(60)\"",
        'systemctl stop anlan-planted-terminal.service 2>/dev/null; true', 0.8,
    )
)  # fmt: skip
def test_no_terminal_of_a_person_is_idle(host, expected):
    said = host.run(TERMINALS)
    assert said.rc == 0, f'the host does not say which terminals are open: {said.stderr.strip()}'
    now, *lines = said.stdout.splitlines()
    services = {'root', 'anlan', expected.variables.get('ansible_user', 'anlan')}
    assert accounts(host), 'the host names no account'
    most = expected.hardening['lockout']['idle_seconds'] + 60
    idle = []
    for line in lines:
        touched, owner, path = line.split(' ', 2)
        if owner not in services and int(now) - float(touched) > most:
            idle.append(f'{path} of {owner} for {int(now) - int(float(touched))} s')
    assert not idle, f'open without a key pressed: {", ".join(idle)}'


def seconds_of(text):
    """Given a time as sshd writes it (`600`, `10m`, `1h`), return its seconds."""
    every = re.findall(r'(\d+)([smhdw]?)', text.lower())
    assert every, f'{text} is no time'
    return sum(
        int(number) * {'': 1, 's': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[unit] for number, unit in every
    )
