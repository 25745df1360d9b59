"""Administrators: three, whose rights have nothing in common, as sudo answers one who has the group of each."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, violation
from compliance.reading.accounts import groups
from compliance.reading.sudoers import policy
from compliance.violation import run, write

ROLES = ('system', 'audit', 'security')
DROP_IN = '/etc/sudoers.d/zz-violation'

MAY = {
    'system': {
        'restarts-a-service': 'systemctl --no-pager restart chrony.service',
        'sees-what-listens': 'ss -tlnp',
        'sees-what-failed': 'systemctl --no-pager --failed',
    },
    'audit': {
        'reads-the-journal': 'journalctl --no-pager -n 5',
        'reads-the-audit': 'aureport --input-logs --summary',
        'sees-recorded-sessions': 'sudoreplay -l',
        'sees-whether-files-changed': '/usr/local/lib/anlan/integrity status',
    },
    'security': {
        'sees-the-firewall': 'nft list ruleset',
        'starts-a-search-for-malware': 'systemctl --no-pager start anlan-malware.service',
        'sees-what-is-armed': '/usr/local/lib/anlan/guard status',
    },
}
NOBODY_MAY = {
    'start-a-shell': 'bash',
    'become-another': 'su -',
    'write-the-policy-of-sudo': 'tee /etc/sudoers',
    'stop-the-audit': 'systemctl --no-pager stop auditd.service',
    'stop-the-journal': 'systemctl --no-pager stop systemd-journald.service',
    'stop-what-sends-records': 'systemctl --no-pager stop anlan-event-upload@mon-1.service',
    'remove-records': 'rm -rf /var/log/journal',
    'shorten-the-journal': 'journalctl --no-pager --vacuum-time=1s',
    'change-rules-of-the-audit': 'auditctl -D',
    'empty-the-firewall': 'nft flush ruleset',
    'give-root-a-password': 'passwd root',
    'make-an-account': 'useradd planted',
}
MAY_NOT = {
    'system': {
        'read-the-journal': 'journalctl --no-pager -n 5',
        'open-a-shut-account': 'faillock --user planted --reset',
        'see-recorded-sessions': 'sudoreplay -l',
        'stop-the-search-for-malware': 'systemctl --no-pager stop anlan-malware.timer',
    },
    'audit': {
        'restart-a-service': 'systemctl --no-pager restart chrony.service',
        'open-a-shut-account': 'faillock --user planted --reset',
        'see-the-firewall': 'nft list ruleset',
        'read-the-journal-in-a-pager': 'journalctl -n 5',
    },
    'security': {
        'read-the-journal': 'journalctl --no-pager -n 5',
        'restart-a-service': 'systemctl --no-pager restart chrony.service',
        'see-recorded-sessions': 'sudoreplay -l',
        'start-the-host-anew': 'systemctl --no-pager reboot',
    },
}


def answers(host, roles, commands):
    """Whether sudo would run each command for one of nobody's who has the groups of these roles; nothing is run."""
    listed = ' '.join(f'"{command}"' for command in dict.fromkeys(commands))
    asking = f'for each in {listed}; do sudo -n -l $each >/dev/null 2>&1; echo "$? $each"; done'
    names = ','.join(f'anlan-{role}' for role in roles)
    said = host.run(f"setpriv --reuid nobody --regid nogroup --groups {names} sh -c '{asking}'")
    assert said.rc == 0, f'there is no group of {names}: the role does not exist on this host'
    found = {command: code for code, _, command in (line.partition(' ') for line in said.stdout.splitlines())}
    assert set(commands) <= set(found), 'sudo did not answer for every command'
    return {command: found[command] == '0' for command in commands}


def of_role(host, role):
    return answers(host, (role,), [*MAY[role].values(), *MAY_NOT[role].values()])


def granting(role):
    return violation(write(DROP_IN, f'%anlan-{role} ALL=(root) NOPASSWD: ALL\n'))


def refusing(role, command):
    program = command.split()[0]
    return violation(run(
        f"printf '%%anlan-{role} ALL=(root) NOPASSWD: !%s\\n' \"$(command -v {program})\" > {DROP_IN}",
        f'rm -f {DROP_IN}',
    ))  # fmt: skip


