"""Accounts: what the name service says is read whole, and what stands open is found."""

import pytest

from compliance.checks import test_accounts as checks
from compliance.checks import test_operators as operators
from compliance.checks import test_passwords as passwords
from compliance.reading.accounts import accounts, folders
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

GOOD = (
    'passwd:root:x:0:0:root:/root:/bin/bash\npasswd:games:x:5:60:games:/usr/games:/usr/sbin/nologin\n'
    'passwd:anlan:x:1000:1000::/home/anlan:/bin/bash\npasswd:nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n'
    'shadow:root:locked:20000:0:99999:7::\nshadow:games:locked:20000:0:99999:7::\n'
    'shadow:anlan:locked:20000:1:90:7::\nshadow:nobody:locked:20000:0:99999:7::\n'
    'folder:755:root:/home\nfolder:700:anlan:/home/anlan\nfolder:700:root:/root\n'
)
GROUPS = 'root:x:0:\nsudo:x:27:\nanlan:x:1000:\n'


def host(said=GOOD, groups=GROUPS):
    return Asked({'getent passwd': said, 'getent group': groups})


def more(line, password='locked', days='99999'):
    name = line.partition(':')[0]
    return host(f'{GOOD}passwd:{line}\nshadow:{name}:{password}:20000:0:{days}:7::\n')


def test_an_account_is_read_with_its_password_s_kind_and_days():
    found = {each.name: each for each in accounts(host())}
    assert found['anlan'].maximum_days == 90
    assert found['anlan'].is_person
    assert not found['nobody'].is_person
    assert not found['games'].has_shell
    assert not found['root'].has_password
    assert folders(host())['/home/anlan'] == (0o700, 'anlan')


@pytest.mark.parametrize(
    ('check', 'bad', 'saying'),
    [
        (checks.test_root_alone_has_number_zero, more('toor:x:0:0::/root:/bin/sh'), 'toor'),
        (checks.test_no_number_is_given_twice, more('play:x:5:60::/:/usr/sbin/nologin'), 'twice: 5'),
        (checks.test_no_password_is_empty, more('open:x:1005:1000::/:/bin/sh', 'empty'), 'open'),
        (checks.test_no_service_has_a_password, more('svc:x:400:0::/:/usr/sbin/nologin', 'y'), 'svc'),
        (checks.test_no_service_has_a_shell, more('svc:x:400:0::/:/bin/bash'), 'svc'),
        (checks.test_every_account_has_its_secret_where_only_root_reads_it,
         host(f'{GOOD}passwd:bare:x:400:0::/:/usr/sbin/nologin\n'), 'bare'),
        (checks.test_every_account_has_a_group_that_exists, more('lost:x:1005:4242::/:/bin/bash'), 'lost'),
        (checks.test_the_folder_of_each_person_is_their_own, host(GOOD.replace('700:a', '755:a')), 'open to others'),
        (passwords.test_every_password_there_is_has_a_strong_hash, more('old:x:1005:1000::/:/bin/sh', '1'), r'old'),
    ],
)  # fmt: skip
def test_what_stands_open_is_found(check, bad, saying):
    fails(check, bad, saying=saying)


def test_a_host_that_names_no_account_passes_nothing():
    fails(checks.test_no_password_is_empty, host(Said('', 0)), saying='names no account')


def test_who_has_a_powerful_group_as_the_own_is_in_it():
    fails(checks.test_nobody_is_in_a_group_as_good_as_root, more('x:x:1005:27::/:/bin/bash'), 'sudo', saying='x')
    fails(checks.test_nobody_is_in_a_group_as_good_as_root, host(groups='root:x:0:\nsudo:x:27:x\n'), 'sudo', saying='x')


def test_a_password_that_never_runs_out_is_found():
    fails(passwords.test_every_password_there_is_runs_out, more('a:x:1005:1000::/:/bin/bash', 'y'), expected('app-1'),
          saying=r'a \(99999\)')  # fmt: skip


def test_an_account_of_nobody_the_platform_names_is_found():
    operators.test_accounts_of_people_are_those_that_the_platform_names(host(), expected('app-1'))
    more_than_named = more('eve:x:1005:1000::/home/eve:/bin/bash')
    fails(operators.test_accounts_of_people_are_those_that_the_platform_names, more_than_named, expected('app-1'),
          saying='eve')  # fmt: skip


def test_log_ins_are_judged_by_name_address_and_way():
    came = Asked({'Accepted': '  7 one publickey eve 203.0.113.7\n  1 one password anlan 198.18.40.21\n'})
    fails(operators.test_who_logged_in_is_who_the_platform_names, came, expected('app-1'), saying='eve')
    fails(operators.test_log_ins_came_from_the_bastion, came, expected('app-1'), saying='203.0.113.7')
    fails(operators.test_log_ins_were_by_key, came, saying='password')
    cannot_judge(operators.test_log_ins_were_by_key, Asked({'Accepted': 'asked 3\n'}))


def test_a_key_of_somebody_else_is_found():
    key = '/home/{}/.ssh/authorized_keys 256 SHA256:{}\n'
    both = Asked({'getent passwd': GOOD, 'authorized_keys': key.format('anlan', 'a') + key.format('eve', 'a')})
    fails(operators.test_nobody_else_has_a_key_to_come_in, both, expected('app-1'), saying='/home/eve')
    fails(operators.test_no_key_is_shared_by_two_accounts, both, saying='shared')
    two = Asked({'getent passwd': GOOD, 'authorized_keys': key.format('anlan', 'a') + key.format('anlan', 'b')})
    fails(operators.test_the_automation_has_one_key, two, expected('app-1'), saying='2 keys')


def test_what_a_tool_left_behind_is_found():
    fails(
        operators.test_tools_leave_nothing_behind,
        Asked({'find': '/root/id_rsa\nend\n'}),
        'private-key',
        saying='id_rsa',
    )
    fails(operators.test_tools_leave_nothing_behind, Asked({'find': ''}), 'private-key', saying='could not be searched')
