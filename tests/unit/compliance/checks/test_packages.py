"""Checks of packages: what dpkg says, and what of it is needed."""

import pytest

from anlan.errors import AnlanError
from compliance.checks import test_packages as packages
from compliance.reading.packages import needed, packages_of
from tests.unit.compliance.checks.asked import Asked, cannot_judge, fails


def line(name, needs='', provides='', priority='optional', essential='no', status='installed', want='install'):
    return '\t'.join((want, status, name, '1', priority, essential, 'no', needs, provides)) + '\n'


BASE = line('dpkg', ', libc6', priority='required', essential='yes') + line('libc6') + line('mawk', provides='awk')


class Declared:
    packages = ('nginx', 'aide')


def host(*lines):
    return Asked(
        {'dpkg-query': BASE + line('nginx', 'libc6, awk, httpd-doc | nginx-doc') + line('aide') + ''.join(lines)}
    )


def test_what_is_depended_on_by_name_or_by_what_it_provides_is_needed():
    packages.test_nothing_is_installed_that_nobody_needs(host(), Declared)


def test_a_package_that_nothing_leads_to_is_named():
    check = packages.test_nothing_is_installed_that_nobody_needs
    fails(check, host(line('nmap', 'libc6')), Declared, saying='(?m)nmap$')


def test_two_packages_that_need_each_other_are_not_needed_for_that():
    found = packages_of(BASE + line('one', 'two') + line('two', 'one'))
    assert needed(found, ()) == {'dpkg', 'libc6'}


def test_an_alternative_that_is_installed_counts_as_needed():
    assert 'nginx-doc' in needed(
        packages_of(BASE + line('nginx', 'httpd-doc | nginx-doc') + line('nginx-doc')), ('nginx',)
    )


def test_a_declared_package_that_is_gone_is_named():
    gone = Asked({'dpkg-query': BASE + line('nginx') + line('aide', status='config-files')})
    fails(packages.test_each_declared_package_is_installed, gone, Declared, saying='aide')


def test_a_held_package_is_seen():
    fails(packages.test_no_package_is_kept_from_updates, host(line('sudo', want='hold')), saying='sudo')


def test_without_a_list_of_packages_nobody_says_that_nothing_waits():
    cannot_judge(packages.test_no_update_is_waiting, Asked({'dist-upgrade': '1795644103\n--\n'}), saying='no list')
    cannot_judge(
        packages.test_no_update_is_waiting, Asked({'dist-upgrade': '1795644103\n1700000000\n--\n'}), saying='days old'
    )
    packages.test_no_update_is_waiting(Asked({'dist-upgrade': '1795644103\n1795640000\n--\n'}))


def test_a_line_that_cannot_be_read_is_said():
    with pytest.raises(AnlanError, match='cannot be read'):
        packages_of('nonsense\n')
