"""The central store of records: what a host has sent, and what a monitoring host keeps of whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from testinfra.host import Host

from compliance.checking import not_verified
from compliance.expected import Expected

STORES = '/var/log/anlan/events'
KEPT = (
    f'cd {STORES} && for store in */; do store=${{store%/}}; '
    'moment() { journalctl -q --directory=$store -o json --output-fields=PRIORITY "$@" '
    '| sed -n "s/.*__REALTIME_TIMESTAMP\\":\\"\\([0-9]*\\).*/\\1/p"; }; '
    'echo "store $store $(moment -n 1) $(moment --lines=+1) $(du -sb $store | cut -f1) '
    '$(find $store -name "*@*" | wc -l)"; done; echo now $(date +%s); cat /run/anlan/metrics/events.prom | grep -v "^#"'
)
LIFE_SECONDS = 300
"""Each host writes a sign of life so often (role event_collection)."""


@dataclass(frozen=True)
class Store:
    """What is kept of one host. Times are seconds since 1970."""

    newest: float
    oldest: float
    used_bytes: int
    archived: int


def senders(expected: Expected) -> tuple[str, ...]:
    """Return the hosts whose records have to be kept elsewhere: all but those that keep them, and learners' devices."""
    return tuple(
        name for name in expected.hosts() if expected.outputs['hosts'][name]['tier'] not in ('monitoring', 'client')
    )


def kept(host: Host) -> tuple[Mapping[str, Store], Mapping[str, float], float]:
    """Given a monitoring host, return its stores by host, its metrics, and its time."""
    stores: dict[str, Store] = {}
    numbers: dict[str, float] = {}
    now = 0.0
    for line in host.run(KEPT).stdout.splitlines():
        words = line.split()
        if words[0] == 'now':
            now = float(words[1])
        elif words[0] == 'store' and len(words) == 6:
            stores[words[1]] = Store(int(words[2]) / 1e6, int(words[3]) / 1e6, int(words[4]), int(words[5]))
        elif len(words) == 2:
            numbers[words[0]] = float(words[1])
    if not now:
        not_verified('the stores of records could not be looked at')
    return stores, numbers, now


def sending(host: Host, targets: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, float], float]:
    """Given a host, return the state of its sender to each monitoring host, its metrics, and its time."""
    names = ' '.join(f'anlan-event-upload@{name}.service' for name in targets)
    said = host.run(
        f'systemctl show --no-pager -p Id,ActiveState,UnitFileState,Restart {names} anlan-event-watch.service; echo; '
        'echo now $(date +%s); grep -v "^#" /run/anlan/metrics/events.prom'
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


def projected_days(store: Store, room_bytes: float) -> float:
    """Given a store and its room, return how many days of records fit in, at the pace up to now."""
    life = max(store.newest - store.oldest, 1.0) / 86400
    return life * room_bytes / max(store.used_bytes, 1)
