"""Residual information: memory of programs that is written down, and swap."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered, run

DUMPS = (
    "grep -H 'Max core file size' /proc/[0-9]*/limits 2>/dev/null | while read -r line; do id=${line#/proc/}; "
    'id=${id%%/*}; set -- $line; [ $id = 1 ] || echo "$(tr -s " " - < /proc/$id/comm 2>/dev/null) $5"; done | '
    'sort | uniq -c; echo --; systemctl show -P DefaultLimitCORE; '
    "su -s /bin/sh -c 'ulimit -Hc' nobody 2>/dev/null || echo unknown; echo --; "
    'ls -A /var/lib/systemd/coredump /var/crash 2>/dev/null | grep -v : | grep .; '
    'find / /root /tmp /var/tmp /run /var/lib -xdev -maxdepth 2 -type f '
    "\\( -name core -o -name 'core.[0-9]*' -o -name '*.core' \\) 2>/dev/null; echo end"
)
"""Limits of processes that run; limits of services and sessions to come; core files that lie about."""

SWAP = (
    'tail -n +2 /proc/swaps | while read -r name rest; do '
    'echo "$name $(lsblk -nso TYPE $name 2>/dev/null | tr "\\n" " ")"; done; echo end'
)
MOUNTS = 'findmnt -rno TARGET,FSTYPE,OPTIONS | cut -c1-200'


def dumps(host):
    """Return processes with their limits, limits of what begins, and core files."""
    parts = [part.splitlines() for part in host.run(DUMPS).stdout.split('--\n')]
    if len(parts) != 3 or parts[2][-1:] != ['end'] or len(parts[1]) != 2:
        not_verified('the limits of processes cannot be read')
    return parts[0], parts[1], parts[2][:-1]


@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(run(
    'systemd-run --quiet --collect --unit=anlan-planted -p LimitCORE=infinity sleep 60',
    'systemctl stop anlan-planted.service 2>/dev/null || true', settle_seconds=0.3,
))  # fmt: skip
def test_no_process_may_have_its_memory_written_down(host):
    lines = dumps(host)[0]
    assert len(lines) > 1, 'no process is seen'
    # systemd itself always may; what it starts has the limit that it is given.
    wide = sorted({line.split()[1] for line in lines if line.split()[-1] != '0'})
    assert not wide, f'a core file is written when one of these dies: {", ".join(wide)}'


@clauses('22239-8.1.4.10-a')
# On the host, a service that happens to start meanwhile would keep the limit.
@violation(answered('core file size', '1 sshd 0\n1 nginx 0\n--\ninfinity\n0\n--\nend\n'))
def test_no_service_can_allow_itself_core_files(host):
    limit = dumps(host)[1][0]
    assert limit == '0', f'services may write core files: the limit is {limit}'


@clauses('22239-8.1.4.10-a')
# A session of root in a container cannot be given more than it has, so the fault would not show there.
@violation(answered('core file size', '1 sshd 0\n1 nginx 0\n--\n0\nunlimited\n--\nend\n'))
def test_nobody_who_logs_in_can_allow_core_files(host):
    limit = dumps(host)[1][1]
    if limit == 'unknown':
        not_verified('no session could be begun to ask for its limits')
    assert limit == '0', f'a session may write core files: the limit is {limit}'


@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(run('echo planted > /var/tmp/core.4242', 'rm -f /var/tmp/core.4242'))
def test_no_core_file_lies_about(host):
    found = dumps(host)[2]
    assert not found, f'core files: {", ".join(found)}'


@kernel_wide
@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(answered('/proc/swaps', '/dev/sda2 part disk \nend\n'))
def test_memory_is_written_to_no_disk_in_the_clear(host):
    lines = host.run(SWAP).stdout.splitlines()
    if lines[-1:] != ['end']:
        not_verified('the swap cannot be looked at')
    clear = [line.split()[0] for line in lines[:-1] if 'crypt' not in line.split() and '/zram' not in line]
    assert not clear, f'swap that is not encrypted: {", ".join(clear)}'


@pytest.mark.parametrize('target', [
    pytest.param(each, id=each.strip('/').replace('/', '-'), marks=violation(answered('findmnt', f'{each} ext4 rw\n')))
    for each in ('/run', '/dev/shm', '/tmp')
])  # fmt: skip
@clauses('22239-8.1.4.10-a')
def test_what_runs_keeps_its_sockets_and_keys_in_memory(host, target):
    kinds = {line.split()[0]: line.split()[1] for line in host.run(MOUNTS).stdout.splitlines() if len(line.split()) > 2}
    if not kinds:
        not_verified('the mounts are not told')
    assert kinds.get(target) == 'tmpfs', f'{target} is {kinds.get(target, "no file system of its own")}'
