"""Mandatory access: labels that the kernel enforces, whatever the owner of a file says."""

from __future__ import annotations

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered

MODULES = 'cat /sys/kernel/security/lsm'
PROFILES = "sed -E 's/^.*\\(([a-z]+)\\)$/\\1/' /sys/kernel/security/apparmor/profiles | sort | uniq -c"


@clauses('22239-8.1.4.2-g')
@kernel_wide
@violation(answered('/sys/kernel/security/lsm', 'capability,landlock,yama\n'))
def test_the_kernel_enforces_labels(host):
    said = host.run(MODULES)
    if said.rc != 0:
        not_verified(f'the kernel does not say what it enforces: {said.stderr.strip()}')
    assert {'apparmor', 'selinux'} & set(said.stdout.strip().split(',')), (
        f'it enforces {said.stdout.strip()}, no labels'
    )


@clauses('22239-8.1.4.2-g')
@kernel_wide
@violation(answered('apparmor/profiles', '      4 complain\n      2 unconfined\n'))
def test_profiles_are_enforced_and_not_only_noted(host):
    said = host.run(PROFILES)
    if said.rc != 0 or not said.stdout.strip():
        not_verified('the kernel names no profile of AppArmor')
    found = {kind: int(count) for count, kind in (line.split() for line in said.stdout.splitlines())}
    assert found.get('enforce', 0) > 0, f'none is enforced: {said.stdout.split()}'
