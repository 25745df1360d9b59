"""Stores of records: what each monitoring host keeps of each host, how long, and whether it is what came in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from monitoring.events import SILENT

CHAIN_SECONDS = 2 * 3600.0
"""A chain that is older has not been extended: every hour it is, and once more it may take its time."""

WITNESSED_SECONDS = 60.0


@dataclass(frozen=True)
class Kept:
    """What a monitoring host keeps of a host. None: nothing is known. `days`: how long its room will do."""

    monitor: str
    host: str
    disk_bytes: int
    entries: int
    oldest: float | None
    newest: float | None
    days: float | None
    enough: bool | None
    retention_days: int


@dataclass(frozen=True)
class StoreListing:
    """What is kept, and what is amiss of it. `unknown`: stores of which it cannot be said yet how long they will do."""

    kept: tuple[Kept, ...]
    findings: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Proof:
    """What one monitoring host says of its chain, of its stores, and of what others said of their chains."""

    chain: Mapping[str, Any]
    stores: tuple[Mapping[str, Any], ...]
    witnessed: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Verification:
    """How many entries were held against the chain by monitoring host, what was found, and what has to be known."""

    chained: Mapping[str, int]
    findings: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)


def kept_of(monitor: str, text: str) -> list[Kept] | str:
    """Given what event_stores.py of a monitoring host printed, return what it keeps, or why that is not known."""
    found = []
    for line in text.splitlines():
        try:
            document = json.loads(line)
            del document['silent_seconds']
            found.append(Kept(monitor, **document))
        except (ValueError, TypeError, KeyError):
            return f'it gave no answer that can be read: {line[:80]}'
    return found or 'it gave no answer'


def judge_stores(answers: Mapping[str, Sequence[Kept] | str], hosts: Sequence[str], now: float) -> StoreListing:
    """Given the answers by monitoring host, the hosts that should send and the time, return the listing."""
    findings, unknown = [], []
    kept: list[Kept] = []
    for monitor, answer in answers.items():
        if isinstance(answer, str):
            findings.append(f'{monitor}: not observed: {answer}')
            continue
        kept += answer
        told = {store.host: store for store in answer}
        for host in hosts:
            store = told.get(host)
            if store is None or store.newest is None:
                findings.append(f'{monitor}: keeps nothing of {host}')
                continue
            if now - store.newest > SILENT.total_seconds():
                findings.append(f'{monitor}: has heard nothing of {host} for {(now - store.newest) / 60:.0f} min')
            if store.enough is None:
                unknown.append(f'{monitor}: {host}')
            elif not store.enough:
                will = '' if store.days is None else f'; its room will do for {store.days:.0f} days'
                findings.append(f'{monitor}: {host} is to be kept {store.retention_days} days{will}')
    return StoreListing(tuple(kept), tuple(findings), tuple(unknown))


def proof_of(text: str) -> Proof | str:
    """Given what event_verify.py of a monitoring host printed, return its proof, or why there is none."""
    chain: Mapping[str, Any] | None = None
    stores, witnessed = [], []
    for line in text.splitlines():
        try:
            document = json.loads(line)
            if 'chain' in document and 'witnessed' not in document:
                chain = {'last': None, 'first': None} | document
                dict(chain['heads'])
            elif 'witnessed' in document:
                document['number'] = int(document['number'])
                witnessed.append(document)
            else:
                stores.append({'store': document['store'], 'chained': document['chained'], **document})
        except (ValueError, TypeError, KeyError):
            return f'it gave no answer that can be read: {line[:80]}'
    return 'it said nothing of its chain' if chain is None else Proof(chain, tuple(stores), tuple(witnessed))


def judge_proofs(answers: Mapping[str, Proof | str], hosts: Sequence[str], now: float) -> Verification:
    """Given the proofs by monitoring host, the hosts that should send and the time, return what was found.

    A chain is held against what the other monitoring hosts were told of it. One that began anew since is said as a
    note: a host that was made anew begins its own, and so does one whose chain somebody removed.
    """
    findings, notes = [], []
    chained: dict[str, int] = {}
    for monitor, proof in answers.items():
        if isinstance(proof, str):
            findings.append(f'{monitor}: not observed: {proof}')
            continue
        findings += [f'{monitor}: the chain: {finding}' for finding in proof.chain['findings']]
        last = proof.chain['last']
        if last is not None and now - last > CHAIN_SECONDS:
            findings.append(f'{monitor}: the chain: it was last extended {(now - last) / 3600:.1f} h ago')
        for store in proof.stores:
            findings += [f'{monitor}: {store["store"]}: {finding}' for finding in store['findings']]
        told = {store['store'] for store in proof.stores}
        findings += [f'{monitor}: says nothing of what it keeps of {host}' for host in hosts if host not in told]
        chained[monitor] = sum(store['chained'] for store in proof.stores)
    proofs = {monitor: proof for monitor, proof in answers.items() if isinstance(proof, Proof)}
    for witness, proof in proofs.items():
        for monitor in dict.fromkeys(each['witnessed'] for each in proof.witnessed):
            # What was told just now may be younger than the other host's answer.
            of_it = [
                each
                for each in proof.witnessed
                if each['witnessed'] == monitor and each['time'] < now - WITNESSED_SECONDS
            ]
            other = proofs.get(monitor)
            if other is not None:
                found, note = _held_against(other.chain, of_it)
                findings += [f'{monitor}: the chain: {each} (as {witness} was told)' for each in found]
                notes += [f'{monitor}: {each} (as {witness} was told)' for each in note]
    return Verification(chained, tuple(findings), tuple(notes))


def _held_against(chain: Mapping[str, Any], witnessed: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    numbers = {int(number) for number in chain['heads']}
    same = [each for each in witnessed if each['chain'] == chain['chain']]
    before = [each for each in witnessed if each['chain'] != chain['chain']]
    other = [each['number'] for each in same if chain['heads'].get(str(each['number']), each['head']) != each['head']]
    gone = [each['number'] for each in same if numbers and each['number'] > max(numbers)]
    found = []
    if other:
        found.append(f'record {other[0]} is another than the one that was written then')
    if gone:
        found.append(f'{len(gone)} records at its end are gone')
    if before:
        return found, [f'its chain began anew; of the one before, {len(before)} records were witnessed']
    return found, []
