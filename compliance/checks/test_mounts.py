"""Mounts and files: what file systems forbid, and files that give more rights than they should."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered, run

MOUNTS = 'findmnt -rno TARGET,FSTYPE,OPTIONS | cut -c1-200'
FILES = (
    # What is published and what packages document is much, and nothing of it is run.
    'find / -xdev \\( -path /var/lib/private -o -path /var/lib/anlan/media -o '
    '-path /usr/share/doc -o -path /usr/share/man -o -path /usr/share/locale \\) -prune -o '
    '\\( -perm /6000 -type f -o -perm -0002 -type d ! -perm -1000 -o -perm -0002 -type f -o -nouser -o -nogroup -o '
    "\\( -type b -o -type c \\) ! -path '/dev/*' \\) -printf '%y %m %u %p\\n' 2>/dev/null | head -200; "
    "find /tmp /var/tmp /dev/shm -xdev -type f -perm /111 -printf 'x %m %u %p\\n' 2>/dev/null | head -50; "
    "stat -c 'w %a %U %n' /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /etc /etc/anlan /usr/local/lib/anlan "
    '/etc/ld.so.preload 2>/dev/null; echo end'
)
WANTED = {
    '/dev/shm': ('nosuid', 'nodev', 'noexec'),
    '/tmp': ('nosuid', 'nodev', 'noexec'),
    '/run': ('nosuid', 'nodev'),
    '/proc': ('nosuid', 'nodev', 'noexec'),
    '/sys': ('nosuid', 'nodev', 'noexec'),
}  # fmt: skip
SHARES = ('nfs', 'cifs', 'smb', '9p', 'fuse.sshfs', 'fuse.glusterfs', 'ceph', 'afs')
PRIVILEGED = {
    '/usr/bin/sudo', '/usr/bin/su', '/usr/bin/passwd', '/usr/bin/chage', '/usr/bin/mount', '/usr/bin/umount',
    '/usr/bin/ssh-agent', '/usr/sbin/unix_chkpwd', '/usr/lib/openssh/ssh-keysign',
    '/usr/lib/dbus-1.0/dbus-daemon-launch-helper',
}  # fmt: skip
"""Programs that need the rights of another user, and no other: as the hardening leaves them."""


def remounted(target, option):
    """Given a mount and an option that it has, return the violation that it has it not."""
    without = {'noexec': 'exec', 'nosuid': 'suid', 'nodev': 'dev'}[option]
    return run(f'mount -o remount,bind,{without} {target}', f'mount -o remount,bind,{option} {target}')


def planted(path, how):
    """Given a file and how it is made ($file), return the violation that it is there."""
    return run(f'file={path}; {how}', f'rm -f {path}')


def mounts(host):
    """Return kind and options of each mount, by its place; of places mounted twice the upper one."""
    found = {
        line.split()[0]: tuple(line.split()[1:3])
        for line in host.run(MOUNTS).stdout.splitlines()
        if len(line.split()) > 2
    }
    if not found:
        not_verified('the mounts are not told')
    return found


def files(host):
    """Return what was found, as kind, mode, owner, path."""
    lines = host.run(FILES).stdout.splitlines()
    if lines[-1:] != ['end'] or len(lines) < 3:
        not_verified('the files cannot be looked through')
    return [tuple(line.split(' ', 3)) for line in lines[:-1]]


@pytest.mark.parametrize(('target', 'option'), [
    pytest.param(target, option, id=f'{target.strip("/").replace("/", "-")}-{option}', marks=violation(
        answered('findmnt -rno', f'{target} x rw\n') if target in ('/proc', '/sys') else remounted(target, option)
    ))
    for target, options in WANTED.items() for option in options
])  # fmt: skip
@clauses('22239-8.1.4.5', '22239-8.1.4.4-b')
def test_a_file_system_that_many_write_forbids(host, target, option):
    found = mounts(host)
    assert target in found, f'{target} is no file system of its own'
    assert option in found[target][1].split(','), f'{target} is mounted without {option}: {found[target][1]}'


@pytest.mark.parametrize('target', [
    pytest.param(each, id=each[1:].replace('/', '-'), marks=violation(answered('findmnt -rno TARGET', '/ ext4 rw\n')))
    for each in ('/var/tmp', '/var', '/home')
])  # fmt: skip
@kernel_wide
@clauses('22239-8.1.4.5')
def test_a_folder_of_users_is_a_file_system_of_its_own(host, target):
    found = mounts(host)
    assert target in found, f'{target} is no file system of its own'
    assert 'nodev' in found[target][1].split(','), f'{target} may hold devices'


@clauses('22239-8.1.4.4-b')
@violation(answered('findmnt -rno TARGET', '/ ext4 rw\n/srv/share nfs4 rw\n'))
def test_no_share_of_another_host_is_mounted(host):
    shares = [f'{target} ({kind})' for target, (kind, _) in mounts(host).items()
              if kind.startswith(SHARES)]  # fmt: skip
    assert not shares, f'mounted from elsewhere: {", ".join(shares)}'


@clauses('22239-8.1.4.4-a', '22239-8.1.4.5')
@violation(
    run(
        'cp /bin/true /usr/local/bin/anlan-planted && chmod 4755 /usr/local/bin/anlan-planted',
        'rm -f /usr/local/bin/anlan-planted',
    )
)
def test_no_program_gives_more_rights_than_it_must(host):
    found = [path for kind, mode, _, path in files(host) if kind == 'f' and int(mode, 8) & 0o6000]
    assert found, 'not even sudo was found: the look was none'
    more = sorted(set(found) - PRIVILEGED)
    assert not more, f'run with the rights of another user: {", ".join(more)}'


@clauses('22239-8.1.4.5')
@violation(run('mkdir -p /var/lib/anlan-planted && chmod 0777 /var/lib/anlan-planted', 'rm -rf /var/lib/anlan-planted'))
def test_no_folder_lets_anybody_remove_files_of_others(host):
    found = [path for kind, mode, _, path in files(host) if kind == 'd' and int(mode, 8) & 0o0002]
    assert not found, f'everybody may remove files of others: {", ".join(found)}'


@clauses('22239-8.1.4.5')
@violation(planted('/var/lib/anlan-planted', 'touch $file && chmod 0666 $file'))
def test_no_file_may_be_written_by_everybody(host):
    found = [path for kind, mode, _, path in files(host) if kind == 'f' and int(mode, 8) & 0o0002]
    assert not found, f'everybody may write: {", ".join(found)}'


@clauses('22239-8.1.4.5')
@violation(planted('/var/lib/anlan-planted', 'touch $file && chown 54321:54321 $file'))
def test_each_file_belongs_to_somebody(host):
    found = [path for kind, _, owner, path in files(host) if kind in 'fdl' and owner.isdigit()]
    assert not found, f'of nobody: {", ".join(found[:10])}'


@clauses('22239-8.1.4.5')
@violation(run('mknod /var/lib/anlan-planted c 1 3', 'rm -f /var/lib/anlan-planted'))
def test_no_device_lies_outside_its_folder(host):
    found = [path for kind, _, _, path in files(host) if kind in 'bc']
    assert not found, f'devices: {", ".join(found)}'


@clauses('22239-8.1.4.5', '22239-8.1.10.7-b')
@violation(planted('/var/tmp/anlan-planted', 'cp /bin/true $file'))
def test_no_program_lies_where_everybody_may_write(host):
    found = [path for kind, _, _, path in files(host) if kind == 'x']
    assert not found, f'programs: {", ".join(found)}'


@clauses('22239-8.1.4.5', '22239-8.1.4.6')
@violation(run('chmod 0777 /usr/local/bin', 'chmod 0755 /usr/local/bin'))
def test_root_alone_writes_where_programs_and_settings_are(host):
    found = [
        (mode, owner, path) for kind, mode, owner, path in files(host) if kind == 'w' and path != '/etc/ld.so.preload'
    ]
    assert len(found) >= 5, 'the folders of programs were not looked at'
    wide = [f'{path} ({owner} {mode})' for mode, owner, path in found if owner != 'root' or int(mode, 8) & 0o022]
    assert not wide, f'others may write: {", ".join(wide)}'


@clauses('22239-8.1.4.5', '22239-8.1.4.6')
@violation(run('touch /etc/ld.so.preload', 'rm -f /etc/ld.so.preload'))
def test_nothing_is_put_before_every_program(host):
    assert not [path for kind, _, _, path in files(host) if path == '/etc/ld.so.preload'], (
        'a library is put before every program'
    )
