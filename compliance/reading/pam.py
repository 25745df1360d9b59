"""PAM stacks of a host, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name('pam_probe.py').read_text(encoding='utf-8')
STACKS = "grep -Hs '^[^#]' /etc/pam.d/common-auth /etc/pam.d/common-password /etc/pam.d/common-account " + ' '.join(
    f'/etc/pam.d/{service}' for service in ('login', 'passwd', 'sshd', 'su', 'sudo')
)
SETTINGS = (
    "grep -Hs '^[[:space:]]*[A-Za-z]' /etc/login.defs /etc/security/faillock.conf /etc/security/pwhistory.conf "
    '/etc/security/pwquality.conf'
)
Line = tuple[str, str, str]
"""Control, module and arguments."""


def stack(host: Any, service: str, kind: str) -> tuple[Line, ...]:
    """Given a host, a service and a kind (auth, account, password), return its lines, what it includes in its place."""
    said = host.run(STACKS)
    files: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        path, _, text = line.partition(':')
        files.setdefault(path.rpartition('/')[2], []).append(text)
    assert service in files, f'there is no PAM stack of {service}'
    return tuple(_lines(files, service, kind))


def settings(host: Any, name: str) -> dict[str, str]:
    """Given a host and a file's name (`faillock.conf`), return its settings; one without a value is `yes`."""
    said = host.run(SETTINGS)
    found: dict[str, str] = {}
    for line in said.stdout.splitlines():
        path, _, text = line.partition(':')
        if path.rpartition('/')[2] == name:
            words = text.partition('#')[0].replace('=', ' ').split(None, 1)
            found[words[0]] = words[1].strip() if len(words) > 1 else 'yes'
    return found


def number(said: dict[str, str], key: str, where: str) -> int:
    """Given settings, a key and where they stand, return the key's number; a failure if it has none."""
    assert key in said, f'{where} does not say {key}'
    assert said[key].lstrip('-').isdigit(), f'{key} is {said[key]!r} in {where}, no number'
    return int(said[key])


def place(lines: Sequence[Line], module: str, argument: str = '') -> int | None:
    """Given a stack, a module and an argument it must have, return where it stands first; None if nowhere."""
    for index, (_, name, arguments) in enumerate(lines):
        if name == f'{module}.so' and (not argument or argument in arguments.split()):
            return index
    return None


def _lines(files: dict[str, list[str]], service: str, kind: str) -> list[Line]:
    found: list[Line] = []
    for line in files.get(service, []):
        words = line.partition('#')[0].split(None, 1)
        if not words:
            continue
        if words[0] == '@include':
            found += _lines(files, words[1].strip(), kind)
        elif words[0].lstrip('-') == kind:
            control, _, rest = words[1].partition(']') if words[1].startswith('[') else _first_word(words[1])
            module, _, arguments = rest.strip().partition(' ')
            if control in {'include', 'substack'}:
                found += _lines(files, module, kind)
            else:
                found.append((control + (']' if control.startswith('[') else ''), module.strip(), arguments.strip()))
    return found


def _first_word(text: str) -> tuple[str, str, str]:
    control, rest = text.split(None, 1)
    return control, ' ', rest.replace('\t', ' ')
