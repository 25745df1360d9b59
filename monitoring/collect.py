"""Collecting: asks every host and every client at once, and judges nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.remote import Remote, Result, Unreachable
from monitoring.expectation import METRICS, services_of, tls_ports_of
from monitoring.reachability import Attempt, rule_packets
from monitoring.status import Observations, clients_of

FOLDER = Path(__file__).parent
HOST_SECONDS = 25.0
JOURNEY_SECONDS = 60.0
REACH_SECONDS = 2.5
"""The kernel repeats a first packet after 1 s: one that is lost by chance is not taken for one that is dropped."""


def collect(remote: Remote, outputs: Mapping[str, Any], journey_password: str) -> Observations:
    """Given connections, the platform's outputs and the journey's password, return what hosts and clients answer."""
    variables = outputs['variables']
    platform = variables['platform']
    hosts: Mapping[str, Any] = outputs['hosts']
    tiers = {name: host['tier'] for name, host in hosts.items()}
    port = platform['front_door']['port']
    front_door = f'https://{platform["front_door"]["name"]}{"" if port == 443 else f":{port}"}/'
    clients = clients_of(tiers)
    with ThreadPoolExecutor(max_workers=len(hosts) + len(clients)) as pool:
        journeys = {name: pool.submit(_journey, remote, name, front_door, journey_password) for name in clients}
        probes = {name: pool.submit(_probe, remote, name, host, tiers, port) for name, host in hosts.items()}
        probed = {name: future.result() for name, future in probes.items()}
        walked = {name: future.result() for name, future in journeys.items()}
    return Observations(
        platform=platform['name'],
        front_door=front_door,
        checked_at=datetime.now(UTC).isoformat(timespec='seconds'),
        hosts={name: answer for name, (answer, _) in probed.items()},
        unreachable={name: reason for name, (_, reason) in probed.items() if reason},
        tiers=tiers,
        zones={name: host['zone'] for name, host in hosts.items()},
        virtual_addresses=dict(_virtual_addresses(variables['topology'])),
        journeys={name: answer for name, (answer, _) in walked.items()},
        journey_errors={name: reason for name, (_, reason) in walked.items() if reason},
        journey_mean_limit_seconds=platform['objectives']['journey_mean_seconds'],
        data_hosts=sum(1 for tier in tiers.values() if tier == 'data'),
    )


def _virtual_addresses(topology: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each virtual address by its name; one of IPv6 has a row of its own, for it may be elsewhere."""
    for name, virtual in topology['virtual_addresses'].items():
        place = {'zone': virtual['zone'], 'tier': virtual['tier']}
        yield name, place | {'address': virtual['address']}
        if virtual['ipv6_address']:
            yield f'{name} IPv6', place | {'address': virtual['ipv6_address']}


def collect_reachability(
    remote: Remote, outputs: Mapping[str, Any], attempts: Sequence[Attempt]
) -> tuple[dict[str, list[str] | None], dict[str, dict[str, int] | None], dict[str, str]]:
    """Given connections, outputs and attempts, return the answers by source and the packets by firewall and rule.

    And why a host gave none. Answers are in the order of the attempts; packets are those before them.
    """
    hosts: Mapping[str, Any] = outputs['hosts']
    firewalls = [name for name, host in hosts.items() if host['tier'] == 'firewall']
    by_source: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_source.setdefault(attempt.source, []).append(attempt)
    script = (FOLDER / 'reach_probe.py').read_text(encoding='utf-8')
    argv = ['sudo', 'python3', '-I', '-c', script]
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        # The rules first: the attempts themselves use them.
        ruled = dict(zip(firewalls, pool.map(lambda name: _rules(remote, name), firewalls), strict=True))
        asked = {
            source: pool.submit(
                _ask_any, remote, source, argv,
                {'seconds': REACH_SECONDS, 'attempts': [[each.protocol, each.address, each.port] for each in own]},
                HOST_SECONDS,
            )
            for source, own in by_source.items()
        }  # fmt: skip
        answered = {source: future.result() for source, future in asked.items()}
    unreachable = {name: reason for name, (_, reason) in [*ruled.items(), *answered.items()] if reason}
    return (
        {source: answer for source, (answer, _) in answered.items()},
        {name: None if answer is None else rule_packets(answer) for name, (answer, _) in ruled.items()},
        unreachable,
    )


def _rules(remote: Remote, firewall: str) -> tuple[dict[str, Any] | None, str]:
    return _ask(remote, firewall, ['sudo', 'nft', '--json', 'list', 'table', 'inet', 'anlan'], {}, HOST_SECONDS)


def _probe(
    remote: Remote, name: str, host: Mapping[str, Any], tiers: Mapping[str, str], front_door_port: int
) -> tuple[dict[str, Any] | None, str]:
    script = (FOLDER / 'host_probe.py').read_text(encoding='utf-8')
    question = {
        'tier': host['tier'],
        'services': services_of(host['tier'], tiers),
        'metrics': METRICS.get(host['tier'], ()),
        'address': host['variables']['anlan_address'],
        'tls_ports': tls_ports_of(host['tier'], front_door_port),
    }
    return _ask(remote, name, ['sudo', 'python3', '-I', '-c', script], question, HOST_SECONDS)


def _journey(remote: Remote, name: str, front_door: str, password: str) -> tuple[dict[str, Any] | None, str]:
    script = (FOLDER / 'learner.py').read_text(encoding='utf-8')
    question = {'mode': 'journey', 'url': front_door, 'user': f'journey-{name}', 'password': password}
    return _ask(remote, name, ['python3', '-I', '-c', script], question, JOURNEY_SECONDS)


def _ask(
    remote: Remote, host: str, argv: list[str], question: Mapping[str, Any], deadline_seconds: float
) -> tuple[dict[str, Any] | None, str]:
    answer: dict[str, Any] | None
    answer, reason = _ask_any(remote, host, argv, question, deadline_seconds)
    return answer, reason


def _ask_any(
    remote: Remote, host: str, argv: list[str], question: Mapping[str, Any], deadline_seconds: float
) -> tuple[Any, str]:
    try:
        result: Result = remote.run(host, argv, deadline_seconds, json.dumps(question))
    except Unreachable as error:
        return None, str(error)
    if result.code != 0:
        return None, f'the probe failed with {result.code}: {result.err.strip()[-200:]}'
    try:
        answer = json.loads(result.out)
    except ValueError:
        return None, f'the probe answered no JSON: {result.out[:100]!r}'
    return answer, ''
