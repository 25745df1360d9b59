"""Reachability: from every host to every address and port of interest, what may pass, and what did. Pure.

GB/T 22239 8.1.3.1 and 8.1.3.2: nothing but declared traffic crosses the boundary of a zone; rules without need go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from anlan.platform.zones import ZONE_NAMES

CLOSED_PORT = 9
"""Nothing listens there, so its host says `refused` if the packet came through."""

OTHER_TCP_PORTS = (CLOSED_PORT, 80, 2379, 2380)
OTHER_UDP_PORTS = (CLOSED_PORT, 53)
FIREWALL_TCP_PORTS = (22, 443, CLOSED_PORT)
OUTSIDE = 'outside'
UNDECLARED = '!'
"""In `zones`: something passed that no flow declares."""

OUTSIDE_ADDRESS = '203.0.113.1'
"""TEST-NET-3 (RFC 5737), where nobody is: the way out of the platform."""

OUTSIDE_IPV6_ADDRESS = '2001:db8::1'
"""The prefix for documentation (RFC 3849), where nobody is."""

Service = tuple[str, int | None]

PASSED = ('open', 'refused')
STANDING_RULES = frozenset(
    {'answers', 'invalid', 'spoofed source', 'ping', 'noise', 'undeclared', 'ssh from the bastion', 'vrrp',
     'zone sight', 'connection states and zone sight', 'neighbours', 'block list'}
)  # fmt: skip
"""The comments of rules that are there whatever is declared (playbooks/roles/firewall)."""


UNSEEN: Literal['not observed'] = 'not observed'
"""The kind of a finding that says nothing of what passes."""


@dataclass(frozen=True)
class Attempt:
    """A connection to try. `flow` names the declared flow that lets it pass, or is None if nothing may."""

    source: str
    destination: str
    protocol: str
    address: str
    port: int | None
    flow: str | None

    def text(self) -> str:
        """Return it as people write it."""
        service = self.protocol if self.port is None else f'{self.protocol}/{self.port}'
        return f'{self.source} → {self.destination} ({self.address}) {service}'


@dataclass(frozen=True)
class Finding:
    """Something that is not as declared."""

    kind: Literal['passes', 'does not pass', 'not observed', 'rule without a flow']
    what: str
    reason: str


@dataclass(frozen=True)
class Reachability:
    """What was tried and found. `zones`: by zone of the source and of the destination, the flows that passed."""

    tried: int
    passed: int
    findings: tuple[Finding, ...]
    never_used: tuple[str, ...]
    zones: Mapping[str, Mapping[str, tuple[str, ...]]]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)


def attempts_of(outputs: Mapping[str, Any]) -> list[Attempt]:
    """Given the outputs of an `up`, return every attempt between zones.

    Firewalls are no sources: they have a leg in every zone. Hosts of one zone reach each other without the pair.
    """
    topology = outputs['variables']['topology']
    hosts: Mapping[str, Any] = outputs['hosts']
    flows: Sequence[Mapping[str, Any]] = topology['flows']
    tcp = sorted({port for flow in flows if flow['protocol'] == 'tcp' for port in flow['ports']} | {*OTHER_TCP_PORTS})
    udp = sorted({port for flow in flows if flow['protocol'] == 'udp' for port in flow['ports']} | {*OTHER_UDP_PORTS})
    open_services: list[Service] = [('icmp', None), *(('tcp', port) for port in tcp), *(('udp', port) for port in udp)]
    # A firewall answers a ping from anywhere.
    guarded_services: list[Service] = [('udp', CLOSED_PORT), *(('tcp', port) for port in FIREWALL_TCP_PORTS)]

    targets: list[tuple[str, str | None, str, bool]] = []
    for name, host in hosts.items():
        guards = host['tier'] == 'firewall'
        targets += [(name, zone, address, guards) for zone, address in host['variables']['anlan_addresses'].items()]
    for name, virtual in topology['virtual_addresses'].items():
        targets.append((name, virtual['zone'], virtual['address'], virtual['tier'] == 'firewall'))
    targets.append((OUTSIDE, None, OUTSIDE_ADDRESS, False))
    ipv6_targets = _ipv6_targets(hosts, topology)

    attempts = []
    for source, host in hosts.items():
        if host['tier'] == 'firewall':
            continue
        own = host['variables']['anlan_address']
        own_ipv6 = host['variables']['anlan_ipv6_addresses'].get(host['zone'])
        for destination, zone, address, guarded in [*targets, *(ipv6_targets if own_ipv6 else [])]:
            if zone == host['zone'] and not guarded:
                continue
            for protocol, port in guarded_services if guarded else open_services:
                flow = _flow(flows, own_ipv6 if ':' in address else own, address, protocol, port)
                attempts.append(Attempt(source, destination, protocol, address, port, flow))
    return attempts


def outside_addresses(outputs: Mapping[str, Any]) -> list[str]:
    """Given the outputs of an `up`, return every address of the hosts that are not part of the platform."""
    clients = [host['variables'] for host in outputs['hosts'].values() if host['tier'] == 'client']
    return [
        address
        for variables in clients
        for address in (*variables['anlan_addresses'].values(), *variables['anlan_ipv6_addresses'].values())
    ]


def judge(
    outputs: Mapping[str, Any],
    attempts: Sequence[Attempt],
    answers: Mapping[str, Sequence[str] | None],
    unreachable: Mapping[str, str],
    rules: Mapping[str, Mapping[str, int] | None],
) -> Reachability:
    """Given attempts, the answers by source in the same order, and packets by rule and firewall, return what was found.

    `answers` and `rules` are None for a host that did not answer; `unreachable` says why.
    """
    hosts: Mapping[str, Any] = outputs['hosts']
    zone_of = {name: host['zone'] for name, host in hosts.items()}
    zone_of |= {
        name: virtual['zone'] for name, virtual in outputs['variables']['topology']['virtual_addresses'].items()
    }
    findings: list[Finding] = []
    names = [*(zone for zone in ZONE_NAMES if zone in zone_of.values()), OUTSIDE]
    zones: dict[str, dict[str, dict[str, None]]] = {
        source: {target: {} for target in names} for source in names if source != OUTSIDE
    }
    tried = passed = 0
    by_source: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_source.setdefault(attempt.source, []).append(attempt)
    for source, own in by_source.items():
        words = answers.get(source)
        if words is None or len(words) != len(own):
            reason = unreachable.get(source, 'gave no answer')
            findings.append(Finding(UNSEEN, f'{source}, from it and to it', reason))
            continue
        for attempt, word in zip(own, words, strict=True):
            tried += 1
            came_through = word in PASSED
            passed += came_through
            if came_through:
                target = zone_of.get(attempt.destination, OUTSIDE)
                zones[zone_of[source]][target][attempt.flow or UNDECLARED] = None
            if came_through and attempt.flow is None:
                findings.append(Finding('passes', attempt.text(), f'no flow declares it, and it is {word}'))
            elif not came_through and attempt.flow is not None and answers.get(attempt.destination, ()) is not None:
                findings.append(Finding('does not pass', attempt.text(), f'flow {attempt.flow} declares it; {word}'))
    declared = {flow['name'] for flow in outputs['variables']['topology']['flows']}
    used: dict[str, int] = dict.fromkeys(sorted(declared), 0)
    for firewall, counts in rules.items():
        if counts is None:
            findings.append(Finding(UNSEEN, f'rules of {firewall}', unreachable.get(firewall, 'gave no answer')))
            continue
        for comment, packets in counts.items():
            if comment in used:
                used[comment] += packets
            elif comment not in STANDING_RULES:
                findings.append(
                    Finding('rule without a flow', f'{firewall}: {comment}', 'the platform declares none such')
                )
    seen = any(counts is not None for counts in rules.values())
    never = tuple(name for name, packets in used.items() if packets == 0) if seen else ()
    shown = {zone: {target: tuple(names) for target, names in row.items()} for zone, row in zones.items()}
    return Reachability(tried, passed, tuple(findings), never, shown)


def rule_packets(ruleset: Mapping[str, Any]) -> dict[str, int]:
    """Given `nft --json list table` of a firewall, return the packets of each rule that accepts, by its comment.

    A rule without a comment is named by its place: nothing of ours is without one, but for the loopback's.
    """
    packets: dict[str, int] = {}
    for item in ruleset['nftables']:
        rule = item.get('rule')
        if rule is None:
            continue
        expressions = rule['expr']
        if not any('accept' in expression for expression in expressions) or _loopback(expressions):
            continue
        comment = rule.get('comment') or f'a rule without a comment in chain {rule["chain"]}, handle {rule["handle"]}'
        counted = sum(expression['counter']['packets'] for expression in expressions if _counts(expression))
        packets[comment] = packets.get(comment, 0) + counted
    return packets


def _counts(expression: Mapping[str, Any]) -> bool:
    return isinstance(expression.get('counter'), dict)


def _loopback(expressions: Sequence[Mapping[str, Any]]) -> bool:
    return any(expression.get('match', {}).get('right') == 'lo' for expression in expressions)


def _ipv6_targets(hosts: Mapping[str, Any], topology: Mapping[str, Any]) -> list[tuple[str, str | None, str, bool]]:
    """Return name, zone, address, and whether it is a firewall's, of all that has an IPv6 address; then the outside."""
    targets: list[tuple[str, str | None, str, bool]] = [
        (name, zone, address, host['tier'] == 'firewall')
        for name, host in hosts.items()
        for zone, address in host['variables']['anlan_ipv6_addresses'].items()
    ]
    targets += [
        (name, virtual['zone'], virtual['ipv6_address'], virtual['tier'] == 'firewall')
        for name, virtual in topology['virtual_addresses'].items()
        if virtual['ipv6_address']
    ]
    return [*targets, (OUTSIDE, None, OUTSIDE_IPV6_ADDRESS, False)]


def _flow(flows: Sequence[Mapping[str, Any]], source: str, address: str, protocol: str, port: int | None) -> str | None:
    for flow in flows:
        family = 'ipv6_' if ':' in address else ''
        between = source in flow[f'{family}sources'] and address in flow[f'{family}destinations']
        if between and flow['protocol'] == protocol and (port is None or port in flow['ports']):
            return str(flow['name'])
    return None
