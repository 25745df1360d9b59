"""The rules of the kernel's audit, as `auditctl -l` lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

RULES, STATE = 'auditctl -l', 'auditctl -s'


@dataclass(frozen=True)
class AuditRule:
    """A rule: the path it watches (None without one), kinds of access, system calls and conditions."""

    path: str | None
    access: frozenset[str]
    calls: frozenset[str]
    conditions: frozenset[str]
    key: str | None


def rules(host: Any) -> tuple[AuditRule, ...]:
    """Given a host, return the rules that its kernel has."""
    said = host.run(RULES)
    assert said.rc == 0, f'the kernel does not say what it audits: {said.stderr.strip()}'
    return tuple(rule(line) for line in said.stdout.splitlines() if line.startswith('-'))


def rule(line: str) -> AuditRule:
    """Given a line of `auditctl -l`, return the rule."""
    conditions = frozenset(re.findall(r'-F (\S+)', line))
    named = dict(each.partition('=')[::2] for each in conditions if re.match(r'^\w+=', each))
    path = re.search(r'-w (\S+)', line)
    where = path[1] if path else named.get('path') or named.get('dir')
    access = re.search(r'-p ([rwxa]+)', line)
    key = re.search(r'-k (\S+)', line)
    calls = frozenset(call for every in re.findall(r'-S (\S+)', line) for call in every.split(','))
    return AuditRule(
        where.rstrip('/') or '/' if where else None, frozenset(access[1] if access else named.get('perm', '')), calls,
        conditions, key[1] if key else named.get('key'),
    )  # fmt: skip


def state(host: Any) -> dict[str, int]:
    """Given a host, return the state of its kernel's audit, by name."""
    said = host.run(STATE)
    assert said.rc == 0, f'the kernel does not say whether it audits: {said.stderr.strip()}'
    words = [line.split() for line in said.stdout.splitlines()]
    return {each[0]: int(each[1]) for each in words if len(each) >= 2 and each[1].isdigit()}
