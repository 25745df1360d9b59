"""Residual information: memory of programs that is written down, and swap."""

from __future__ import annotations

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered, run, write

LIMITS = (
    "grep -H 'Max core file size' /proc/[0-9]*/limits 2>/dev/null | while read -r line; do id=${line#/proc/}; "
    'id=${id%%/*}; set -- $line; [ $id = 1 ] || echo "$(tr -s " " - < /proc/$id/comm 2>/dev/null) $5"; done | '
    'sort | uniq -c; echo end'
)
DEFAULTS = (
    'systemctl show -P DefaultLimitCORE; systemctl show -P DefaultLimitCORESoft; '
    "su -s /bin/sh -c 'ulimit -Hc' nobody 2>/dev/null || echo unknown; "
    "su -s /bin/sh -c 'ulimit -Sc' nobody 2>/dev/null || echo unknown"
)
DUMPS = (
    'ls -A /var/lib/systemd/coredump /var/crash 2>/dev/null | grep -v : | grep -c .; '
    'find / /root /tmp /var/tmp /run /var/lib -xdev -maxdepth 2 -type f '
    "\\( -name core -o -name 'core.[0-9]*' -o -name '*.core' \\) 2>/dev/null; echo end"
)
SWAP = (
    'tail -n +2 /proc/swaps | while read -r name rest; do '
    'echo "$name $(lsblk -nso TYPE $name 2>/dev/null | tr "\\n" " ")"; done; echo end'
)
MEMORY = 'findmnt -rno FSTYPE /run; findmnt -rno FSTYPE /dev/shm; echo end'


@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(run(
    'systemd-run --quiet --collect --unit=anlan-planted -p LimitCORE=infinity sleep 60',
    'systemctl stop anlan-planted.service 2>/dev/null || true', settle_seconds=0.3,
))  # fmt: skip
def test_no_process_may_have_its_memory_written_down(host):
    lines = host.run(LIMITS).stdout.splitlines()
    if lines[-1:] != ['end'] or len(lines) < 3:
        not_verified('the limits of processes cannot be read')
    # systemd itself always may; what it starts has the limit that it is given.
    wide = sorted({line.split()[1] for line in lines[:-1] if line.split()[-1] != '0'})
    assert not wide, f'a core file is written when one of these dies: {", ".join(wide)}'


@clauses('22239-8.1.4.10-a')
@violation(run(
    'mkdir -p /run/systemd/system.conf.d && printf "[Manager]\\nDefaultLimitCORE=infinity\\n" > '
    '/run/systemd/system.conf.d/zz-anlan-planted.conf && mkdir -p /etc/systemd/system.conf.d && '
    'cp /run/systemd/system.conf.d/zz-anlan-planted.conf /etc/systemd/system.conf.d/ && systemctl daemon-reload',
    'rm -f /run/systemd/system.conf.d/zz-anlan-planted.conf /etc/systemd/system.conf.d/zz-anlan-planted.conf; '
    'systemctl daemon-reload',
))  # fmt: skip
def test_no_service_can_allow_itself_core_files(host):
    lines = host.run(DEFAULTS).stdout.split()
    if len(lines) != 4:
        not_verified('systemd does not tell its limits')
    assert lines[0] == '0', f'services may write core files: the limit is {lines[0]}'


@clauses('22239-8.1.4.10-a')
@violation(write('/etc/security/limits.d/zz-violation.conf', '* hard core unlimited\n* soft core unlimited\n'))
def test_nobody_who_logs_in_can_allow_core_files(host):
    lines = host.run(DEFAULTS).stdout.split()
    if len(lines) != 4 or lines[2] == 'unknown':
        not_verified('no session could be begun to ask for its limits')
    assert lines[2] == '0', f'a session may write core files: the limit is {lines[2]}'


@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(run('echo planted > /var/tmp/core.4242', 'rm -f /var/tmp/core.4242'))
def test_no_core_file_lies_about(host):
    lines = host.run(DUMPS).stdout.splitlines()
    if lines[-1:] != ['end'] or not lines[0].isdigit():
        not_verified('the folders of core files cannot be looked at')
    assert lines[0] == '0', f'{lines[0]} core file(s) are kept'
    assert len(lines) == 2, f'core files: {", ".join(lines[1:-1])}'


@kernel_wide
@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(answered('/proc/swaps', '/dev/sda2 part disk \nend\n'))
def test_memory_is_written_to_no_disk_in_the_clear(host):
    lines = host.run(SWAP).stdout.splitlines()
    if lines[-1:] != ['end']:
        not_verified('the swap cannot be looked at')
    clear = [line.split()[0] for line in lines[:-1] if 'crypt' not in line.split() and '/zram' not in line]
    assert not clear, f'swap that is not encrypted: {", ".join(clear)}'


@clauses('22239-8.1.4.10-a')
@violation(answered('findmnt -rno FSTYPE /run', 'ext4\ntmpfs\nend\n'))
def test_what_runs_keeps_its_sockets_and_keys_in_memory(host):
    lines = host.run(MEMORY).stdout.split()
    if lines[-1:] != ['end']:
        not_verified('the file systems cannot be looked at')
    assert lines[:2] == ['tmpfs', 'tmpfs'], (
        f'/run and /dev/shm are {" and ".join(lines[:-1]) or "no file systems of their own"}'
    )
