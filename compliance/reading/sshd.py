"""The SSH daemon of a host: how it says that it works, and what the one that runs offers."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

STRANGER = '198.51.100.9'
"""An address that is nobody's (RFC 5737)."""

# Asked for is nobody, under a name that is new each time: who is asked for is never let in, and found on record.
OFFER = (
    'nobody=anlan-check-$$; '
    'ssh -vv -F none -o BatchMode=yes -o PreferredAuthentications=none -o StrictHostKeyChecking=no '
    '-o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 -o HostKeyAlgorithms=ssh-ed25519,rsa-sha2-512 '
    '$nobody@127.0.0.1 true 2>&1 | tr -d "\\r" | grep -E '
    '"proposal$|^debug2: (KEX|host key|ciphers|MACs)|Server host key|that can continue|denied|onnection|not allowed"; '
    'journalctl --sync; journalctl -q --since -10s -t sshd -t sshd-session -o cat --output-fields=MESSAGE '
    '| grep -F "$nobody" | sed "s/^/record: /"'
)
"""What the daemon that runs offers to who comes from the host itself, and what it notes of it."""

Settings = dict[str, str]


def settings(host: Any, user: str | None = None, address: str = STRANGER) -> Settings:
    """Given a host, return what `sshd -T` says, by key; for a user who comes from an address if one is given.

    A key that is there more than once has its values joined by a space.
    """
    if user is None:
        said = host.run('sshd -T')
    else:
        said = host.run('sshd -T -C %s', f'user={user},host={address},addr={address}')
    assert said.rc == 0, f'sshd does not say how it works: {said.stderr.strip()}'
    found: Settings = {}
    for line in said.stdout.splitlines():
        name, _, value = line.partition(' ')
        found[name] = f'{found[name]} {value}' if name in found else value
    assert any(found.values()), 'sshd does not say how it works'
    return found


def lets_in(said: Settings, user: str, address: str) -> bool:
    """Given settings as they are for a user from an address, return whether a log-in could succeed."""
    ways = ('pubkeyauthentication', 'passwordauthentication', 'kbdinteractiveauthentication', 'hostbasedauthentication')
    if said.get('refuseconnection', 'no') != 'no' or all(said.get(way, 'no') == 'no' for way in ways):
        return False
    if _named(said.get('denyusers', ''), user, address):
        return False
    allowed = said.get('allowusers', '')
    return not allowed or _named(allowed, user, address)


def offered(host: Any) -> Mapping[str, tuple[str, ...]]:
    """Given a host, return what its running daemon offers: `kex`, `key`, `ciphers`, `macs`, `ways`, and `host_key`."""
    said = host.run(OFFER)
    found: dict[str, tuple[str, ...]] = {}
    theirs = said.stdout.partition('peer server KEXINIT proposal')[2]
    for name, label in (
        ('kex', 'KEX algorithms'), ('key', 'host key algorithms'), ('ciphers', 'ciphers stoc'), ('macs', 'MACs stoc')
    ):  # fmt: skip
        value = re.search(rf'^debug2: {label}: (\S+)', theirs, re.M)
        found[name] = tuple(value[1].split(',')) if value else ()
    shown = re.search(r'Server host key: \S+ (\S+)', theirs)
    ways = re.search(r'that can continue: (\S+)', theirs)
    found['host_key'] = (shown[1],) if shown else ()
    found['ways'] = tuple(ways[1].split(',')) if ways else ()
    found['records'] = tuple(re.findall(r'^record: (.*)', said.stdout, re.M))
    assert found['kex'], f'the SSH daemon does not answer on the host itself: {said.stdout.strip()[-200:]}'
    return found


def algorithms(said: Settings, key: str) -> tuple[str, ...]:
    """Given settings and a key that holds a list, return it."""
    return tuple(each for each in said.get(key, '').split(',') if each)


def _named(patterns: str, user: str, address: str) -> bool:
    for pattern in patterns.split():
        name, at, source = pattern.partition('@')
        if fnmatch.fnmatchcase(user, name) and (not at or _is_from(source, address)):
            return True
    return False


def _is_from(source: str, address: str) -> bool:
    if '/' in source:
        return ipaddress.ip_address(address) in ipaddress.ip_network(source, strict=False)
    return fnmatch.fnmatchcase(address, source)