@pytest.mark.parametrize(
    ('role', 'command'),
    [
        pytest.param(role, command, id=f'{role}-{name}', marks=refusing(role, command))
        for role in ROLES
        for name, command in MAY[role].items()
    ],
)
@clauses('22239-8.1.4.2-d', '22239-8.1.5.1-b', '22239-8.1.5.2-b', '22239-8.1.5.3-b', '22239-8.1.10.6-a')
def test_an_administrator_may_do_the_own_work(host, role, command):
    assert of_role(host, role)[command], f'the {role} administrator may not run `{command}`'


@pytest.mark.parametrize(
    'command', [pytest.param(command, id=name, marks=granting('system')) for name, command in NOBODY_MAY.items()]
)
@clauses('22239-8.1.4.2-d', '22239-8.1.4.3-d', '22239-8.1.5.1-a', '22239-8.1.5.2-a', '22239-8.1.5.3-a')
def test_no_administrator_may(host, command):
    # Asked once, as one who is all three: what they may not together none of them may.
    assert not answers(host, ROLES, list(NOBODY_MAY.values()))[command], f'an administrator may run `{command}`'


@pytest.mark.parametrize(
    ('role', 'command'),
    [
        pytest.param(role, command, id=f'{role}-{name}', marks=granting(role))
        for role in ROLES
        for name, command in MAY_NOT[role].items()
    ],
)
@clauses('22239-8.1.4.2-d', '22239-8.1.5.1-a', '22239-8.1.5.2-a', '22239-8.1.5.3-a')
def test_an_administrator_may_not_do_the_work_of_another(host, role, command):
    assert not of_role(host, role)[command], f'the {role} administrator may run `{command}`'


@pytest.mark.parametrize(
    'role',
    [
        pytest.param(
            'system', marks=violation(run('gpasswd -a games anlan-system', 'gpasswd -d games anlan-system; true'))
        ),
        pytest.param(
            'audit', marks=violation(run('gpasswd -a games anlan-audit', 'gpasswd -d games anlan-audit; true'))
        ),
        pytest.param(
            'security', marks=violation(run('gpasswd -a games anlan-security', 'gpasswd -d games anlan-security; true'))
        ),
    ],
)
@clauses('22239-8.1.5.1-a', '22239-8.1.5.2-a', '22239-8.1.5.3-a', '22239-8.1.10.6-a', '22239-8.1.10.6-b')
def test_each_role_is_of_those_that_the_platform_names(host, expected, role):
    named = expected.hardening['administrators']
    declared = {name for name in expected.platform['configuration']['operators'] if named.get(name, 'system') == role}
    found = groups(host)
    assert f'anlan-{role}' in found, f'there is no group anlan-{role}: the role does not exist on this host'
    members = set(found[f'anlan-{role}'][1])
    assert members == declared, (
        f'{role} administrators are {" ".join(sorted(members)) or "nobody"}, '
        f'declared are {" ".join(sorted(declared)) or "nobody"}'
    )


@clauses('22239-8.1.4.2-d', '22239-8.1.10.6-a')
@violation(
    run(
        'gpasswd -a games anlan-system; gpasswd -a games anlan-audit',
        'gpasswd -d games anlan-system; gpasswd -d games anlan-audit; true',
    )
)
def test_nobody_is_two_administrators(host):
    found = groups(host)
    there = {role: set(found[f'anlan-{role}'][1]) for role in ROLES if f'anlan-{role}' in found}
    assert len(there) == len(ROLES), f'there is only {" ".join(there) or "none"} of the three roles'
    twice = (
        (there['system'] & there['audit'])
        | (there['system'] & there['security'])
        | (there['audit'] & there['security'])
    )
    assert not twice, f'two administrators at once: {" ".join(sorted(twice))}'


@clauses('22239-8.1.4.2-d', '22239-8.1.5.2-a')
@violation(
    write(DROP_IN, '%anlan-audit ALL=(root) NOPASSWD: NOEXEC: /usr/bin/id -u\n'
                   '%anlan-system ALL=(root) NOPASSWD: NOEXEC: /usr/bin/id -u\n')
)  # fmt: skip
def test_the_rights_of_administrators_have_nothing_in_common(host):
    said = policy(host)
    rights = {role: {command for each in said.of(f'%anlan-{role}') for command in each.commands} for role in ROLES}
    empty = [role for role, commands in rights.items() if not commands]
    assert not empty, f'without any right: {" ".join(empty)}'
    shared = (
        (rights['system'] & rights['audit'])
        | (rights['system'] & rights['security'])
        | (rights['audit'] & rights['security'])
    )
    assert not shared, f'of two roles: {"; ".join(sorted(shared))[:300]}'
