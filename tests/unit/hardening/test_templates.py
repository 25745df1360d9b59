"""What the role writes for SSH, sudo and PAM, as Ansible renders it for hosts of a sample platform."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from tests.unit.samples import inventory_of, lab, platform_of, problems_of, topology_from, with_values

ROLE = ROOT / 'playbooks' / 'roles' / 'hardening'
PEOPLE = {
    'configuration.operators': {name: f'ssh-ed25519 AAAA {name}' for name in ('li-wei', 'wang-fang', 'zhao-min')},
    'hardening.administrators': {'wang-fang': 'audit', 'zhao-min': 'security'},
}


def trusted(value: Any) -> Any:
    """Return a value of the role's variables as Ansible has it: text in it is a template."""
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def render(template: str, host: str, values: dict[str, Any] | None = None) -> str:
    """Given a template of the role and a host, return what stands there."""
    document = with_values(lab(), PEOPLE if values is None else values)
    topology = topology_from(document)
    found = outputs(platform_of(document), topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    role = trusted(yaml.safe_load((ROLE / 'vars/main.yml').read_text(encoding='utf-8')))
    variables = {
        **role, **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars,
        'inventory_hostname': host, 'ansible_managed': 'managed',
    }  # fmt: skip
    text = trust_as_template((ROLE / 'templates' / template).read_text(encoding='utf-8'))
    overrides = {'trim_blocks': True, 'lstrip_blocks': False, 'keep_trailing_newline': True}
    return str(Templar(DataLoader(), variables=variables).template(text, overrides=overrides))


def setting(text: str, name: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f'{name} ')]
    return line.removeprefix(f'{name} ').strip()


def test_every_host_but_the_bastion_lets_in_from_the_bastion_alone() -> None:
    users = setting(render('ssh/sshd.conf.j2', 'db-1'), 'AllowUsers').split()
    assert sorted(users) == sorted(f'{name}@198.18.40.21' for name in ('anlan', 'li-wei', 'wang-fang', 'zhao-min'))


def test_the_bastion_lets_in_named_people_from_wherever_they_are() -> None:
    users = setting(render('ssh/sshd.conf.j2', 'ops-1'), 'AllowUsers').split()
    assert sorted(users) == ['anlan', 'li-wei', 'wang-fang', 'zhao-min']


def test_only_the_bastion_forwards_and_only_to_ssh() -> None:
    bastion, other = render('ssh/sshd.conf.j2', 'ops-1'), render('ssh/sshd.conf.j2', 'app-1')
    assert (setting(bastion, 'AllowTcpForwarding'), setting(bastion, 'PermitOpen')) == ('local', '*:22')
    assert setting(other, 'AllowTcpForwarding') == 'no'


def test_a_failing_log_in_never_shuts_the_bastion_out_of_a_host() -> None:
    assert setting(render('ssh/sshd.conf.j2', 'fw-1'), 'PerSourcePenaltyExemptList') == '198.18.40.21'


def test_people_give_a_code_at_the_bastion_and_the_automation_gives_its_key_alone() -> None:
    text = render('ssh/sshd.conf.j2', 'ops-1')
    everybody, people = text.split('Match Group anlan-operators')
    assert 'AuthenticationMethods publickey\n' in everybody
    assert 'AuthenticationMethods publickey,keyboard-interactive:pam' in people
    assert 'keyboard-interactive' not in render('ssh/sshd.conf.j2', 'db-1')


def test_without_a_second_factor_the_bastion_asks_for_keys_as_others_do() -> None:
    values = {**PEOPLE, 'hardening.ssh.second_factor': False}
    assert 'keyboard-interactive' not in render('ssh/sshd.conf.j2', 'ops-1', values)
    assert 'google' not in render('pam/sshd.j2', 'ops-1', values)


def test_a_code_is_asked_for_by_the_bastion_alone_and_never_left_out() -> None:
    stack = render('pam/sshd.j2', 'ops-1')
    (line,) = [line for line in stack.splitlines() if 'pam_google_authenticator' in line]
    assert 'nullok' not in line
    assert 'pam_google_authenticator' not in render('pam/sshd.j2', 'db-1')


def test_a_failure_is_counted_after_the_password_and_a_shut_account_is_refused_before() -> None:
    lines = [line for line in render('pam/common-auth.j2', 'db-1').splitlines() if line.startswith('auth')]
    found = [re.sub(r'\s+', ' ', line) for line in lines]
    assert found == [
        'auth required pam_faillock.so preauth',
        'auth [success=2 default=ignore] pam_unix.so',
        'auth [default=die] pam_faillock.so authfail',
        'auth requisite pam_deny.so',
        'auth required pam_permit.so',
        'auth required pam_faillock.so authsucc',
    ]


def aliases(text: str) -> dict[str, list[str]]:
    """Return the commands of each alias of a sudoers file."""
    joined = text.replace('\\\n', ' ')
    found = re.findall(r'^Cmnd_Alias (\w+) = (.*)$', joined, re.MULTILINE)
    return {name: [each.strip() for each in commands.split(', ')] for name, commands in found}


def test_the_rights_of_the_three_administrators_have_nothing_in_common() -> None:
    found = aliases(render('sudo/operators.j2', 'ops-1'))
    assert set(found) == {'ANLAN_SYSTEM', 'ANLAN_AUDIT', 'ANLAN_SECURITY', 'ANLAN_SECRETS'}
    every = [command for commands in found.values() for command in commands]
    assert len(every) == len(set(every))


@cache
def rights(host: str) -> dict[str, list[str]]:
    """Return the commands of each alias on a host."""
    return aliases(render('sudo/operators.j2', host))


