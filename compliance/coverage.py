"""Coverage: which clauses have a proof, which have a gap instead, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from compliance.catalogue import Catalogue
from compliance.clause import PROOF_KINDS, Clause

State = Literal['covered', 'gap', 'document', 'manual', 'inherited', 'open']
MUST_BE_USED = ('checks', 'drills', 'alerts', 'evidence')
"""Kinds of proof of which each one has to serve a clause."""


@dataclass(frozen=True)
class Row:
    """A clause and how it stands: `covered` by a machine, a `gap`, someone else's, or `open`: nothing is said."""

    id: str
    state: State
    proofs: Mapping[str, tuple[str, ...]]
    gaps: int


@dataclass(frozen=True)
class Coverage:
    """Every clause's row, and what is wrong with the catalogue."""

    rows: tuple[Row, ...]
    findings: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how many clauses are in each state."""
        found: dict[str, int] = {}
        for row in self.rows:
            found[row.state] = found.get(row.state, 0) + 1
        return found

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'counts': self.counts(), 'findings': list(self.findings), 'clauses': [asdict(row) for row in self.rows],
        }  # fmt: skip


def cover(
    catalogue: Catalogue, there: Mapping[str, Collection[str]], served: Mapping[str, Collection[str]] | None = None
) -> Coverage:
    """Given the catalogue and the names of what is there by kind of proof, return the coverage.

    A finding is a clause with neither proof nor gap, a proof that is not there, one that no clause names, and a check
    that says it serves a clause (`served`, clauses by check) which does not name it.
    """
    findings = []
    rows = []
    used: dict[str, set[str]] = {kind: set() for kind in PROOF_KINDS}
    for clause in catalogue.clauses():
        named = clause.proofs.named()
        for kind, names in named.items():
            used[kind] |= set(names)
            findings += [
                f'{clause.id}: {kind}: there is no {name}' for name in names if name not in there.get(kind, ())
            ]
        state = _state(clause, named)
        rows.append(Row(clause.id, state, named, len(clause.gaps)))
        if state == 'open':
            findings.append(f'{clause.id}: nothing proves it, and no gap says why')
    for kind in MUST_BE_USED:
        findings += [f'{kind}: {name} serves no clause' for name in sorted(set(there.get(kind, ())) - used[kind])]
    findings += _unnamed(catalogue, served or {})
    return Coverage(tuple(rows), tuple(findings))


def _unnamed(catalogue: Catalogue, served: Mapping[str, Collection[str]]) -> list[str]:
    named = {clause.id: set(clause.proofs.checks) for clause in catalogue.clauses()}
    found = []
    for check, clauses in sorted(served.items()):
        for clause in sorted(clauses):
            if clause not in named:
                found.append(f'{check}: there is no clause {clause}, which it says that it serves')
            elif check not in named[clause]:
                found.append(f'{clause}: does not name the check {check}, which says that it serves it')
    for clause, checks in named.items():
        found += [
            f'{clause}: names the check {check}, which does not say that it serves it'
            for check in sorted(checks)
            if check in served and clause not in served[check]
        ]
    return found


def _state(clause: Clause, named: Mapping[str, tuple[str, ...]]) -> State:
    if clause.gaps:
        return 'gap'
    if clause.handled == 'document':
        return 'document' if 'documents' in named else 'open'
    if clause.handled != 'machine':
        return clause.handled
    # A document alone proves nothing that a machine has to see.
    return 'covered' if set(named) - {'documents'} else 'open'
