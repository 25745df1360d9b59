"""sudo: who may act as another, as sudo itself reads its policy."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, violation
from compliance.reading.pam import place, stack
from compliance.reading.sudoers import policy
from compliance.violation import run, substitute, write

DROP_IN = '/etc/sudoers.d/zz-violation'
ADMINISTRATORS = ('%anlan-system', '%anlan-audit', '%anlan-security')
STARTS_ANYTHING = (
    'bash', 'sh', 'dash', 'zsh', 'env', 'python3', 'perl', 'awk', 'gawk', 'mawk', 'find', 'xargs', 'tar', 'ssh', 'vi',
    'vim', 'vim.tiny', 'nano', 'ed', 'less', 'more', 'man', 'su', 'sudo', 'visudo', 'tee', 'dd', 'cp', 'mv', 'chmod',
    'chown', 'ln', 'install', 'systemd-run', 'machinectl', 'nsenter', 'setpriv', 'runuser', 'docker', 'apt', 'dpkg',
)  # fmt: skip
"""Programs that start others, or write what decides who may what: as good as a shell of root's."""


def granted(text):
    return violation(write(DROP_IN, text + '\n'))


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-e')
@violation(run(f"printf '# planted\\n' > {DROP_IN}; chmod 0666 {DROP_IN}", f'rm -f {DROP_IN}'))
def test_the_policy_is_whole_and_only_root_writes_it(host):
    said = host.run('visudo -c')
    assert said.rc == 0, f'sudo finds fault with its policy: {(said.stderr or said.stdout).strip()[:300]}'
    assert 'parsed OK' in said.stdout, 'sudo does not say that it read a policy'


@pytest.mark.parametrize(
    ('key', 'good', 'line'),
    [
        pytest.param(key, good, line, id=key, marks=granted(f'Defaults {line}'))
        for key, good, line in (
            ('use_pty', lambda value: value is True, '!use_pty'),
            ('env_reset', lambda value: value is True, '!env_reset'),
            ('visiblepw', lambda value: value in (None, False), 'visiblepw'),
            ('authenticate', lambda value: value in (None, True), '!authenticate'),
            ('setenv', lambda value: value in (None, False), 'setenv'),
            ('targetpw', lambda value: value in (None, False), 'targetpw'),
            ('rootpw', lambda value: value in (None, False), 'rootpw'),
            ('runaspw', lambda value: value in (None, False), 'runaspw'),
            ('syslog', lambda value: value in ('auth', 'authpriv'), '!syslog'),
            ('log_allowed', lambda value: value in (None, True), '!log_allowed'),
            ('log_denied', lambda value: value in (None, True), '!log_denied'),
            ('passwd_tries', lambda value: value is None or int(value) <= 3, 'passwd_tries=50'),
            ('timestamp_timeout', lambda value: value is not None and 0 <= float(value) <= 15, 'timestamp_timeout=-1'),
        )
    ],
)  # fmt: skip
@clauses('22239-8.1.4.2-a', '22239-8.1.5.1-a')
def test_a_setting_for_everybody_is_safe(host, key, good, line):
    value = policy(host).defaults.get(key)
    assert good(value), f'{key} is {value if value is not None else "not set"}'


@clauses('22239-8.1.4.2-d')
@granted('Defaults secure_path="/tmp:/usr/bin"')
def test_programs_are_looked_for_where_only_root_writes(host):
    path = str(policy(host).defaults.get('secure_path', ''))
    assert path, 'programs are looked for where the caller says'
    strange = [each for each in path.split(':') if each not in {
        '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'}]  # fmt: skip
    assert not strange, f'programs are looked for in {" ".join(strange)}'


@clauses('22239-8.1.4.2-d')
@granted('Defaults env_keep += "LD_PRELOAD"')
def test_no_variable_that_loads_code_is_handed_on(host):
    said = policy(host)
    kept = [str(each) for where in (said.defaults, *said.bound.values()) for key, value in where.items()
            if key == 'env_keep' for each in (value if isinstance(value, list) else [value])]  # fmt: skip
    bad = [each for each in kept if any(word in each for word in ('LD_', 'PYTHON', 'PERL', 'BASH_ENV', 'IFS', '*'))]
    assert said.grants and not bad, f'handed on: {" ".join(bad)}'


@clauses('22239-8.1.4.2-d', '22239-8.1.10.6-a')
@granted('games ALL=(ALL) NOPASSWD: ALL')
def test_only_root_and_the_automation_may_do_everything(host, expected):
    allowed = {'root', '%sudo', 'anlan', expected.variables.get('ansible_user', 'anlan')}
    everything = {each.who for each in policy(host).grants if each.is_everything}
    assert everything, 'the policy lets nobody do anything: it cannot be the one that counts'
    assert everything <= allowed, f'may do everything: {" ".join(sorted(everything - allowed))}'


