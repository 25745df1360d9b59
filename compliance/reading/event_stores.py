"""The central store of records: what a host has sent, and what a monitoring host keeps of whom."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from testinfra.host import Host

from compliance.checking import not_verified
from compliance.expected import Expected

STORES = '/var/log/anlan/events'
KEPT = (
    'python3 -B /usr/local/lib/anlan/event_stores.py | sed "s/^/store /"; echo now $(date +%s); '
    'grep -hv "^#" /run/anlan/metrics/events.prom'
)
"""What the headers of the stores' own files say: the oldest and the newest entry, and how long the room will do."""

LIFE_SECONDS = 300
"""Each host writes a sign of life so often (role event_collection)."""


@dataclass(frozen=True)
class Store:
    """What is kept of one host. Times are seconds since 1970; None where there is nothing, or nothing to be said."""

    newest: float | None
    oldest: float | None
    days: float | None
    enough: bool | None


def senders(expected: Expected) -> tuple[str, ...]:
    """Return the hosts whose records have to be kept: all but learners' devices."""
    return tuple(name for name in expected.hosts() if expected.outputs['hosts'][name]['tier'] != 'client')


def kept(host: Host) -> tuple[Mapping[str, Store], Mapping[str, float], float]:
    """Given a monitoring host, return its stores by host, its metrics, and its time."""
    stores: dict[str, Store] = {}
    numbers: dict[str, float] = {}
    now = 0.0
    for line in host.run(KEPT).stdout.splitlines():
        word, _, rest = line.partition(' ')
        if word == 'now':
            now = float(rest)
        elif word == 'store':
            told = json.loads(rest)
            stores[told['host']] = Store(told['newest'], told['oldest'], told['days'], told['enough'])
        else:
            numbers[word] = float(rest)
    if not now:
        not_verified('the stores of records could not be looked at')
    return stores, numbers, now


def sending(host: Host, targets: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, float], float]:
    """Given a host, return the state of its sender to each monitoring host, its metrics, and its time."""
    names = ' '.join(f'anlan-event-upload@{name}.service' for name in targets)
    said = host.run(
        f'systemctl show --no-pager -p Id,ActiveState,UnitFileState,Restart {names} anlan-event-watch.service; echo; '
        'echo now $(date +%s); cat /run/anlan/metrics/events*.prom | grep -v "^#"'
    )
    states: dict[str, str] = {}
    for block in said.stdout.split('\n\n'):
        found = dict(
            line.partition('=')[::2] for line in block.splitlines() if '=' in line and not line.startswith('anlan_')
        )
        if 'Id' in found:
            name = re.sub(r'^anlan-event-upload@|\.service$', '', found['Id'])
            states[name] = f'{found.get("ActiveState")} {found.get("UnitFileState")} {found.get("Restart")}'
    numbers = {
        words[0]: float(words[1])
        for words in map(str.split, said.stdout.splitlines())
        if len(words) == 2 and words[0].startswith('anlan_events')
    }
    now = re.search(r'^now (\d+)$', said.stdout, re.MULTILINE)
    return states, numbers, float(now[1]) if now else 0.0
