"""What the ledger says of a drill of the backups: its kind, its verdict, its clauses, and what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anlan.cli.backup_text import is_bad
from anlan.ledger import Verdict
from backup.policy import Policy
from backup.record import Ended, StolenEnded

DRILLS = {'restore': 'restore-drill', 'accident': 'restore-drill', 'stolen': 'ransomware-drill'}
"""Kinds of work that are evidence, with the kind of record that each is in the ledger."""

STOLEN_CLAUSE = '22239-8.1.10.11-c'


def verdict_of(ends: Sequence[Ended], reasons: Sequence[str], kind: str) -> Verdict | None:
    """Given what came of work of a kind and why some of it was not done, return its verdict; None for no drill."""
    drilled = {each.verdict for each in ends if isinstance(each, StolenEnded)}
    if 'fail' in drilled or any(is_bad(each) for each in ends if not isinstance(each, StolenEnded)):
        return 'fail'
    if reasons or not ends or 'not-verified' in drilled:
        return 'not-verified'
    return 'pass' if kind in DRILLS else None


def clauses_of(policy: Policy, kind: str) -> tuple[str, ...]:
    """Given a policy and what was done, return the clauses that it is evidence for."""
    if kind not in DRILLS:
        return ()
    more = (STOLEN_CLAUSE,) if kind == 'stolen' and STOLEN_CLAUSE not in policy.clauses else ()
    return (*policy.clauses, *more)


def observed_of(ends: Sequence[Ended], reasons: Sequence[str]) -> dict[str, Any]:
    """Given what came of work and why some of it was not done, return what the ledger says of it."""
    observed: dict[str, Any] = {
        'ends': len(ends), 'failed': sum(each.failure is not None for each in ends), 'reasons': list(reasons),
    }  # fmt: skip
    drills = [_stolen(each) for each in ends if isinstance(each, StolenEnded)]
    return {**observed, 'stolen': drills} if drills else observed


def _stolen(end: StolenEnded) -> dict[str, Any]:
    return {
        'host': end.host, 'objects': end.objects, 'copied_bytes': end.copied_bytes, 'overwritten': end.overwritten,
        'deleted': end.deleted, 'tried': end.tried, 'refused': end.refused, 'attacks': list(end.attacks),
        'succeeded': list(end.succeeded), 'unproven': list(end.unproven), 'problems': list(end.problems),
        'brought_bytes': end.brought_bytes, 'reading_seconds': end.reading_seconds, 'files': end.files,
        'checks': end.checks, 'wiped_bytes': end.wiped_bytes, 'kept_bytes': end.kept_bytes,
        'kept_until': None if end.kept_until is None else end.kept_until.isoformat(timespec='seconds'),
    }  # fmt: skip
