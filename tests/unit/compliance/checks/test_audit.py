"""Records and rules of the audit: what they hold is judged, and what is missing is found."""

import json

import pytest

from compliance.checks import test_audit as checks
from compliance.checks import test_audit_rules as rules
from compliance.checks import test_file_modes as modes
from compliance.checks import test_sessions as sessions
from compliance.reading.audit_rules import rule
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

DONE = {'MESSAGE': '   anlan : PWD=/ ; USER=root ; COMMAND=/bin/echo anlan-audit-7', '_UID': '1000',
        '_HOSTNAME': 'app-1', '__REALTIME_TIMESTAMP': '1795644141346392'}  # fmt: skip
REFUSED = {'MESSAGE': '  anlan : unknown user #4242 ; PWD=/ ; USER=#4242 ; COMMAND=/bin/echo anlan-audit-7-refused'}


def tried(*entries):
    lines = ['mark anlan-audit-7', 'now 1795644142', *(json.dumps(each) for each in entries)]
    return Asked({'mark=anlan-audit': '\n'.join(lines)})


def test_what_was_done_and_what_was_refused_are_told_apart():
    both = tried(DONE, REFUSED)
    checks.test_what_is_done_as_root_is_on_record_at_once(both)
    checks.test_what_is_refused_is_on_record_at_once(both)
    checks.test_a_refusal_differs_from_what_was_done(both)
    fails(checks.test_what_is_done_as_root_is_on_record_at_once, tried(REFUSED), saying='nothing of it')
    fails(checks.test_what_is_refused_is_on_record_at_once, tried(DONE), saying='nothing of it')


def test_a_host_on_which_nothing_could_be_tried_is_not_judged():
    cannot_judge(checks.test_what_is_done_as_root_is_on_record_at_once, Asked({'mark': Said('', 1)}))


@pytest.mark.parametrize(
    ('check', 'change', 'given'),
    [
        (checks.test_a_record_has_the_time_at_which_it_was_done, {'__REALTIME_TIMESTAMP': '1795640000000000'}, ()),
        (checks.test_a_record_has_the_user_from_the_kernel_and_not_from_the_program, {'_UID': '0'}, ()),
        (checks.test_a_record_has_the_host, {'_HOSTNAME': 'app-2'}, (expected,)),
    ],
)
def test_a_field_that_is_wrong_is_found(check, change, given):
    more = tuple(each('app-1') for each in given)
    check(tried(DONE, REFUSED), *more)
    fails(check, tried(DONE | change, REFUSED), *more, saying='.')


def test_records_that_anybody_reads_or_writes_are_found():
    said = '700 root d /var/log/audit\n664 root f /var/log/wtmp\n660 root f /var/log/btmp\n'
    checks.test_records_are_read_by_auditors_alone(Asked({'find': said}))
    checks.test_records_are_written_by_the_system_alone(Asked({'find': said}))
    fails(checks.test_records_are_read_by_auditors_alone, Asked({'find': said.replace('700', '755')}), saying='755')
    fails(
        checks.test_records_are_written_by_the_system_alone, Asked({'find': said.replace('660', '666')}), saying='666'
    )
    fails(checks.test_records_are_read_by_auditors_alone, Asked({'find': ''}), saying='no records')


def test_a_watch_and_a_system_call_are_read_alike():
    watch = rule('-w /etc/sudoers.d/ -p wa -k rights')
    call = rule('-a always,exit -F arch=b64 -S all -F path=/usr/bin/sudo -F perm=x -F auid>=1000 -F key=privileged')
    assert (watch.path, watch.access, watch.key) == ('/etc/sudoers.d', {'w', 'a'}, 'rights')
    assert (call.path, call.access, call.key, call.calls) == ('/usr/bin/sudo', {'x'}, 'privileged', {'all'})


@pytest.mark.parametrize('path', rules.WATCHED)
def test_each_watch_that_is_missing_is_found(path):
    rules.test_a_change_is_recorded(Asked({'auditctl': '\n'.join(rules.GOOD_RULES)}), path)
    fewer = '\n'.join(line for line in rules.GOOD_RULES if f'-w {path} ' not in line)
    fails(rules.test_a_change_is_recorded, Asked({'auditctl': fewer}), path, saying='is not recorded')


