"""sudo and administrators: the policy is read as sudo means it, and too much of it is found."""

import copy
import json

import pytest

from compliance.checks import test_administrators as administrators
from compliance.checks import test_sudo as checks
from compliance.reading.sudoers import policy
from tests.unit.compliance.checks.asked import Asked, Said, expected, fails

SPEC = {
    'User_List': [{'usergroup': 'anlan-audit'}], 'Host_List': [{'hostname': 'ALL'}],
    'Cmnd_Specs': [{
        'runasusers': [{'username': 'root'}], 'Options': [{'authenticate': False}, {'noexec': True}],
        'Commands': [{'command': '/usr/bin/journalctl ^--no-pager( -n [0-9]+)*$'}],
    }],
}  # fmt: skip
EVERYTHING = {'runasusers': [{'username': 'ALL'}], 'Options': [{'setenv': True}], 'Commands': [{'command': 'ALL'}]}
ROOT = {'User_List': [{'username': 'root'}], 'Cmnd_Specs': [EVERYTHING]}
GOOD = {
    'Defaults': [
        {'Options': [{'env_reset': True}]},
        {'Binding': [{'usergroup': 'anlan-operators'}], 'Options': [{'log_output': True}]},
    ],
    'User_Specs': [ROOT, SPEC],
}


def host(document):
    return Asked({'cvtsudoers': json.dumps(document)})


def changed(**fields):
    document = copy.deepcopy(GOOD)
    document['User_Specs'][1]['Cmnd_Specs'][0].update(fields)
    return host(document)


def test_the_policy_is_read_with_settings_grants_and_whom_they_are_for():
    said = policy(host(GOOD))
    assert said.defaults == {'env_reset': True}
    assert said.bound == {'%anlan-operators': {'log_output': True}}
    (grant,) = said.of('%anlan-audit')
    assert grant.without_password
    assert not grant.starts_others
    assert grant.run_as == ('root',)
    assert said.grants[0].is_everything


@pytest.mark.parametrize(
    ('check', 'fields', 'saying'),
    [
        (checks.test_no_administrator_is_given_a_program_that_is_as_good_as_a_shell,
         {'Commands': [{'command': '/usr/bin/vim.tiny /etc/hosts'}]}, 'vim.tiny'),
        (checks.test_no_administrator_is_given_a_program_that_is_as_good_as_a_shell,
         {'Commands': [{'command': 'ALL'}]}, 'ALL'),
        (checks.test_no_administrator_is_given_arguments_that_are_left_open,
         {'Commands': [{'command': '/usr/bin/cat /var/log/*'}]}, 'cat'),
        (checks.test_no_administrator_is_given_arguments_that_are_left_open,
         {'Commands': [{'command': '/usr/bin/journalctl'}]}, 'any argument'),
        (checks.test_no_administrator_is_given_arguments_that_are_left_open,
         {'Commands': [{'command': '/usr/bin/journalctl ^--no-pager .*$'}]}, 'journalctl'),
        (checks.test_what_an_administrator_starts_starts_nothing_else,
         {'Options': [{'authenticate': False}]}, 'start others'),
        (checks.test_an_administrator_acts_as_root_alone, {'runasusers': [{'username': 'ALL'}]}, 'as ALL'),
    ],
)  # fmt: skip
def test_a_right_that_is_too_much_is_found(check, fields, saying):
    check(host(GOOD))
    fails(check, changed(**fields), saying=saying)


@pytest.mark.parametrize('check', [
    checks.test_no_administrator_is_given_a_program_that_is_as_good_as_a_shell,
    checks.test_what_an_administrator_starts_starts_nothing_else,
])  # fmt: skip
def test_a_host_without_administrators_passes_nothing(check):
    fails(check, host({'User_Specs': [ROOT]}), saying='no administrator is given anything')


def test_somebody_else_who_may_do_everything_is_found():
    eve = copy.deepcopy(GOOD)
    eve['User_Specs'].append(ROOT | {'User_List': [{'username': 'eve'}]})
    fails(checks.test_only_root_and_the_automation_may_do_everything, host(eve), expected('app-1'), saying='eve')
    fails(checks.test_nobody_but_the_administrators_may_act_as_another, host(eve), expected('app-1'), saying='eve')


def test_a_policy_that_sudo_cannot_read_is_a_failure():
    broken = Asked({'cvtsudoers': Said('', 1, 'syntax error')})
    fails(checks.test_an_administrator_acts_as_root_alone, broken, saying='syntax error')


def answering(allowed, *tables):
    every = [command for table in tables for command in table.values()]
    return Asked({'setpriv': '\n'.join(f'{0 if each in allowed else 1} {each}' for each in every) + '\n'})


def test_what_a_role_may_is_what_sudo_answers():
    tables = administrators.MAY['audit'], administrators.MAY_NOT['audit']
    own, command = sorted(administrators.MAY['audit'].values()), administrators.MAY_NOT['audit']['restart-a-service']
    may, may_not = (
        administrators.test_an_administrator_may_do_the_own_work,
        administrators.test_an_administrator_may_not_do_the_work_of_another,
    )
    may(answering(own, *tables), 'audit', own[0])
    may_not(answering(own, *tables), 'audit', command)
    fails(may_not, answering([command], *tables), 'audit', command, saying='may run')
    fails(may, answering([], *tables), 'audit', own[0], saying='may not run')


def test_what_one_of_the_three_may_and_should_not_is_found():
    administrators.test_no_administrator_may(answering(set(), administrators.NOBODY_MAY), 'bash')
    fails(
        administrators.test_no_administrator_may,
        answering({'bash'}, administrators.NOBODY_MAY),
        'bash',
        saying='may run',
    )


def test_a_role_that_is_not_there_is_a_failure():
    gone = Asked({'setpriv': Said('', 1, 'unknown group')})
    fails(administrators.test_no_administrator_may, gone, 'bash', saying='no group of anlan-system')
    fails(administrators.test_nobody_is_two_administrators, Asked({'getent': 'root:x:0:\n'}), saying='three roles')


def test_one_who_is_two_administrators_is_found():
    two = Asked({'getent': 'anlan-system:x:1:eve\nanlan-audit:x:2:eve\nanlan-security:x:3:\n'})
    fails(administrators.test_nobody_is_two_administrators, two, saying='eve')
    fails(
        administrators.test_each_role_is_of_those_that_the_platform_names, two, expected('app-1'), 'audit', saying='eve'
    )
