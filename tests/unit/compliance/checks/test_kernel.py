"""Checks of the kernel and of trust, which a lab never passes: its hosts are containers."""

import json

import pytest

from compliance.checks import test_block_list as block_list
from compliance.checks import test_flood_limits as flood_limits
from compliance.checks import test_kernel as kernel
from compliance.checks import test_mounts as mounts
from compliance.checks import test_trust as trust
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails


@pytest.mark.parametrize(('line', 'words'), [
    ('dccp: insmod /lib/modules/6.12/dccp.ko.xz 0', 'would be loaded'),
    ('dccp: install /bin/false 1', 'is loaded'),
    ('dccp:  0', 'dccp'),
])  # fmt: skip
def test_a_module_that_is_loaded_or_would_be_is_seen(line, words):
    check = kernel.test_a_part_of_the_kernel_that_nobody_needs_cannot_be_loaded
    fails(check, Asked({'modprobe -n': line}), 'dccp', saying=words)


@pytest.mark.parametrize('line', [
    'dccp: install /bin/false 0',
    'dccp: modprobe: FATAL: Module dccp not found in directory /lib/modules/6.12 0',
])  # fmt: skip
def test_a_module_that_is_shut_or_absent_passes(line):
    kernel.test_a_part_of_the_kernel_that_nobody_needs_cannot_be_loaded(Asked({'modprobe -n': line}), 'dccp')


def test_a_host_without_modprobe_is_not_judged():
    said = Asked({'modprobe -n': 'dccp: sh: 1: modprobe: not found 0'})
    cannot_judge(kernel.test_a_part_of_the_kernel_that_nobody_needs_cannot_be_loaded, said, 'dccp')


def test_a_kernel_that_waits_for_a_restart_is_seen():
    check = kernel.test_the_newest_installed_kernel_is_the_one_that_runs
    check(Asked({'uname -r': '6.12.2\n/boot/vmlinuz-6.12.2\napparmor\n'}))
    fails(check, Asked({'uname -r': '6.12.1\n/boot/vmlinuz-6.12.2\napparmor\n'}), saying='waits for a restart')
    cannot_judge(check, Asked({'uname -r': '6.12.1\n'}))


def test_parts_that_nobody_signed_are_named():
    kernel.test_the_kernel_has_no_part_that_nobody_signed(Asked({'sysctl -e': 'kernel.tainted = 0\n'}))
    fails(kernel.test_the_kernel_has_no_part_that_nobody_signed, Asked({'sysctl -e': 'kernel.tainted = 8192\n'}),
          saying='without a signature')  # fmt: skip


TRUSTED = '/sys/class/tpm/tpm0\n--\n 1\n--\n812\n--\nnone [integrity] confidentiality\n--\nY\n--\nmeasurements\nend\n'


def test_a_machine_with_all_of_it_passes_and_one_without_fails_each():
    checks = (
        trust.test_there_is_a_root_of_trust, trust.test_the_firmware_starts_signed_code_alone,
        trust.test_what_boots_was_measured, trust.test_what_runs_is_measured,
        trust.test_root_cannot_change_the_running_kernel,
        trust.test_parts_of_the_kernel_without_a_signature_are_refused,
    )  # fmt: skip
    bare = Asked({'/sys/class/tpm': '--\n--\n--\n--\n--\nend\n'})
    for check in checks:
        check(Asked({'/sys/class/tpm': TRUSTED}))
        fails(check, bare, saying='.')
        cannot_judge(check, Asked({}))


def test_a_meter_with_another_rate_or_of_one_family_is_seen():
    def limited(rate, families=('v4', 'v6')):
        limit = {'limit': {'rate': rate, 'burst': 1200, 'per': 'second', 'inv': True}}
        filled = [{'set': {'set': f'@syns_{family}', 'stmt': [limit]}} for family in families]
        rules = [{'rule': {'chain': 'syns', 'expr': [each, {'counter': 'syns'}, {'drop': None}]}} for each in filled]
        return Asked({'anlan_limits': json.dumps({'nftables': rules})})

    check = flood_limits.test_a_source_that_sends_too_much_is_held_back
    check(limited(200), expected('fw-1'), 'syns')
    fails(check, limited(90000), expected('fw-1'), 'syns', saying='90000')
    fails(check, limited(200, ('v4',)), expected('fw-1'), 'syns', saying='alone')


def test_a_host_of_ours_that_is_shut_out_or_could_be_is_named():
    def said(**otherwise):
        whole = {'shut': 0, 'differ': 0, 'ours': [], 'never': [], 'fault': None, 'peers': {}} | otherwise
        return Asked({'/run/anlan/block-list/control': json.dumps(whole)})

    block_list.test_no_host_of_the_platform_is_shut_out(said())
    fails(block_list.test_no_host_of_the_platform_is_shut_out, said(ours=['198.18.30.11']), saying='198.18.30.11')
    check = block_list.test_every_host_of_the_platform_is_among_those_never_shut_out
    fails(check, said(), expected('fw-1'), saying='198.18.30.11')


def test_files_are_told_apart_by_what_is_wrong_with_them():
    good = 'f 4755 root /usr/bin/sudo\n' + ''.join(f'w 755 root /usr/{name}\n' for name in 'abcde')
    host = Asked({'find / -xdev': f'{good}end\n'})
    mounts.test_no_program_gives_more_rights_than_it_must(host)
    mounts.test_root_alone_writes_where_programs_and_settings_are(host)
    for line, check in (
        ('f 4755 root /opt/shell', mounts.test_no_program_gives_more_rights_than_it_must),
        ('f 666 root /etc/a file', mounts.test_no_file_may_be_written_by_everybody),
        ('d 777 root /srv/open', mounts.test_no_folder_lets_anybody_remove_files_of_others),
        ('f 644 4242 /srv/lost', mounts.test_each_file_belongs_to_somebody),
        ('x 755 root /tmp/run', mounts.test_no_program_lies_where_everybody_may_write),
        ('w 775 root /usr/bin', mounts.test_root_alone_writes_where_programs_and_settings_are),
    ):
        fails(check, Asked({'find / -xdev': f'{good}{line}\nend\n'}), saying=line.rpartition(' /')[2].split()[0])
