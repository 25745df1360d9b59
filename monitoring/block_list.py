"""Block list: what each enforcer says that it shuts out, put together and held against each other. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NEARLY_OVER_SECONDS = 5.0
"""A block with less time left may have ended on one host and not yet on the next that is asked."""

ENFORCING_TIERS = ('firewall', 'edge')


@dataclass(frozen=True)
class Block:
    """A source that is shut out: who saw it and where, why, since when, until when, and in which hosts' kernels."""

    prefix: str
    sensor: str
    origin: str
    reason: str
    since: str
    until: str
    on: tuple[str, ...]


@dataclass(frozen=True)
class BlockListing:
    """What is shut out, and how the enforcers differ. `enforcers`: all that should have answered."""

    enforcers: tuple[str, ...]
    blocks: tuple[Block, ...]
    findings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)


def enforcers_of(outputs: Mapping[str, Any]) -> list[str]:
    """Given the outputs of an `up`, return the hosts that shut sources out."""
    return [name for name, host in outputs['hosts'].items() if host['tier'] in ENFORCING_TIERS]


def answer_of(text: str) -> dict[str, Any] | str:
    """Given what a host printed, return its answer, or why there is none."""
    try:
        answer = json.loads(text)
    except ValueError:
        return 'it gave no answer that can be read'
    if not isinstance(answer, dict):
        return 'it gave no answer that can be read'
    return str(answer['error']) if 'error' in answer else answer


def judge(answers: Mapping[str, Mapping[str, Any] | str]) -> BlockListing:
    """Given the answer of each enforcer, or why there is none, return what is shut out and every difference."""
    findings = []
    heard: dict[str, Mapping[str, Any]] = {}
    for host, answer in answers.items():
        if isinstance(answer, str):
            findings.append(f'{host}: not observed: {answer}')
            continue
        if answer.get('in_kernel') is None:
            findings.append(f'{host}: not observed: its kernel was not asked, or gave no answer: {answer.get("fault")}')
        else:
            heard[host] = answer
        if answer.get('fault'):
            findings.append(f'{host}: not in force: {answer["fault"]}')
    listed: dict[str, Mapping[str, Any]] = {}
    for answer in answers.values():
        for entry in () if isinstance(answer, str) else answer['entries']:
            known = listed.get(entry['prefix'])
            if known is None or entry['left_seconds'] > known['left_seconds']:
                listed[entry['prefix']] = entry
    kernels = {host: frozenset(answer['in_kernel']) for host, answer in heard.items()}
    for prefix, entry in listed.items():
        if entry['left_seconds'] > NEARLY_OVER_SECONDS:
            findings += [
                f'{host}: {prefix} is not shut out there' for host, kernel in kernels.items() if prefix not in kernel
            ]
    for host, kernel in kernels.items():
        findings += [f'{host}: {prefix} is shut out, and nobody decided it' for prefix in sorted(kernel - set(listed))]
    blocks = [
        Block(
            **{name: str(entry[name]) for name in ('prefix', 'sensor', 'origin', 'reason', 'since', 'until')},
            on=tuple(host for host, kernel in kernels.items() if entry['prefix'] in kernel),
        )
        for entry in sorted(listed.values(), key=lambda each: (str(each['since']), str(each['prefix'])))
    ]
    return BlockListing(tuple(answers), tuple(blocks), tuple(findings))


def missing(listing: BlockListing, prefix: str, wanted: bool) -> Sequence[str]:
    """Given a listing, return the enforcers on which a prefix is not as wanted: shut out, or let in."""
    on = next((block.on for block in listing.blocks if block.prefix == prefix), ())
    return [host for host in listing.enforcers if (host in on) != wanted]