@clauses('22239-8.1.4.2-a', '22239-8.1.10.6-b')
@granted('games ALL=(root) /usr/bin/id')
def test_nobody_but_the_administrators_may_act_as_another(host, expected):
    allowed = {'root', '%sudo', 'anlan', expected.variables.get('ansible_user', 'anlan'), *ADMINISTRATORS}
    found = {each.who for each in policy(host).grants}
    assert found, 'the policy names nobody'
    assert found <= allowed, f'may act as another: {" ".join(sorted(found - allowed))}'


@clauses('22239-8.1.4.2-d')
@granted('%anlan-system ALL=(root) NOPASSWD: NOEXEC: /usr/bin/vim.tiny')
def test_no_administrator_is_given_a_program_that_is_as_good_as_a_shell(host):
    grants = [each for each in policy(host).grants if each.who in ADMINISTRATORS]
    assert grants, 'no administrator is given anything'
    found = sorted({
        f'{each.who}: {command}' for each in grants for command in each.commands
        if command.split()[0].rpartition('/')[2] in STARTS_ANYTHING or command == 'ALL'
    })  # fmt: skip
    assert not found, f'as good as a shell of root’s: {"; ".join(found)[:300]}'


@clauses('22239-8.1.4.2-d')
@granted('%anlan-audit ALL=(root) NOPASSWD: NOEXEC: /usr/bin/cat /var/log/*')
def test_no_administrator_is_given_arguments_that_are_left_open(host):
    grants = [each for each in policy(host).grants if each.who in ADMINISTRATORS]
    assert grants, 'no administrator is given anything'
    found = []
    for command in (command for each in grants for command in each.commands):
        arguments = command.partition(' ')[2]
        whole = arguments.startswith('^') and arguments.endswith('$')
        if not command.startswith(('sudoedit ', '!')) and not whole and any(sign in command for sign in '*?['):
            found.append(command)
        if whole and ('.*' in arguments or '.+' in arguments):
            found.append(command)
        if not command.startswith('sudoedit ') and not arguments and not command.startswith('/usr/local/lib/anlan/'):
            found.append(f'{command} (any argument)')
    assert not found, f'left open: {"; ".join(found)[:300]}'


@clauses('22239-8.1.4.2-d')
@granted('%anlan-audit ALL=(root) NOPASSWD: EXEC: /usr/bin/id -u')
def test_what_an_administrator_starts_starts_nothing_else(host):
    grants = [each for each in policy(host).grants if each.who in ADMINISTRATORS]
    assert grants, 'no administrator is given anything'
    found = [f'{each.who}: {each.commands[0]}' for each in grants if each.starts_others]
    assert not found, f'may start others: {"; ".join(found)[:300]}'


@clauses('22239-8.1.4.2-d')
@granted('%anlan-system ALL=(ALL) NOPASSWD: NOEXEC: /usr/bin/id -u')
def test_an_administrator_acts_as_root_alone(host):
    grants = [each for each in policy(host).grants if each.who in ADMINISTRATORS]
    assert grants, 'no administrator is given anything'
    found = [f'{each.who} as {" ".join(each.run_as)}' for each in grants if each.run_as != ('root',)]
    assert not found, f'also as others: {"; ".join(found)}'


@clauses('22239-8.1.4.3-a', '22239-8.1.5.1-a', '22239-8.1.10.6-i', '22239-8.1.3.5-d', '22239-8.1.10.6-e')
@granted('Defaults:%anlan-operators !log_output')
def test_sessions_of_people_are_recorded(host):
    said = policy(host).bound.get('%anlan-operators')
    assert said is not None, 'nothing is said of what people do'
    assert said.get('log_output') is True, 'what people do under sudo is not recorded'
    where = str(said.get('iolog_dir', '/var/log/sudo-io'))
    assert where == '/var/log/sudo-io', f'it is recorded in {where}, where nobody looks'


@clauses('22239-8.1.4.2-a')
@granted('ALL ALL=(root) NOPASSWD: /usr/bin/id')
def test_who_is_no_administrator_is_refused(host):
    said = host.run('runuser -u nobody -- sudo -n -l /usr/bin/id; echo "answer $?"')
    if 'answer' not in said.stdout:
        not_verified(f'sudo could not be asked as nobody: {said.stderr.strip()}')
    assert 'answer 0' not in said.stdout, 'nobody may run a command as root'


@clauses('22239-8.1.4.2-d', '22239-8.1.5.1-a')
@violation(substitute('/etc/pam.d/su', '^(auth.*pam_wheel.*)$', '#\\1'))
def test_su_is_nobody_s_way_to_root(host):
    lines = stack(host, 'su', 'auth')
    wheel, asks = place(lines, 'pam_wheel', 'use_uid'), place(lines, 'pam_unix')
    assert wheel is not None and asks is not None and wheel < asks, 'whoever knows a password becomes another with su'
    assert lines[wheel][0] in {'required', 'requisite'}, f'who is not in the group is not refused: {lines[wheel][0]}'
