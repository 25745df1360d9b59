"""Patroni of a host, asked over its own interface with the host's certificate, and without anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.expected import Expected
from compliance.reading.asking import done

CURL = 'curl -sS -m 8 --cacert /etc/anlan/tls/ca.crt'
OWN = '--cert /etc/anlan/tls/host.crt --key /etc/anlan/tls/host.key'
LEADERS = ('leader', 'standby_leader')


def base(expected: Expected) -> str:
    """Return the address of the host's own Patroni."""
    return f'https://{expected.name}.{expected.outputs["variables"]["internal_domain"]}:8008'


def told(host: Host, expected: Expected, path: str) -> Mapping[str, Any]:
    """Given a path (`cluster`, `config`), return what Patroni tells. Fail if it does not."""
    there = base(expected)
    said = host.run(f"{CURL} {OWN} -w '\\n' %s %s", f'{there}/cluster', f'{there}/config')
    lines = [line for line in done(said, 'Patroni does not answer').splitlines() if line.strip()]
    assert len(lines) == 2, f'Patroni tells {len(lines)} of two things'
    found: Mapping[str, Any] = json.loads(lines[('cluster', 'config').index(path)])
    return found


def members(host: Host, expected: Expected) -> list[dict[str, Any]]:
    """Return the members that Patroni knows."""
    found: list[dict[str, Any]] = told(host, expected, 'cluster').get('members', [])
    return found
