"""The policy of sudo, as sudo itself reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

POLICY = 'cvtsudoers -e -f json /etc/sudoers'


@dataclass(frozen=True)
class Grant:
    """Who (`name`, `%group`) may run which commands as whom, without a password, and without starting others."""

    who: str
    commands: tuple[str, ...]
    run_as: tuple[str, ...]
    without_password: bool
    starts_others: bool

    @property
    def is_everything(self) -> bool:
        """Return whether it lets any command run."""
        return 'ALL' in self.commands


@dataclass(frozen=True)
class Policy:
    """Settings for everybody, settings by whom they are for, and grants."""

    defaults: Mapping[str, Any]
    bound: Mapping[str, Mapping[str, Any]]
    grants: tuple[Grant, ...]

    def of(self, who: str) -> tuple[Grant, ...]:
        """Given a user or `%group`, return its grants."""
        return tuple(each for each in self.grants if each.who == who)

    def settings_of(self, who: str) -> dict[str, Any]:
        """Given a user or `%group`, return the settings that count for it."""
        return {**self.defaults, **self.bound.get(who, {})}


def policy(host: Any) -> Policy:
    """Given a host, return the policy of its sudo."""
    said = host.run(POLICY)
    assert said.rc == 0, f'sudo cannot read its own policy: {said.stderr.strip()[:300]}'
    document = json.loads(said.stdout)
    defaults: dict[str, Any] = {}
    bound: dict[str, dict[str, Any]] = {}
    for entry in document.get('Defaults', []):
        names = [_name(each) for each in entry.get('Binding', [])]
        for where in [bound.setdefault(name, {}) for name in names] if names else [defaults]:
            for option in entry['Options']:
                where.update(option)
    return Policy(defaults, bound, tuple(_grants(document.get('User_Specs', []))))


def _grants(specs: Sequence[Mapping[str, Any]]) -> Iterator[Grant]:
    for spec in specs:
        for commands in spec['Cmnd_Specs']:
            options = {name: value for option in commands.get('Options', []) for name, value in option.items()}
            for who in spec['User_List']:
                yield Grant(
                    _name(who), tuple(_command(each) for each in commands['Commands']),
                    tuple(_name(each) for each in commands.get('runasusers', [])),
                    options.get('authenticate') is False, options.get('noexec') is not True,
                )  # fmt: skip


def _name(entry: Mapping[str, Any]) -> str:
    for kind, value in entry.items():
        if kind == 'usergroup':
            return f'%{value}'
        if kind != 'negated':
            return str(value)
    return '?'


def _command(entry: Mapping[str, Any]) -> str:
    text = str(entry.get('command') or entry.get('cmndalias') or entry)
    return f'!{text}' if entry.get('negated') else text
