"""Accounts of a host: each is one person's or one service's, and none stands open."""

from __future__ import annotations

from collections import Counter

import pytest

from compliance.checking import clauses, not_applicable, violation
from compliance.reading.accounts import accounts, folders, groups
from compliance.reading.sshd import lets_in, settings
from compliance.violation import run, write

SERVICES_WITH_A_SHELL = ('postgres',)
"""Services whose package gives them a shell: no password, no log-in over SSH, used through root alone."""

DEFAULT_NAMES = ('admin', 'administrator', 'debian', 'ubuntu', 'guest', 'test', 'user', 'vagrant', 'pi')
POWERFUL_GROUPS = ('root', 'sudo', 'shadow', 'disk', 'kmem', 'docker', 'lxd', 'wheel', 'staff', 'anlan-su')


def line_in(path, line, name):
    """A line at the end of a file of accounts, and out again, without a moment in which the file is not there."""
    return violation(run(f"printf '%s\\n' '{line}' >> {path}", f"sed -i '/^{name}:/d' {path}"))


def passwd(name, uid, shell='/usr/sbin/nologin'):
    return line_in('/etc/passwd', f'{name}:x:{uid}:{uid}::/nonexistent:{shell}', name)


def twice(values):
    return sorted(str(value) for value, count in Counter(values).items() if count > 1)


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-d')
@passwd('anlan-planted', 0)
def test_root_alone_has_number_zero(host):
    found = [each.name for each in accounts(host) if each.uid == 0]
    assert found == ['root'], f'number 0 is of {" ".join(found)}'


@clauses('22239-8.1.4.1-a')
@passwd('anlan-planted', 1)
def test_no_number_is_given_twice(host):
    found = twice(each.uid for each in accounts(host))
    assert not found, f'given twice: {" ".join(found)}'


@clauses('22239-8.1.4.1-a')
@violation(run("printf 'daemon:x:4242:4242::/nonexistent:/usr/sbin/nologin\\n' >> /etc/passwd",
               "sed -i '/^daemon:x:4242:/d' /etc/passwd"))  # fmt: skip
def test_no_name_is_given_twice(host):
    found = twice(each.name for each in accounts(host))
    assert not found, f'given twice: {" ".join(found)}'


@clauses('22239-8.1.4.1-a')
@line_in('/etc/group', 'anlan-planted:x:1:', 'anlan-planted')
def test_no_number_of_a_group_is_given_twice(host):
    found = twice(number for number, _ in groups(host).values())
    assert not found, f'given twice: {" ".join(found)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-b', 'guideline-6.4.1.1')
@violation(
    run(
        "printf 'anlan-planted:x:4242:4242::/nonexistent:/usr/sbin/nologin\\n' >> /etc/passwd; "
        "printf 'anlan-planted::20000:0:99999:7:::\\n' >> /etc/shadow",
        "sed -i '/^anlan-planted:/d' /etc/shadow /etc/passwd",
    )
)
def test_no_password_is_empty(host):
    found = [each.name for each in accounts(host) if each.password == 'empty']
    assert not found, f'without a password: {" ".join(found)}'


@clauses('22239-8.1.4.1-a')
@passwd('anlan-planted', 4242)
def test_every_account_has_its_secret_where_only_root_reads_it(host):
    found = [each.name for each in accounts(host) if each.password is None]
    assert not found, f'not in the shadow file: {" ".join(found)}'


@clauses('22239-8.1.4.2-b')
@violation(run("usermod -p '$y$j9T$planted$0' root", "usermod -p '*' root"))
def test_root_has_no_password(host):
    found = next(each for each in accounts(host) if each.name == 'root')
    assert found.password == 'locked', f'the password of root is {found.password}'


@clauses('22239-8.1.4.2-b', '22239-8.1.4.2-c')
@violation(run("usermod -p '$y$j9T$planted$0' games", "usermod -p '*' games"))
def test_no_service_has_a_password(host):
    found = [each.name for each in accounts(host) if not each.is_person and each.has_password]
    assert not found, f'with a password: {" ".join(found)}'


@clauses('22239-8.1.4.2-b', '22239-8.1.4.2-c')
@violation(run('usermod -s /bin/bash games', 'usermod -s /usr/sbin/nologin games'))
def test_no_service_has_a_shell(host):
    allowed = ('root', *SERVICES_WITH_A_SHELL)
    found = [each.name for each in accounts(host) if not each.is_person and each.has_shell and each.name not in allowed]
    assert not found, f'with a shell: {" ".join(found)}'


@clauses('22239-8.1.4.2-b', '22239-8.1.4.2-c')
@violation(write('/etc/ssh/sshd_config.d/00-0violation.conf', 'AllowUsers *\n'))
def test_no_service_is_let_in_over_ssh(host, expected):
    address = next(iter(expected.addresses('operations')), '127.0.0.1')
    said = settings(host)
    found = [each.name for each in accounts(host) if not each.is_person and lets_in(said, each.name, address)]
    assert not found, f'let in from the bastion: {" ".join(found)}'


@pytest.mark.parametrize('name', [pytest.param(name, marks=passwd(name, 4242)) for name in DEFAULT_NAMES])
@clauses('22239-8.1.4.2-b')
def test_there_is_no_account_of_a_default_name(host, name):
    assert name not in {each.name for each in accounts(host)}, f'there is an account {name}'


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=violation(run(
            f'getent group {name} >/dev/null || {{ groupadd -r {name} && touch /run/anlan-planted-group; }}; '
            f'gpasswd -a games {name}',
            f'gpasswd -d games {name} 2>/dev/null; '
            f'if [ -e /run/anlan-planted-group ]; then groupdel {name}; rm -f /run/anlan-planted-group; fi; true',
        )))
        for name in POWERFUL_GROUPS
    ],
)  # fmt: skip
@clauses('22239-8.1.4.2-d', '22239-8.1.4.2-c')
def test_nobody_is_in_a_group_as_good_as_root(host, name):
    found = groups(host)
    assert 'root' in found, 'the host does not name the group root'
    # Who has it as the own group is in it, too.
    number, members = found.get(name, (-1, ()))
    first = [each.name for each in accounts(host) if each.gid == number and each.name != 'root']
    people = sorted({*members, *first})
    assert not people, f'in the group {name}: {" ".join(people)}'


@clauses('22239-8.1.4.2-a')
@passwd('anlan-planted', 4243, '/bin/bash')
def test_every_account_has_a_group_that_exists(host):
    numbers = {number for number, _ in groups(host).values()}
    found = [each.name for each in accounts(host) if each.gid not in numbers]
    assert not found, f'with a group that is not there: {" ".join(found)}'


@clauses('22239-8.1.4.2-f')
@violation(run('chmod 0777 /home/anlan', 'chmod 0700 /home/anlan'))
def test_the_folder_of_each_person_is_their_own(host):
    people = {each.home: each.name for each in accounts(host) if each.is_person and each.has_shell}
    if not people:
        not_applicable('nobody has a shell here')
    found = folders(host)
    for home, name in {**people, '/root': 'root'}.items():
        assert home in found, f'{home} of {name} is not there'
        bits, owner = found[home]
        assert owner == name, f'{home} is of {owner}, not of {name}'
        assert not bits & 0o027, f'{home} is open to others: {bits:o}'
