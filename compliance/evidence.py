"""Evidence: what the ledger holds that bears on clauses. Of each check on each host, the newest result alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anlan.errors import AnlanError
from anlan.ledger.record import Record
from compliance.result import CheckResult

AUDIT, EVERY_HOST = 'audit', 'every host'
"""The kind of an audit's record, and the subject of one that ran every check on every host."""

OF_EACH = frozenset({'restore-drill', 'ransomware-drill'})
"""Kinds of records that speak of their subject alone: that one policy came back says nothing of another."""

RESULTS, ANSWERS = 'results.json', 'answers.json.gz'
"""Attachments of an audit."""


@dataclass(frozen=True)
class Reference:
    """A record that a verdict rests on."""

    number: int
    sha256: str
    kind: str
    subject: str
    ended: datetime
    verdict: str | None
    configuration: str
    attachments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a check found, and the record that says so."""

    result: CheckResult
    record: Reference


@dataclass(frozen=True)
class Evidence:
    """Results by check; the newest record by the name of a proof (see `proof_name`).

    `audited`: by check, the hosts that the newest audit of every host looked at, if it knew that check.
    """

    checks: Mapping[str, tuple[Found, ...]] = field(default_factory=dict)
    runs: Mapping[str, Reference] = field(default_factory=dict)
    audited: Mapping[str, frozenset[str]] = field(default_factory=dict)


def proof_name(kind: str, subject: str) -> str:
    """Given a record's kind and subject, return the name that clauses know it by.

    A drill, an alert, and what speaks of its subject alone are known by that too, everything else by its kind.
    """
    return f'{kind}:{subject}' if kind in {'drill', 'alert'} | OF_EACH else kind


def reference_of(record: Record) -> Reference:
    """Given a record, return what a verdict keeps of it. Raise AnlanError if it has no time."""
    document = record.document
    try:
        ended = datetime.fromisoformat(str(document['ended'])).astimezone(UTC)
    except ValueError:
        raise AnlanError(f'record {record.number}: {document["ended"]!r} is no time') from None
    verdict = document['verdict']
    return Reference(
        record.number, record.sha256, record.kind, str(document['subject']), ended,
        None if verdict is None else str(verdict), str(document.get('configuration', '')), record.attachments,
    )  # fmt: skip


def evidence_of(records: Iterable[Record], attachment: Callable[[str], bytes]) -> Evidence:
    """Given a ledger's records in order and a function that returns an attachment by its hash, return the evidence.

    The results of a check on a host are those of the newest audit that ran it there, all cases together: a case that it
    had no more is gone. What is older than the newest audit of every host is not looked at. Raise AnlanError.
    """
    audits: list[Record] = []
    runs: dict[str, Reference] = {}
    for record in records:
        if record.kind == AUDIT:
            if record.document['subject'] == EVERY_HOST:
                audits.clear()
            audits.append(record)
        elif record.document['verdict'] is not None:
            reference = reference_of(record)
            runs[proof_name(record.kind, reference.subject)] = reference
    checks: dict[str, dict[str, list[Found]]] = {}
    audited: dict[str, frozenset[str]] = {}
    for record in audits:
        reference = reference_of(record)
        newer: dict[tuple[str, str], list[Found]] = {}
        results = _results(record, attachment)
        for result in results:
            newer.setdefault((result.check, result.host), []).append(Found(result, reference))
        if reference.subject == EVERY_HOST:
            looked_at = frozenset(result.host for result in results)
            audited = dict.fromkeys({result.check for result in results}, looked_at)
        for (check, host), found in newer.items():
            checks.setdefault(check, {})[host] = found
    every = {check: tuple(each for found in hosts.values() for each in found) for check, hosts in checks.items()}
    return Evidence(every, runs, audited)


def _results(record: Record, attachment: Callable[[str], bytes]) -> list[CheckResult]:
    sha256 = record.attachments.get(RESULTS)
    if sha256 is None:
        raise AnlanError(f'record {record.number}: the audit has no {RESULTS}')
    try:
        return [CheckResult.of(each) for each in json.loads(attachment(sha256))]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise AnlanError(f'record {record.number}: its {RESULTS} holds no results ({error})') from None
