"""Enforcement: the nftables table `inet anlan_blocks`, kept by libnftables in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from block_list.entries import Entry
from block_list.prefixes import is_canonical, text_of
from block_list.wire import PORT

TABLE = 'inet anlan_blocks'
SET_SIZE = 65535
PRIORITY = -350
"""Before connection tracking and the rules of any other table, so that what is established is cut as well."""


class Failed(Exception):
    """nftables did not do it; the text is its own."""


class Enforcement:
    """The sets of this host's kernel. Their elements end by themselves, whether this process lives or not."""

    def __init__(self, peer_addresses: Iterable[str]) -> None:
        # Only where there is something to enforce is the package there.
        from nftables import Nftables

        self._nftables = Nftables()
        self._nftables.set_json_output(True)
        addresses = sorted(set(peer_addresses))
        self._peers = [address for address in addresses if ':' not in address]
        self._ipv6_peers = [address for address in addresses if ':' in address]

    def rebuild(self, entries: Iterable[Entry], now: float) -> None:
        """Given all that is to be shut out, make the table anew in one transaction. Raise Failed if it cannot be."""
        entries = list(entries)
        self._run(table_text(entries, now, self._peers, self._ipv6_peers))

    def apply(self, entries: Sequence[Entry], now: float) -> None:
        """Given decisions, put them into the sets in one transaction. Raise Failed if that cannot be."""
        # The last one of each prefix holds.
        last = {entry.prefix: entry for entry in entries}
        self._run('\n'.join(commands(last.values(), now)))

    def present(self) -> dict[str, float]:
        """Return the prefixes in the kernel's sets and the seconds that each has left. Raise Failed."""
        found: dict[str, float] = {}
        for family in ('v4', 'v6'):
            for item in self._run_json(f'list set {TABLE} blocked_{family}'):
                for element in item.get('set', {}).get('elem', []):
                    prefix, left = element_of(element)
                    found[prefix] = left
        return found

    def dropped(self) -> dict[str, int]:
        """Return the packets that were dropped, by family. Raise Failed."""
        return {
            item['counter']['name'].removeprefix('dropped_'): int(item['counter']['packets'])
            for item in self._run_json(f'list counters table {TABLE}')
            if 'counter' in item
        }

    def _run(self, text: str) -> str:
        try:
            code, out, errors = self._nftables.cmd(text)
        except (OSError, ValueError) as error:
            raise Failed(str(error)) from None
        if code != 0:
            raise Failed(str(errors).strip().splitlines()[0][:200] if errors else f'nftables said {code}')
        return str(out)

    def _run_json(self, text: str) -> list[dict[str, Any]]:
        try:
            return list(json.loads(self._run(text))['nftables'])
        except (ValueError, KeyError, TypeError):
            raise Failed(f'nftables gave no answer to: {text}') from None


def set_of(prefix: str) -> str:
    """Given a prefix, return the set that it belongs in."""
    return 'blocked_v6' if ':' in prefix else 'blocked_v4'


def commands(entries: Iterable[Entry], now: float) -> Iterable[str]:
    """Given decisions, yield the commands that put them in force; none for what is no prefix as it is written here."""
    for entry in entries:
        if not is_canonical(entry.prefix):
            # It was refused long before; here it would become a command.
            continue
        where = f'element {TABLE} {set_of(entry.prefix)}'
        milliseconds = int((entry.ends - now) * 1000)
        if not entry.removed and milliseconds <= 0:
            continue
        # An element that is there keeps its time: it is taken out first, and to take out what is not there is an error.
        yield f'add {where} {{ {entry.prefix} timeout 1s }}'
        yield f'delete {where} {{ {entry.prefix} }}'
        if not entry.removed:
            yield f'add {where} {{ {entry.prefix} timeout {milliseconds}ms }}'


def table_text(entries: Sequence[Entry], now: float, peers: Sequence[str], ipv6_peers: Sequence[str]) -> str:
    """Given what is to be shut out and who may send us messages, return the table, replaced as a whole."""
    members: dict[str, list[str]] = {'blocked_v4': [], 'blocked_v6': []}
    for entry in entries:
        milliseconds = int((entry.ends - now) * 1000)
        if milliseconds > 0 and is_canonical(entry.prefix):
            members[set_of(entry.prefix)].append(f'{entry.prefix} timeout {milliseconds}ms')
    elements = {
        name: f'elements = {{ {", ".join(each)} }}' if each else '' for name, each in members.items()
    }  # fmt: skip
    strangers = f'ip saddr != {{ {", ".join(peers)} }}' if peers else 'meta nfproto ipv4'
    ipv6_strangers = f'ip6 saddr != {{ {", ".join(ipv6_peers)} }}' if ipv6_peers else 'meta nfproto ipv6'
    return f"""
add table {TABLE}
delete table {TABLE}
table {TABLE} {{
    set blocked_v4 {{ type ipv4_addr; flags timeout; size {SET_SIZE}; {elements['blocked_v4']}
    }}
    set blocked_v6 {{ type ipv6_addr; flags interval, timeout; size {SET_SIZE}; {elements['blocked_v6']}
    }}
    counter dropped_v4 {{ }}
    counter dropped_v6 {{ }}
    chain blocked {{
        type filter hook prerouting priority {PRIORITY}; policy accept;
        ip saddr @blocked_v4 counter name dropped_v4 drop
        ip6 saddr @blocked_v6 counter name dropped_v6 drop
        {strangers} udp dport {PORT} counter drop
        {ipv6_strangers} udp dport {PORT} counter drop
    }}
}}
"""


def element_of(element: Any) -> tuple[str, float]:
    """Given an element as nftables lists it, return its prefix and the seconds that it has left."""
    inner = element.get('elem', {}) if isinstance(element, dict) else {}
    value = inner.get('val', element)
    if isinstance(value, dict):
        value = f'{value["prefix"]["addr"]}/{value["prefix"]["len"]}'
    # nftables writes some IPv6 addresses in another way than Python does.
    return text_of(ip_network(str(value))), float(inner.get('expires', 0))
