"""Several questions as one command: a host is asked once, and each check reads the part that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.violation import answered

MARK = '@@ '


def question(commands: Mapping[str, str]) -> str:
    """Given commands by name, return the one that runs them all and says which part is whose."""
    return '; '.join(f"echo '{MARK}{name}'; {command}" for name, command in commands.items())


def part(host: Host, asked: str, name: str) -> str:
    """Given a host, a question and the name of a part, return what was written there; nothing if it is not there."""
    for each in str(host.run(asked).stdout).split(MARK):
        head, _, text = each.partition('\n')
        if head == name:
            return text
    return ''


def told(word: str, name: str, text: str) -> Any:
    """Given a word of the question, return the violation that a part of the answer says so, and the others nothing."""
    return answered(word, f'{MARK}{name}\n{text}')
