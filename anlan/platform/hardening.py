"""Hardening: how tightly hosts are shut, and where each number comes from.

GB/T 22239 level 3 asks for complexity, periods and limits and names almost none of them; what assessors take is
`practice`. Each description says on what its number rests.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Literal

from anlan.platform.base import Section, key
from anlan.platform.operators import OperatorName

Administrator = Literal['system', 'audit', 'security']


class Passwords(Section):
    """Passwords of accounts on hosts (GB/T 22239, 8.1.4.1 a)."""

    minimum_length: int = key(
        12, 'Shortest password. Shorter than 6 is a high risk (guideline 6.4.1.1); 8 is practice, 12 is safer.', 12,
        unit='characters', ge=8, le=128,
    )  # fmt: skip
    character_classes: int = key(
        4, 'Kinds of characters that a password must have: small, capital, digit, other (practice: 4).', 4, ge=1, le=4
    )
    maximum_days: int = key(90, 'After so long a password has to be changed (practice).', 90, unit='days', ge=1, le=365)
    minimum_days: int = key(1, 'A password stays at least so long (practice).', 1, unit='days', ge=0, le=30)
    warning_days: int = key(7, 'So long before its end it is announced (practice).', 7, unit='days', ge=1, le=60)
    remembered: int = key(5, 'So many earlier passwords are not taken again (practice).', 5, ge=1, le=50)


class Lockout(Section):
    """What happens when log-ins fail (GB/T 22239, 8.1.4.1 b)."""

    attempts: int = key(5, 'After so many failures an account is shut (practice: 5).', 5, ge=3, le=10)
    window_seconds: int = key(900, 'Failures within so long count together (practice).', 900, unit='s', ge=60, le=86400)
    seconds: int = key(900, 'An account stays shut for so long (practice).', 900, unit='s', ge=60, le=86400)
    idle_seconds: int = key(600, 'A session without a key pressed ends after so long (practice: 600).', 600, unit='s',
                            ge=60, le=3600)  # fmt: skip
    learner_idle_seconds: int = key(
        1800, "A learner's session ends after so long without a request (project default); a lesson that is watched "
        'saves its progress, which is one.', 1800, unit='s', ge=600, le=86400,
    )  # fmt: skip


class Ssh(Section):
    """Remote administration (GB/T 22239, 8.1.4.1 b–d, 8.1.4.4 c)."""

    attempts: int = key(4, 'Tries of one connection (practice: 3 to 5).', 4, ge=1, le=6)
    login_grace_seconds: int = key(30, 'Time to log in (practice).', 30, unit='s', ge=10, le=120)
    second_factor: bool = key(
        True, 'People give a one-time code besides their key at the bastion (GB/T 22239, 8.1.4.1 d).', True
    )
    ciphers: list[str] = key(
        lambda: ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr'],
        'Ciphers in the order of preference: authenticated ones, and CTR for paramiko and older clients.',
        ['aes256-gcm@openssh.com'], min_length=1,
    )  # fmt: skip
    macs: list[str] = key(
        lambda: ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512', 'hmac-sha2-256'],
        'Message authentication codes, none with SHA-1 or MD5.', ['hmac-sha2-512-etm@openssh.com'], min_length=1,
    )  # fmt: skip
    key_exchanges: list[str] = key(
        lambda: [
            'sntrup761x25519-sha512@openssh.com', 'curve25519-sha256', 'curve25519-sha256@libssh.org',
            'diffie-hellman-group16-sha512', 'diffie-hellman-group18-sha512',
        ],
        'Key exchanges, none with SHA-1 or a group below 3072 bits.', ['curve25519-sha256'], min_length=1,
    )  # fmt: skip


class Integrity(Section):
    """Files that may not change (GB/T 22239, 8.1.4.4 f, 8.1.4.7 b) and programs that may not come (8.1.4.5)."""

    check_hours: int = key(24, 'So often files are held against their base (practice).', 24, unit='h', ge=1, le=168)
    scan_hours: int = key(24, 'So often files are searched for malware (practice).', 24, unit='h', ge=1, le=168)
    signature_days: int = key(
        30, 'Oldest signatures of malware: older than a month is a high risk (guideline 6.4.4.1).', 30, unit='days',
        ge=1, le=30,
    )  # fmt: skip
    signature_mirror: str | None = key(
        None,
        'Where hosts fetch signatures of malware from: a mirror inside, that one of yours fills. None: they have only '
        'the signature of the EICAR test file, and the clause on the age of signatures is not met.',
        'https://clamav.example.cn', pattern=r'^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._/-]*)?$',
    )  # fmt: skip
    signature_mirror_address: IPv4Address | None = key(
        None, 'Address of that mirror: the firewalls let every host reach it there, and nothing else.', '10.1.0.60'
    )


class Audit(Section):
    """Records of who did what (GB/T 22239, 8.1.4.3). How long they are kept: configuration.journal_retention_days."""

    buffer: int = key(8192, 'Records that the kernel holds until they are written.', 8192, ge=320, le=65536)
    file_mib: int = key(64, 'Size of one file of audit records.', 64, unit='MiB', ge=8, le=1024)
    files: int = key(10, 'Files of audit records on a host; all of them also go to the central store.', 10, ge=2, le=99)
    space_left_mib: int = key(
        256, 'With less free disk it is said, and never is the host stopped or auditing suspended.', 256, unit='MiB',
        ge=64,
    )  # fmt: skip


class Hardening(Section):
    """All of it. Administrators are three, and nobody is two of them (GB/T 22239, 8.1.4.2 d)."""

    administrators: dict[OperatorName, Administrator] = key(
        dict,
        'What each operator is: `system` (services, configuration), `audit` (reads every record, changes nothing) or '
        '`security` (accounts, rules of access). One who is not named here is `system`.',
        {'li-wei': 'audit'},
    )
    guard_seconds: int = key(
        120,
        'A change of SSH, PAM, sudo or the firewall is undone by the host itself after so long, unless a second, new '
        'log-in through the bastion confirms it.',
        120, unit='s', ge=30, le=900,
    )  # fmt: skip
    passwords: Passwords = key(Passwords, 'Passwords of accounts on hosts.', {'minimum_length': 12})
    lockout: Lockout = key(Lockout, 'What happens when log-ins fail.', {'attempts': 5})
    ssh: Ssh = key(Ssh, 'Remote administration.', {'attempts': 4})
    audit: Audit = key(Audit, 'Records of who did what.', {'files': 10})
    integrity: Integrity = key(Integrity, 'Changed files and malware.', {'check_hours': 24})
