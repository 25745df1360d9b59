"""Checks of integrity and malware: what AIDE, dpkg and ClamAV say."""

import json

from compliance.checks import test_integrity as integrity
from compliance.checks import test_malware as malware
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails, parts


def status(now=1000, **otherwise):
    said = {'seen': True, 'seen_at': 990.0, 'reason': None} | otherwise
    return Asked({integrity.ASKED: parts(status=f'{json.dumps(said)}\n{now}\nactive\nend\n')})


def test_files_that_differ_are_named_and_no_base_is_no_pass():
    same = {'added': [], 'removed': [], 'changed': [], 'numbers': {'total': 1838}}
    for kind in ('added', 'removed', 'changed'):
        integrity.test_no_file_differs_from_its_base(Asked({'--check': json.dumps(same)}), kind)
        other = Asked({'--check': json.dumps(same | {kind: ['/etc/passwd']})})
        fails(integrity.test_no_file_differs_from_its_base, other, kind, saying='/etc/passwd')
        fails(
            integrity.test_no_file_differs_from_its_base, Asked({'--check': Said('', 1)}), kind, saying='there is none'
        )


def test_an_old_comparison_is_seen_and_so_is_none():
    integrity.test_files_were_compared_lately(status(), expected('db-1'))
    fails(integrity.test_files_were_compared_lately, status(now=990 + 26 * 3600), expected('db-1'), saying='26.0 h ago')
    fails(integrity.test_files_were_compared_lately, status(seen_at=None), expected('db-1'), saying='never')
    fails(integrity.test_files_were_compared_lately, Asked({}), expected('db-1'), saying='no check')


def test_a_path_that_no_rule_names_is_seen():
    covered = "[x] f:/usr/bin/sudo: selective rule: '/usr/bin (none) l+p+u+g+sha256+ftype'"
    integrity.test_a_change_would_be_seen_of(Asked({integrity.ASKED: parts(covered=covered)}), 'programs')
    without = Asked({integrity.ASKED: parts(covered='[ ] f:/usr/bin/sudo: no matching rule')})
    fails(integrity.test_a_change_would_be_seen_of, without, 'programs', saying='would not be seen')
    weak = Asked({integrity.ASKED: parts(covered=covered.replace('sha256', 'md5'))})
    fails(integrity.test_a_change_would_be_seen_of, weak, 'programs', saying='content')


def test_a_program_that_was_replaced_is_named():
    integrity.test_programs_are_as_their_packages_brought_them(Asked({'dpkg --verify': 'end\n'}), expected('db-1'))
    changed = Asked({'dpkg --verify': '??5??????   /usr/sbin/sshd\nend\n'})
    fails(
        integrity.test_programs_are_as_their_packages_brought_them, changed, expected('db-1'), saying='/usr/sbin/sshd'
    )
    cannot_judge(integrity.test_programs_are_as_their_packages_brought_them, Asked({}), expected('db-1'))


def test_a_sample_must_be_found_and_what_is_harmless_must_not():
    good = Asked({'clamscan': 'stdin: Eicar FOUND\nstdin: OK\n'})
    malware.test_a_harmless_sample_is_found(good)
    malware.test_what_is_harmless_is_not_taken_for_malware(good)
    fails(malware.test_a_harmless_sample_is_found, Asked({'clamscan': 'stdin: OK\nstdin: OK\n'}), saying='not found')
    fails(malware.test_a_harmless_sample_is_found, Asked({}), saying='does not run')


def test_signatures_are_judged_by_the_newest():
    new = Asked({malware.ASKED: parts(signatures='1795644103\n1700000000\n1795000000\nend\n')})
    malware.test_signatures_are_not_too_old(new, expected('db-1'))
    old = Asked({malware.ASKED: parts(signatures='1795644103\n1700000000\nend\n')})
    fails(malware.test_signatures_are_not_too_old, old, expected('db-1'), saying='1107 days')
    none = Asked({malware.ASKED: parts(signatures='1795644103\nend\n')})
    fails(malware.test_signatures_are_not_too_old, none, expected('db-1'), saying='no signatures')


def test_a_search_that_saw_nothing_or_found_something_fails():
    for text, check in (('anlan_malware_searched 0', malware.test_the_last_search_could_look_at_everything),
                        ('anlan_malware_found 2', malware.test_nothing_was_found)):  # fmt: skip
        fails(check, Asked({malware.ASKED: parts(figures=f'{text}\nend\n')}), saying='.')
    fails(malware.test_nothing_was_found, Asked({malware.ASKED: parts(figures='end\n')}), saying='never searched')
