"""Accounts and groups of a host, as its name service knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of a password only its kind leaves the host: `empty`, `locked`, or how it is hashed.
ACCOUNTS = (
    'getent passwd | sed "s/^/passwd:/"; getent shadow | awk -F: -v OFS=: \'{ kind = "unknown"; '
    'if ($2 == "") kind = "empty"; else if ($2 ~ /^[!*]/) kind = "locked"; '
    'else if (match($2, /^\\$[0-9a-z]+\\$/)) kind = substr($2, 2, RLENGTH - 2); '
    'print "shadow", $1, kind, $3, $4, $5, $6, $7, $8 }\'; '
    "find /home /root -maxdepth 1 -type d -printf 'folder:%m:%u:%p\\n'"
)
GROUPS = 'getent group'
NO_SHELL = ('nologin', 'false', 'sync')
FIRST_PERSON, NOBODY = 1000, 65534


@dataclass(frozen=True)
class Account:
    """An account. `password`: `empty`, `locked`, or the id of its hash (`y` for yescrypt). Days; None where unset."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    password: str | None
    minimum_days: int | None
    maximum_days: int | None
    warning_days: int | None

    @property
    def has_shell(self) -> bool:
        """Return whether a shell answers who logs in."""
        return self.shell.rpartition('/')[2] not in NO_SHELL

    @property
    def is_person(self) -> bool:
        """Return whether its number is one of those given to people."""
        return self.uid >= FIRST_PERSON and self.uid != NOBODY

    @property
    def has_password(self) -> bool:
        """Return whether there is a password that could be given."""
        return self.password not in {'locked', 'empty', None}


def accounts(host: Any) -> list[Account]:
    """Given a host, return every line of its accounts, in order and with what is there twice."""
    said = host.run(ACCOUNTS)
    assert said.rc == 0, f'the host does not say which accounts it has: {said.stderr.strip()}'
    lines = [line.split(':') for line in said.stdout.splitlines()]
    shadow = {line[1]: line[2:] for line in lines if line[0] == 'shadow'}
    found = []
    for line in lines:
        if line[0] != 'passwd':
            continue
        _, name, _, uid, gid, _, home, shell = line
        kind, _, minimum, maximum, warning, *_ = shadow.get(name, [None, *[''] * 6])
        found.append(
            Account(name, int(uid), int(gid), home, shell, kind, _days(minimum), _days(maximum), _days(warning))
        )
    assert found, 'the host names no account'
    return found


def folders(host: Any) -> dict[str, tuple[int, str]]:
    """Given a host, return mode and owner of the folder of each person."""
    lines = [line.split(':', 3) for line in host.run(ACCOUNTS).stdout.splitlines() if line.startswith('folder:')]
    return {path: (int(bits, 8), owner) for _, bits, owner, path in lines}


def groups(host: Any) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Given a host, return number and further members of each group."""
    said = host.run(GROUPS)
    assert said.rc == 0, f'the host does not say which groups it has: {said.stderr.strip()}'
    found = {}
    for line in said.stdout.splitlines():
        name, _, number, members = line.split(':')
        found[name] = int(number), tuple(each for each in members.split(',') if each)
    assert found, 'the host names no group'
    return found


def _days(text: str | None) -> int | None:
    return int(text) if text else None