def test_a_kernel_that_has_no_rule_fails():
    empty = Asked({'auditctl': 'No rules\n'})
    fails(rules.test_nobody_is_left_out, empty, saying='nothing is audited')
    fails(rules.test_an_act_is_recorded, empty, 'time', saying='adjtimex')
    refused = Asked({'auditctl': Said('', 1, 'Operation not permitted')})
    fails(rules.test_auditing_is_on, refused, saying='not permitted')


def test_rules_that_root_can_change_are_found():
    fails(
        rules.test_the_rules_cannot_be_changed_until_the_next_start,
        Asked({'auditctl': 'enabled 1\npid 7\n'}),
        saying='no trace',
    )


ODD = 'f 4755 0 0 root root /usr/bin/sudo\n'


@pytest.mark.parametrize(
    ('check', 'line', 'saying'),
    [
        (modes.test_programs_that_act_as_another_are_those_that_have_to, 'f 4755 0 0 root root /tmp/x y', '/tmp/x y'),
        (modes.test_no_file_is_written_by_anybody, 'f 666 0 0 root root /srv/open', '/srv/open'),
        (modes.test_no_folder_lets_anybody_take_away_what_is_another_s, 'd 777 0 0 root root /srv/all', '/srv/all'),
        (modes.test_no_file_is_of_an_account_that_is_gone, 'f 644 4242 0 4242 root /srv/lost', '/srv/lost'),
    ],
)
def test_a_file_that_is_open_or_nobody_s_is_found(check, line, saying):
    check(Asked({'find': f'{ODD}d 1777 0 0 root root /var/tmp\nend\n'}))
    fails(check, Asked({'find': f'{ODD}{line}\nend\n'}), saying=saying)
    fails(check, Asked({'find': 'end\n'}), saying='saw nothing')


def test_a_mode_is_judged_by_the_bits_that_are_too_many():
    said = Asked({'stat': '644 root root /etc/passwd\n600 root shadow /etc/shadow\n640 eve shadow /etc/gshadow\n'})
    modes.test_a_file_is_open_to_nobody_it_need_not_be(said, '/etc/shadow')
    fails(modes.test_a_file_is_open_to_nobody_it_need_not_be, said, '/etc/gshadow', saying='of eve')
    with pytest.raises(pytest.skip.Exception, match='not-applicable'):
        modes.test_a_file_is_open_to_nobody_it_need_not_be(said, '/etc/anlan')


@pytest.mark.parametrize(('text', 'seconds'), [('600', 600), ('10m', 600), ('1h30m', 5400), ('2d', 172800)])
def test_times_of_sshd_are_read_with_their_unit(text, seconds):
    assert sessions.seconds_of(text) == seconds


def test_a_shell_that_never_ends_or_can_be_kept_open_is_found():
    sessions.test_nobody_turns_the_idle_log_out_off(Asked({'env': 'mask 0027\nidle 600\nchanged 600\n'}))
    fails(
        sessions.test_nobody_turns_the_idle_log_out_off,
        Asked({'env': 'mask 0027\nidle 600\nchanged 0\n'}),
        saying='turn it off',
    )
    fails(
        sessions.test_an_idle_shell_ends, Asked({'env': 'mask 0027\nidle \n'}), expected('app-1'), saying='never ends'
    )
    fails(sessions.test_what_a_person_makes_is_not_open_to_others, Asked({'env': 'mask 0022\n'}), saying='022')


def test_an_idle_terminal_of_a_person_is_found():
    said = {'getent passwd': 'passwd:root:x:0:0:root:/root:/bin/bash\n'}
    sessions.test_no_terminal_of_a_person_is_idle(
        Asked(said | {'date': '9000\n1.5 root /dev/pts/0\n'}), expected('app-1')
    )
    idle = Asked(said | {'date': '9000\n1.5 eve /dev/pts/1\n'})
    fails(sessions.test_no_terminal_of_a_person_is_idle, idle, expected('app-1'), saying='eve')
