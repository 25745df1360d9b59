"""The evidence ledger: records chained by hash, sealed by signature, appended and never changed."""

from __future__ import annotations

from anlan.ledger.canonical import NotCanonical
from anlan.ledger.chain import Fault, Verification, verify
from anlan.ledger.record import VERDICTS, Draft, Record, Verdict
from anlan.ledger.store import Ledger

__all__ = ['VERDICTS', 'Draft', 'Fault', 'Ledger', 'NotCanonical', 'Record', 'Verdict', 'Verification', 'verify']
