"""Root of trust: whether what boots and runs is verified by something below it. A container has none of its own."""

from __future__ import annotations

from compliance.checking import clauses, kernel_wide, not_verified, violation
from compliance.violation import answered

TRUST = (
    'ls -d /sys/class/tpm/tpm[0-9] 2>/dev/null; echo --; '
    'od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null; echo --; '
    'cat /sys/kernel/security/ima/runtime_measurements_count 2>/dev/null; echo --; '
    'cat /sys/kernel/security/lockdown 2>/dev/null; echo --; '
    'cat /sys/module/module/parameters/sig_enforce 2>/dev/null; '
    'echo --; ls /sys/kernel/security/tpm0/binary_bios_measurements 2>/dev/null; echo end'
)
SERVES = ('22239-8.1.2.3', '22239-8.1.3.6', '22239-8.1.4.6')


def seen(tpm='', secure='', ima='', lockdown='', enforced='', measured=''):
    """Return the violation of an answer with these parts."""
    return answered('/sys/class/tpm', '\n--\n'.join((tpm, secure, ima, lockdown, enforced, measured)) + '\nend\n')


def trust(host):
    """Return TPM, secure boot, IMA, lockdown, enforced signatures of modules and measured boot, as the kernel says."""
    said = host.run(TRUST).stdout
    parts = [part.strip() for part in said.split('--\n')]
    if len(parts) != 6 or not said.rstrip().endswith('end'):
        not_verified('the kernel cannot be asked for a root of trust')
    parts[5] = parts[5].removesuffix('end').strip()
    return parts


@kernel_wide
@clauses(*SERVES)
@violation(seen())
def test_there_is_a_root_of_trust(host):
    assert trust(host)[0], 'the machine has no TPM that the kernel knows'


@kernel_wide
@clauses(*SERVES)
@violation(seen(secure='0'))
def test_the_firmware_starts_signed_code_alone(host):
    assert trust(host)[1] == '1', 'secure boot is off, or the firmware has none'


@kernel_wide
@clauses(*SERVES)
@violation(seen())
def test_what_boots_was_measured(host):
    assert trust(host)[5], 'no measurements of the boot are there'


@kernel_wide
@clauses(*SERVES)
@violation(seen(ima='0\n0'))
def test_what_runs_is_measured(host):
    numbers = [int(word) for word in trust(host)[2].split() if word.isdigit()]
    assert numbers and numbers[-1] > 1, 'the kernel measures no program that runs'


@kernel_wide
@clauses(*SERVES)
@violation(seen(lockdown='[none] integrity confidentiality'))
def test_root_cannot_change_the_running_kernel(host):
    state = trust(host)[3]
    assert '[integrity]' in state or '[confidentiality]' in state, f'lockdown: {state or "none"}'


@kernel_wide
@clauses(*SERVES)
@violation(seen(enforced='N'))
def test_parts_of_the_kernel_without_a_signature_are_refused(host):
    assert trust(host)[4] == 'Y', 'parts of the kernel are loaded without a signature'
