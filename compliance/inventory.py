"""Inventory: the names of all that can prove a clause, read from where each stands."""

from __future__ import annotations

from pathlib import Path

import yaml

from anlan.paths import ROOT
from compliance.check_list import list_checks

EVIDENCE = ('reachability', 'canary', 'drift', 'hardening', 'mutation', 'restore-drill', 'ransomware-drill')
"""Kinds of records that commands write to the ledger, with a verdict."""


def alerts(folder: Path = ROOT / 'monitoring' / 'rules') -> set[str]:
    """Given the folder of alert rules, return their names."""
    found = set()
    for file in folder.glob('*.yaml'):
        document = yaml.safe_load(file.read_text(encoding='utf-8')) or {}
        found |= {
            str(rule['alert']) for group in document.get('groups', ()) for rule in group['rules'] if 'alert' in rule
        }
    return found


def documents(names: set[str], root: Path = ROOT) -> set[str]:
    """Given documents, each a path in the checkout (`#` and a place may follow), return those that are there."""
    return {name for name in names if (root / name.partition('#')[0]).is_file()}


def inventory(named_documents: set[str]) -> dict[str, set[str]]:
    """Given the documents that clauses name, return all that is there by kind of proof."""
    return {
        'checks': {check.name for check in list_checks()}, 'drills': set(), 'alerts': alerts(),
        'evidence': set(EVIDENCE), 'documents': documents(named_documents),
    }  # fmt: skip