def matching(alias: str, host: str, command: str) -> bool:
    """Return whether a command is in an alias, as sudo compares it: a regular expression over all arguments."""
    program, _, arguments = command.partition(' ')
    for entry in rights(host)[alias]:
        allowed, _, pattern = entry.partition(' ')
        if allowed != program:
            continue
        if re.fullmatch(pattern[1:-1], arguments) if pattern.startswith('^') else pattern in ('', arguments):
            return True
    return False


def test_who_audits_reads_records_and_can_neither_shorten_nor_write_them() -> None:
    for good in (
        '--no-pager -n 5',
        '--no-pager -u ssh -n 1 -o cat',
        '--no-pager -D /var/log/anlan/events/mon-1 -e',
        '--no-pager --verify',
    ):
        assert matching('ANLAN_AUDIT', 'db-1', f'/usr/bin/journalctl {good}'), good
    for bad in (
        '-n 5',
        '--no-pager --vacuum-time=1s',
        '--no-pager --rotate',
        '--no-pager -n 1 --cursor-file=/etc/x',
        '--no-pager -D /var/log/anlan/events/../../../etc',
        '--no-pager --setup-keys',
        '--no-pager -u x --flush',
    ):
        assert not matching('ANLAN_AUDIT', 'db-1', f'/usr/bin/journalctl {bad}'), bad
    assert not matching('ANLAN_AUDIT', 'db-1', '/usr/sbin/ausearch --input-logs --checkpoint /etc/x')
    assert not matching('ANLAN_AUDIT', 'db-1', '/usr/sbin/ausearch --input-logs -if /etc/shadow')


def test_who_runs_services_does_not_stop_what_watches() -> None:
    assert matching('ANLAN_SYSTEM', 'db-1', '/usr/bin/systemctl --no-pager restart patroni.service')
    for bad in (
        'restart patroni.service',
        '--no-pager stop auditd.service',
        '--no-pager stop anlan-event-upload@mon-1.service',
        '--no-pager stop anlan-integrity.timer',
        '--no-pager edit nginx.service',
        '--no-pager link /tmp/x.service',
        '--no-pager start nginx.service /tmp/x.service',
    ):
        assert not matching('ANLAN_SYSTEM', 'db-1', f'/usr/bin/systemctl {bad}'), bad


def test_who_keeps_accounts_touches_neither_root_nor_the_automation() -> None:
    assert matching('ANLAN_SECURITY', 'db-1', '/usr/bin/chage --expiredate 0 li-wei')
    for name in ('root', 'anlan', 'postgres', 'li-wei root'):
        assert not matching('ANLAN_SECURITY', 'db-1', f'/usr/bin/passwd {name}'), name
        assert not matching('ANLAN_SECURITY', 'db-1', f'/usr/bin/chage --expiredate 0 {name}'), name


def test_a_secret_that_is_shown_once_is_not_recorded() -> None:
    assert 'NOLOG_OUTPUT: ANLAN_SECRETS' in render('sudo/operators.j2', 'ops-1')
    assert 'second-factor' not in render('sudo/operators.j2', 'db-1')


def test_without_operators_nobody_is_named_and_the_file_is_whole() -> None:
    text = render('sudo/operators.j2', 'ops-1', {})
    assert '()' not in text
    assert 'passwd' not in text
    assert aliases(text)['ANLAN_SECURITY'][0].startswith('/usr/sbin/nft')


def test_auditing_never_halts_nor_suspends_a_host() -> None:
    text = render('auditd.conf.j2', 'db-1')
    actions = dict(re.findall(r'^(\w+_action) = (\w+)$', text, re.MULTILINE))
    assert set(actions.values()) <= {'SYSLOG', 'ROTATE'}
    assert {'disk_full_action', 'disk_error_action', 'space_left_action', 'admin_space_left_action'} <= set(actions)


def test_rules_of_the_audit_are_locked_by_the_last_line() -> None:
    lines = [line for line in render('audit.rules.j2', 'db-1').splitlines() if line and line[0] != '#']
    assert (lines[0], lines[-1]) == ('-D', '-e 2')


def test_an_administrator_who_is_no_operator_is_refused() -> None:
    (problem,) = problems_of(with_values(lab(), {'hardening.administrators': {'li-wei': 'audit'}}))
    assert problem.path == 'hardening.administrators.li-wei'


def test_a_guard_that_is_quicker_than_a_log_in_is_refused() -> None:
    values = {'hardening.guard_seconds': 45, 'hardening.ssh.login_grace_seconds': 30}
    (problem,) = problems_of(with_values(lab(), values))
    assert problem.path == 'hardening.guard_seconds'


def test_a_password_that_ends_before_it_may_be_changed_is_refused() -> None:
    values = {
        'hardening.passwords.maximum_days': 8, 'hardening.passwords.minimum_days': 1,
        'hardening.passwords.warning_days': 7,
    }  # fmt: skip
    (problem,) = problems_of(with_values(lab(), values))
    assert problem.path == 'hardening.passwords.maximum_days'


@pytest.mark.parametrize(
    ('given', 'missing'),
    [
        ({'signature_mirror': 'https://clamav.example.cn'}, 'signature_mirror_address'),
        ({'signature_mirror_address': '10.1.0.60'}, 'signature_mirror'),
    ],
)
def test_a_mirror_of_signatures_has_a_name_and_an_address(given: dict[str, str], missing: str) -> None:
    (problem,) = problems_of(with_values(lab(), {f'hardening.integrity.{name}': each for name, each in given.items()}))
    assert problem.path == f'hardening.integrity.{missing}'
