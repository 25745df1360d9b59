"""Rules of the kernel's audit: what is recorded of everybody, whatever they do."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, kernel_wide, violation
from compliance.reading.audit_rules import RULES, STATE, rules, state
from compliance.violation import answered

WATCHED = (
    '/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', '/etc/security', '/etc/pam.d', '/etc/login.defs',
    '/etc/sudoers', '/etc/sudoers.d', '/etc/ssh', '/root/.ssh', '/etc/systemd/system', '/etc/nftables.conf',
    '/etc/hosts', '/etc/localtime', '/etc/audit', '/var/log/audit', '/var/log/sudo-io', '/etc/anlan',
    '/usr/local/lib/anlan',
)  # fmt: skip
"""What decides who may what, and the records themselves."""

CALLS = {
    'time': ('adjtimex', 'settimeofday', 'clock_settime'),
    'mounts': ('mount', 'umount2'),
    'modules': ('init_module', 'finit_module', 'delete_module'),
    'acts-as-root': ('execve',),
    'deletions': ('unlink', 'unlinkat', 'rename', 'renameat', 'rmdir'),
    'modes': ('chmod', 'fchmod', 'fchmodat', 'setxattr'),
    'owners': ('chown', 'fchown', 'fchownat', 'lchown'),
}
PROGRAMS = ('/usr/bin/sudo', '/usr/bin/su', '/usr/bin/passwd', '/usr/bin/chage', '/usr/bin/mount')
GOOD_RULES = (
    *(f'-w {path} -p wa -k planted' for path in WATCHED),
    *(f'-a always,exit -F arch=b64 -S {",".join(calls)} -F auid>=1000 -F key={name}' for name, calls in CALLS.items()),
    *(f'-a always,exit -F path={path} -F perm=x -F auid>=1000 -F auid!=-1 -F key=privileged' for path in PROGRAMS),
    *(f'-a always,exit -F arch=b64 -S open,openat -F exit={code} -F key=refused' for code in ('-EACCES', '-EPERM')),
)  # fmt: skip
GOOD_STATE = {'enabled': 2, 'failure': 1, 'pid': 412, 'backlog_limit': 8192, 'lost': 0, 'backlog': 0}


def without(word):
    """The rules, but those with a word."""
    return violation(answered(RULES, '\n'.join(line for line in GOOD_RULES if word not in f'{line} ') + '\n'))


def instead(**values):
    return violation(
        answered(STATE, '\n'.join(f'{name} {value}' for name, value in (GOOD_STATE | values).items()) + '\n')
    )


@pytest.mark.parametrize('path', [pytest.param(path, id=path, marks=without(f'-w {path} ')) for path in WATCHED])
@clauses('22239-8.1.4.3-a')
@kernel_wide
def test_a_change_is_recorded(host, path):
    found = [
        each
        for each in rules(host)
        if each.path is not None and (each.path == path or path.startswith(f'{each.path}/'))
    ]
    assert found, f'who changes {path} is not recorded'
    access = frozenset().union(*(each.access for each in found))
    assert {'w', 'a'} <= access, f'of {path} only {"".join(sorted(access)) or "nothing"} is recorded'


@pytest.mark.parametrize('name', [pytest.param(name, marks=without(f'key={name} ')) for name in CALLS])
@clauses('22239-8.1.4.3-a')
@kernel_wide
def test_an_act_is_recorded(host, name):
    recorded = frozenset().union(*(each.calls for each in rules(host)), frozenset())
    missing = [call for call in CALLS[name] if call not in recorded]
    assert not missing, f'not recorded: {", ".join(missing)}'


@pytest.mark.parametrize('path', [pytest.param(path, id=path, marks=without(f'path={path} ')) for path in PROGRAMS])
@clauses('22239-8.1.4.3-a')
@kernel_wide
def test_who_acts_as_another_is_recorded(host, path):
    found = [each for each in rules(host) if each.path == path and 'x' in each.access]
    assert found, f'who runs {path} is not recorded'


@pytest.mark.parametrize(
    'code', [pytest.param(code, id=code[1:], marks=without(f'exit={code} ')) for code in ('-EACCES', '-EPERM')]
)
@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-b')
@kernel_wide
def test_a_refused_access_is_recorded(host, code):
    calls = frozenset().union(*(each.calls for each in rules(host) if f'exit={code}' in each.conditions), frozenset())
    assert {'open', 'openat'} & calls, f'who is refused a file ({code}) is not recorded'


@clauses('22239-8.1.4.3-a')
@kernel_wide
@violation(answered(RULES, '\n'.join((*GOOD_RULES, '-a never,task')) + '\n'))
def test_nobody_is_left_out(host):
    said = host.run(RULES)
    assert said.rc == 0, f'the kernel does not say what it audits: {said.stderr.strip()}'
    lines = said.stdout.splitlines()
    assert any(line.startswith('-') for line in lines), 'nothing is audited at all'
    never = [line for line in lines if line.startswith('-a never')]
    assert not never, f'left out: {"; ".join(never)}'


@clauses('22239-8.1.4.3-a')
@kernel_wide
@instead(enabled=0)
def test_auditing_is_on(host):
    assert state(host).get('enabled', 0) >= 1, 'the kernel audits nothing'


@clauses('22239-8.1.4.3-d')
@kernel_wide
@instead(enabled=1)
def test_the_rules_cannot_be_changed_until_the_next_start(host):
    assert state(host).get('enabled') == 2, 'who is root changes the rules and leaves no trace'


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-d')
@kernel_wide
@instead(pid=0)
def test_a_process_takes_the_records(host):
    assert state(host).get('pid', 0) > 0, 'no process takes what the kernel records'


@clauses('22239-8.1.4.3-c')
@kernel_wide
@instead(lost=17)
def test_no_record_was_lost(host):
    lost = state(host).get('lost')
    assert lost is not None, 'the kernel does not say how many records it lost'
    assert lost == 0, f'{lost} records were lost'


@clauses('22239-8.1.4.3-c')
@kernel_wide
@instead(backlog_limit=64)
def test_the_kernel_holds_enough_records(host, expected):
    room, wanted = state(host).get('backlog_limit', 0), expected.hardening['audit']['buffer']
    assert room >= wanted, f'the kernel holds {room} records, {wanted} at least'


@clauses('22239-8.1.4.3-d')
@kernel_wide
@instead(failure=0)
def test_a_record_that_is_lost_is_said(host):
    # 2 would stop the host: learners go before records, and the loss is said.
    assert state(host).get('failure') == 1, (
        f'when a record is lost the kernel does {state(host).get("failure")}, not 1 (say it)'
    )


@clauses('22239-8.1.4.3-d')
@kernel_wide
@violation(answered('systemctl show auditd.service', 'ActiveState=inactive\nUnitFileState=disabled\nRestart=no\n'))
def test_the_audit_daemon_runs_and_comes_back(host):
    said = host.run('systemctl show auditd.service -p ActiveState,UnitFileState,Restart')
    found = dict(line.partition('=')[::2] for line in said.stdout.splitlines())
    assert found.get('ActiveState') == 'active', f'it is {found.get("ActiveState", "unknown")}'
    assert found.get('UnitFileState') == 'enabled', f'after a start of the host it is {found.get("UnitFileState")}'
    assert found.get('Restart') in {'always', 'on-failure'}, f'when it ends it is started again: {found.get("Restart")}'


KEPT = {
    'max_log_file_action': ('ROTATE', 'KEEP_LOGS'), 'disk_full_action': ('SYSLOG', 'ROTATE'),
    'disk_error_action': ('SYSLOG',), 'space_left_action': ('SYSLOG', 'EMAIL', 'EXEC', 'ROTATE'),
}  # fmt: skip
CONFIGURATION = "grep -hE '^[a-z_]+ *=' /etc/audit/auditd.conf"


@pytest.mark.parametrize(
    'key',
    [pytest.param(key, marks=violation(answered('/etc/audit/auditd.conf', f'{key} = SUSPEND\n'))) for key in KEPT],
)
@clauses('22239-8.1.4.3-c', '22239-8.1.4.3-d')
@kernel_wide
def test_the_audit_goes_on_whatever_the_disk_does(host, key):
    found = {name.strip(): value.strip().upper() for name, _, value in
             (line.partition('=') for line in host.run(CONFIGURATION).stdout.splitlines())}  # fmt: skip
    assert found.get(key) in KEPT[key], f'{key} is {found.get(key, "not set")}'
