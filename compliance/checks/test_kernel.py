"""Kernel of the machine: its parameters, modules and protections. In a container they belong to the machine beneath."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered

HARDENED = {
    'kernel.randomize_va_space': ('2', 'programs lie where an attacker expects them', '22239-8.1.4.5'),
    'kernel.kptr_restrict': ('1 2', 'addresses of the kernel are told', '22239-8.1.4.4-b'),
    'kernel.dmesg_restrict': ('1', 'messages of the kernel are told to anybody', '22239-8.1.4.4-b'),
    'kernel.yama.ptrace_scope': ('1 2 3', 'a process looks into another of the same user', '22239-8.1.4.5'),
    'kernel.unprivileged_bpf_disabled': ('1 2', 'anybody loads programs into the kernel', '22239-8.1.4.5'),
    'net.core.bpf_jit_harden': ('1 2', 'programs in the kernel can be shaped for an attack', '22239-8.1.4.5'),
    'kernel.perf_event_paranoid': ('2 3 4', 'anybody measures the kernel', '22239-8.1.4.4-b'),
    'kernel.kexec_load_disabled': ('1', 'another kernel can be started out of this one', '22239-8.1.4.6'),
    'kernel.sysrq': ('0 4', 'a keyboard can do anything to the kernel', '22239-8.1.4.4-b'),
    'fs.protected_hardlinks': ('1', 'links to files of others can be made', '22239-8.1.4.5'),
    'fs.protected_symlinks': ('1', 'links of others are followed in open folders', '22239-8.1.4.5'),
    'fs.protected_fifos': ('1 2', 'pipes of others are opened in open folders', '22239-8.1.4.5'),
    'fs.protected_regular': ('1 2', 'files of others are written in open folders', '22239-8.1.4.5'),
    'fs.suid_dumpable': ('0', 'memory of a privileged program is written down', '22239-8.1.4.10-a'),
    'net.ipv4.conf.all.log_martians': ('1', 'packets from impossible sources leave no record', '22239-8.1.3.3-d'),
}
"""Parameter: what it may be, what happens otherwise, and the clause."""

PARAMETERS = f'sysctl -e {" ".join(HARDENED)} kernel.core_pattern kernel.tainted'
MODULES = (
    'cramfs', 'freevxfs', 'hfs', 'hfsplus', 'jffs2', 'udf', 'usb-storage', 'firewire-core', 'dccp', 'sctp', 'rds',
    'tipc', 'bluetooth', 'can', 'atm', 'ax25', 'appletalk', 'n-hdlc',
)  # fmt: skip
LOADABLE = (
    f'for each in {" ".join(MODULES)}; do echo "$each: $(modprobe -n -v $each 2>&1 | tail -1) '
    '$(grep -c "^$(echo $each | tr - _) " /proc/modules)"; done'
)
KERNELS = 'uname -r; ls -1v /boot/vmlinuz-* 2>/dev/null | tail -1; cat /sys/kernel/security/lsm 2>/dev/null; echo; ' + (
    'cat /sys/module/apparmor/parameters/enabled 2>/dev/null'
)
FAULTS = 'grep -H . /sys/devices/system/cpu/vulnerabilities/*'


def parameters(host):
    """Return the parameters of the kernel, by name."""
    found = dict(line.split(' = ', 1) for line in host.run(PARAMETERS).stdout.splitlines() if ' = ' in line)
    if not found:
        not_verified('the parameters of the kernel cannot be read')
    return found


@pytest.mark.parametrize(('name', 'right', 'what'), [
    pytest.param(name, right.split(), what, id=name, marks=[
        clauses(clause), violation(answered('sysctl -e', f'{name} = {9 if "0" in right.split() else 0}\n')),
    ])
    for name, (right, what, clause) in HARDENED.items()
])  # fmt: skip
@kernel_wide
def test_parameter_in_effect(host, name, right, what):
    value = parameters(host).get(name)
    if value is None:
        not_verified(f'the kernel has no parameter {name}')
    assert value in right, f'{what}: {name} is {value}'


@kernel_wide
@clauses('22239-8.1.4.10-a', '22239-8.1.4.10-b')
@violation(answered('sysctl -e', 'kernel.core_pattern = core\n'))
def test_memory_of_a_program_that_died_is_kept_nowhere(host):
    pattern = parameters(host).get('kernel.core_pattern', '')
    assert pattern, 'what becomes of the memory of a dead program is not known'
    assert pattern in ('|/bin/false', '|/usr/bin/false') or 'systemd-coredump' in pattern, f'it goes to {pattern}'


@kernel_wide
@clauses('22239-8.1.4.6', '22239-8.1.4.5')
@violation(answered('sysctl -e', 'kernel.tainted = 12288\n'))
def test_the_kernel_has_no_part_that_nobody_signed(host):
    value = parameters(host).get('kernel.tainted', '')
    if not value.isdigit():
        not_verified('the kernel does not say what was loaded into it')
    bits = {0: 'proprietary', 1: 'forced', 12: 'from outside the tree', 13: 'without a signature'}
    found = [name for bit, name in bits.items() if int(value) >> bit & 1]
    assert not found, f'parts of the kernel: {", ".join(found)}'


@pytest.mark.parametrize('module', [
    pytest.param(each, id=each, marks=violation(answered('modprobe -n', f'{each}: insmod /lib/modules/{each}.ko 0\n')))
    for each in MODULES
])  # fmt: skip
@kernel_wide
@clauses('22239-8.1.4.4-b')
def test_a_part_of_the_kernel_that_nobody_needs_cannot_be_loaded(host, module):
    line = next((line for line in host.run(LOADABLE).stdout.splitlines() if line.startswith(f'{module}:')), '')
    if not line or ('not found' in line.replace('Module', '') and 'FATAL' not in line):
        not_verified('the host cannot say what it would load')
    what, _, loaded = line.removeprefix(f'{module}:').strip().rpartition(' ')
    assert loaded in ('0', ''), f'{module} is loaded'
    assert 'insmod' not in what, f'{module} would be loaded'
    assert '/bin/false' in what or 'not found' in what, f'{module}: {what}'


@kernel_wide
@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a', '22239-8.1.7.5')
@violation(answered('uname -r', '6.1.0-1-amd64\n/boot/vmlinuz-6.1.0-2-amd64\napparmor\nY\n'))
def test_the_newest_installed_kernel_is_the_one_that_runs(host):
    lines = host.run(KERNELS).stdout.splitlines()
    if len(lines) < 2 or not lines[1].startswith('/boot/'):
        not_verified('no kernel is installed as a file here')
    newest = lines[1].removeprefix('/boot/vmlinuz-')
    assert lines[0] == newest, f'{lines[0]} runs, {newest} waits for a restart'


@kernel_wide
@clauses('22239-8.1.4.5', '22239-8.1.4.6')
@violation(answered('uname -r', '6.1.0-1-amd64\n/boot/vmlinuz-6.1.0-1-amd64\ncapability\nN\n'))
def test_the_kernel_confines_programs_by_rules(host):
    lines = host.run(KERNELS).stdout.splitlines()
    if len(lines) < 3:
        not_verified('the kernel does not say what confines programs')
    assert any(name in lines[2] for name in ('apparmor', 'selinux')), f'nothing confines programs: {lines[2] or "none"}'
    assert 'selinux' in lines[2] or lines[-1] == 'Y', 'AppArmor is there and not in use'


@kernel_wide
@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a')
@violation(answered('vulnerabilities', '/sys/devices/system/cpu/vulnerabilities/meltdown:Vulnerable\n'))
def test_no_known_fault_of_the_processor_is_left_open(host):
    lines = host.run(FAULTS).stdout.splitlines()
    if not lines:
        not_verified('the kernel does not tell the faults of its processor')
    open_faults = [line.rpartition('/')[2] for line in lines if line.partition(':')[2].startswith('Vulnerable')]
    assert not open_faults, f'left open: {"; ".join(open_faults)}'
