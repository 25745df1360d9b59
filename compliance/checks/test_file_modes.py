"""Modes of files: who may read and write what decides who may what."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_applicable, violation
from compliance.violation import append, mode, run

# Path, most that its mode may be, owner, groups that may stand there, and a mode that is wrong.
FILES = {
    '/etc/passwd': (0o644, 'root', ('root',), '0666'),
    '/etc/shadow': (0o640, 'root', ('shadow', 'root'), '0644'),
    '/etc/group': (0o644, 'root', ('root',), '0666'),
    '/etc/gshadow': (0o640, 'root', ('shadow', 'root'), '0644'),
    '/etc/passwd-': (0o644, 'root', ('root',), '0666'),
    '/etc/shadow-': (0o640, 'root', ('shadow', 'root'), '0644'),
    '/etc/security/opasswd': (0o600, 'root', ('root',), '0644'),
    '/etc/login.defs': (0o644, 'root', ('root',), '0666'),
    '/etc/sudoers': (0o440, 'root', ('root',), '0444'),
    '/etc/sudoers.d': (0o750, 'root', ('root',), '0755'),
    '/etc/pam.d': (0o755, 'root', ('root',), '0777'),
    '/etc/pam.d/common-auth': (0o644, 'root', ('root',), '0666'),
    '/etc/security': (0o755, 'root', ('root',), '0777'),
    '/etc/ssh/sshd_config': (0o600, 'root', ('root',), '0644'),
    '/etc/ssh/sshd_config.d': (0o755, 'root', ('root',), '0775'),
    '/etc/ssh/ssh_host_ed25519_key': (0o600, 'root', ('root', '_ssh', 'ssh_keys'), '0604'),
    '/etc/ssh/ssh_host_rsa_key': (0o600, 'root', ('root', '_ssh', 'ssh_keys'), '0604'),
    '/etc/profile': (0o644, 'root', ('root',), '0666'),
    '/etc/profile.d': (0o755, 'root', ('root',), '0777'),
    '/etc/hosts': (0o644, 'root', ('root',), '0666'),
    '/etc/nftables.conf': (0o755, 'root', ('root',), '0777'),
    '/etc/audit': (0o750, 'root', ('root', 'adm'), '0755'),
    '/etc/systemd/system': (0o755, 'root', ('root',), '0777'),
    '/etc/anlan': (0o755, 'root', ('root',), '0777'),
    '/etc/anlan/tls/host.key': (0o640, 'root', ('anlan-tls', 'root'), '0644'),
    '/usr/local/lib/anlan': (0o755, 'root', ('root',), '0777'),
    '/var/lib/anlan': (0o755, 'root', ('root',), '0777'),
    '/var/log': (0o755, 'root', ('root',), '0777'),
    '/var/log/audit': (0o750, 'root', ('root', 'adm'), '0755'),
    '/var/log/btmp': (0o660, 'root', ('utmp', 'root'), '0666'),
    '/var/log/wtmp': (0o664, 'root', ('utmp', 'root'), '0666'),
    '/root': (0o700, 'root', ('root',), '0755'),
}
MODES = (
    "stat -c '%a %U %G %n' " + ' '.join(FILES) + ' /usr/local/bin /usr/local/sbin /usr/bin /usr/sbin 2>/dev/null; '
    'ls -ld ' + ' '.join(FILES) + ' 2>/dev/null | awk \'$1 ~ /[+]$/ { print "more", $NF, "-", "-" }\'; true'
)
ODD = (
    "find / -xdev \\( -path /usr/share -o -path /var/lib/private -o -path '/var/tmp/systemd-private-*' \\) -prune "
    '-o \\( -type f -perm /6000 -o -nouser -o -nogroup -o -perm -0002 ! -type l ! -type s ! -type c \\) '
    "-printf '%y %m %U %G %u %g %p\\n' | head -n 400; echo end; "
    "sed 's/^/preload /' /etc/ld.so.preload 2>/dev/null; true"
)
ANOTHER_WRITES = (
    'import os,struct; os.setxattr("/etc/login.defs", "system.posix_acl_access", struct.pack("<I", 2) + '
    'b"".join(struct.pack("<HHI", *each) for each in ((1, 6, 4294967295), (2, 6, 5), (4, 4, 4294967295), '
    '(16, 6, 4294967295), (32, 4, 4294967295))))'
)
"""Gives `games` the right to write a file, besides what its mode says."""

NO_OTHER_WRITES = (
    'import os; name="system.posix_acl_access"; '
    'name in os.listxattr("/etc/login.defs") and os.removexattr("/etc/login.defs", name)'
)
SET_USER = {
    '/usr/bin/chage', '/usr/bin/mount', '/usr/bin/passwd', '/usr/bin/ssh-agent', '/usr/bin/su', '/usr/bin/sudo',
    '/usr/bin/umount', '/usr/lib/dbus-1.0/dbus-daemon-launch-helper', '/usr/lib/openssh/ssh-keysign',
    '/usr/sbin/unix_chkpwd',
}  # fmt: skip
"""Programs that act as another than who calls them, and have to."""


def modes(host):
    found = {}
    for line in host.run(MODES).stdout.splitlines():
        bits, owner, group, path = line.split(' ', 3)
        if bits != 'more':
            found[path] = int(bits, 8), owner, group
    assert '/etc/passwd' in found, 'the host does not say what modes its files have'
    return found


def odd(host):
    """Files with a set-user-id or set-group-id bit, without an owner, or that anybody writes."""
    found, _ = searched(host)
    assert found, 'the search saw nothing, not even sudo'
    return [(kind, int(bits, 8), *rest) for kind, bits, *rest in (line.split(' ', 6) for line in found)]


def searched(host):
    lines = host.run(ODD).stdout.splitlines()
    assert 'end' in lines, 'the host could not be searched'
    end = lines.index('end')
    assert end < 400, 'too much was found to be judged'
    return lines[:end], lines[end + 1 :]


@pytest.mark.parametrize(
    'path', [pytest.param(path, id=path, marks=violation(mode(path, wrong))) for path, (*_, wrong) in FILES.items()]
)
@clauses('22239-8.1.4.2-e', '22239-8.1.4.2-f', '22239-8.1.4.2-d')
def test_a_file_is_open_to_nobody_it_need_not_be(host, path):
    most, owner, groups, _ = FILES[path]
    found = modes(host).get(path)
    if found is None:
        not_applicable(f'there is no {path} on this host')
    bits, there, group = found
    assert not bits & ~most & 0o7777, f'{path} is {bits:o}, {most:o} at most'
    assert there == owner, f'{path} is of {there}, not of {owner}'
    assert group in groups or not bits & 0o070, f'{path} is of the group {group}'


@pytest.mark.parametrize(
    'path',
    [pytest.param(path, id=path, marks=violation(mode(path, '0777')))
     for path in ('/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/usr/sbin')],
)  # fmt: skip
@clauses('22239-8.1.4.2-f')
def test_programs_lie_where_only_root_writes(host, path):
    bits, owner, _ = modes(host)[path]
    assert not bits & 0o022 and owner == 'root', f'{path} is {bits:o} of {owner}'


@clauses('22239-8.1.4.2-f')
@violation(run(f"python3 -c '{ANOTHER_WRITES}'", f"python3 -c '{NO_OTHER_WRITES}'; chmod 0644 /etc/login.defs"))
def test_nobody_is_given_more_than_the_mode_says(host):
    assert modes(host), 'the host does not say what modes its files have'
    more = [line.split()[1] for line in host.run(MODES).stdout.splitlines() if line.startswith('more ')]
    assert not more, f'with an access list besides the mode: {" ".join(more)}'


@clauses('22239-8.1.4.2-d', '22239-8.1.4.4-a')
@violation(run('cp /usr/bin/true /usr/local/bin/anlan-planted && chmod 4755 /usr/local/bin/anlan-planted',
               'rm -f /usr/local/bin/anlan-planted'))  # fmt: skip
def test_programs_that_act_as_another_are_those_that_have_to(host):
    found = {path for kind, bits, _, _, _, _, path in odd(host) if kind == 'f' and bits & 0o6000}
    assert '/usr/bin/sudo' in found, 'sudo itself was not found: the search saw nothing'
    assert not found - SET_USER, f'act as another and need not: {" ".join(sorted(found - SET_USER))}'


@clauses('22239-8.1.4.2-f')
@violation(run('touch /var/lib/anlan-planted && chmod 0666 /var/lib/anlan-planted', 'rm -f /var/lib/anlan-planted'))
def test_no_file_is_written_by_anybody(host):
    every = odd(host)
    found = sorted(path for kind, bits, _, _, _, _, path in every if kind == 'f' and bits & 0o002)
    assert not found, f'written by anybody: {" ".join(found)[:300]}'


@clauses('22239-8.1.4.2-f')
@violation(
    run('mkdir -p /var/lib/anlan-planted && chmod 0777 /var/lib/anlan-planted', 'rmdir /var/lib/anlan-planted; true')
)
def test_no_folder_lets_anybody_take_away_what_is_another_s(host):
    every = odd(host)
    found = sorted(path for kind, bits, _, _, _, _, path in every if kind == 'd' and bits & 0o002 and not bits & 0o1000)
    assert not found, f'written by anybody, and not sticky: {" ".join(found)[:300]}'


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-c')
@violation(
    run('touch /var/lib/anlan-planted && chown 4242:4242 /var/lib/anlan-planted', 'rm -f /var/lib/anlan-planted')
)
def test_no_file_is_of_an_account_that_is_gone(host):
    every = odd(host)
    # Where a number has no name, find prints the number in its place.
    found = sorted(path for _, _, number, group, owner, owners, path in every if owner == number or owners == group)
    assert not found, f'of nobody who is there: {" ".join(found)[:300]}'


@clauses('22239-8.1.4.2-e', '22239-8.1.5.3-b')
@violation(append('/etc/ld.so.preload', '/usr/local/lib/anlan-planted.so'))
def test_no_library_is_put_before_all_programs(host):
    _, preloaded = searched(host)
    assert not preloaded, f'loaded into every program: {" ".join(preloaded)}'
