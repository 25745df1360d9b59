"""Rules of nftables: what `nft -j list` says, as shapes that can be compared with declared flows. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

FAMILIES = {'ip': ('sources', 'destinations'), 'ip6': ('ipv6_sources', 'ipv6_destinations')}
"""By nftables' name of a family of addresses, which of a flow's addresses belong to it."""

LARGEST_NETWORK = 65536
"""A network of more addresses is compared as it is written."""

Shape = tuple[str, frozenset[str], frozenset[str], str, frozenset[str], tuple[str, ...]]
"""Family, sources, destinations, service (`tcp dport`, `icmp type`), ports or kinds, and what else is asked for."""


def members(right: Any) -> frozenset[str]:
    """Given the right side of a match, return what it stands for, as a set of text; ranges and prefixes too."""
    if isinstance(right, dict) and 'set' in right:
        return frozenset().union(*map(members, right['set']))
    if isinstance(right, dict) and 'prefix' in right:
        network = ip_network(f'{right["prefix"]["addr"]}/{right["prefix"]["len"]}')
        return frozenset(map(str, network)) if network.num_addresses <= LARGEST_NETWORK else frozenset({str(network)})
    if isinstance(right, dict) and 'range' in right:
        first, last = right['range']
        if isinstance(first, int):
            return frozenset(map(str, range(first, last + 1)))
        start = ip_address(first)
        return frozenset(str(start + step) for step in range(int(ip_address(last)) - int(start) + 1))
    if isinstance(right, dict) and 'concat' in right:
        return frozenset({' '.join(right['concat'])})
    if isinstance(right, list):
        return frozenset(map(str, right))
    return frozenset({str(right)})


def rule_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Given a rule of nft, return what it asks for by name (saddr, daddr, service, state, …), and its verdict."""
    found: dict[str, Any] = {'comment': rule.get('comment', ''), 'verdict': '', 'family': '', 'asks': {}, 'log': []}
    for each in rule['expr']:
        kind, value = next(iter(each.items()))
        if kind == 'match':
            name, family = name_of(value['left'])
            found['asks'][name] = (value['op'], members(value['right']))
            found['family'] = family if family in FAMILIES else found['family']
        elif kind == 'log':
            found['log'].append(value or {})
        elif kind in ('accept', 'drop', 'reject', 'jump', 'goto', 'queue', 'return'):
            found['verdict'] = kind if kind not in ('jump', 'goto') else f'{kind} {value["target"]}'
        elif kind == 'limit':
            found['asks']['limit'] = ('==', frozenset({json.dumps(value)}))
    return found


def name_of(left: Mapping[str, Any]) -> tuple[str, str]:
    """Given the left side of a match, return its name and the family of addresses that it is about."""
    if 'payload' in left:
        return f'{left["payload"]["protocol"]} {left["payload"]["field"]}', left['payload']['protocol']
    if 'ct' in left:
        return f'ct {left["ct"]["key"]}', ''
    if 'fib' in left:
        return f'fib {" ".join(sorted(left["fib"]["flags"]))}', ''
    if 'meta' in left:
        return f'meta {left["meta"]["key"]}', ''
    return json.dumps(left, sort_keys=True), ''


def shape(rule: Mapping[str, Any]) -> Shape:
    """Given a rule, return family, sources, destinations, protocol, ports (or kinds of ICMP) and what else it asks."""
    asks, family = dict(rule['asks']), rule['family']
    sources, targets = (asks.pop(f'{family} {each}', ('', frozenset())) for each in ('saddr', 'daddr'))
    service = next((name for name in asks if name.endswith((' dport', ' type'))), '')
    wanted = asks.pop(service, ('', frozenset()))
    exact = {sources[0], targets[0], wanted[0]} <= {'=='}
    return family, sources[1], targets[1], service, wanted[1], tuple(sorted(asks)) if exact else ('not equal',)


def flow_shape(flow: Mapping[str, Any], family: str) -> Shape | None:
    """Given a declared flow, return the shape of its rule for a family of addresses; None if there is to be none."""
    sources, targets = (frozenset(flow[each]) for each in FAMILIES[family])
    icmp = flow['protocol'] == 'icmp'
    if not sources or not targets or (icmp and family == 'ip6'):
        return None
    ports = frozenset({'echo-request'}) if icmp else frozenset(map(str, flow['ports']))
    return family, sources, targets, 'icmp type' if icmp else f'{flow["protocol"]} dport', ports, ()
