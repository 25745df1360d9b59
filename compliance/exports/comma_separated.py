"""CSV for a spreadsheet: a row a clause and result, its reasons in the first of them; no cell is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from compliance.assessment import Assessment
from compliance.saying import visible
from compliance.verdicts import ClauseVerdict

COLUMNS = (
    'clause', 'title_zh', 'title_en', 'standing', 'high_risk', 'verdict', 'waived', 'stale_from', 'reasons_zh',
    'reasons_en', 'proof_kind', 'proof', 'case', 'host', 'result', 'reason', 'record', 'record_sha256', 'ended',
)  # fmt: skip
REASONS = (COLUMNS.index('reasons_zh'), COLUMNS.index('reasons_en'))
FORMULA = ('=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠')
"""A cell that begins so is reckoned by Excel, LibreOffice or WPS; the wide ones by those set to Chinese or Japanese."""

LONGEST_CELL = 32_000
"""Excel takes 32,767 characters."""


def comma_separated(assessment: Assessment) -> bytes:
    """Given an assessment, return it as CSV (RFC 4180) in UTF-8, with the mark that Excel knows it by."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator='\r\n')
    writer.writerow(COLUMNS)
    for each in assessment.verdicts:
        for index, row in enumerate(_rows(each)):
            kept = row if index == 0 else ['' if place in REASONS else value for place, value in enumerate(row)]
            writer.writerow([cell(value) for value in kept])
    return b'\xef\xbb\xbf' + stream.getvalue().encode('utf-8')


def cell(text: str) -> str:
    """Given a text, return it so that a spreadsheet shows it, and never reckons it."""
    shown = visible(text)
    shown = shown if len(shown) <= LONGEST_CELL else shown[:LONGEST_CELL] + '…'
    return f"'{shown}" if shown.lstrip(' \u3000').startswith(FORMULA) or shown.startswith(FORMULA) else shown


def _rows(each: ClauseVerdict) -> Iterator[list[str]]:
    clause = each.clause
    first = [
        clause.id, clause.title.zh, clause.title.en, clause.standing, 'yes' if clause.high_risk else 'no', each.verdict,
        'yes' if each.waived else 'no', '' if each.stale_from is None else f'{each.stale_from:%Y-%m-%dT%H:%M:%SZ}',
        '\n'.join(said.zh for said in each.reasons), '\n'.join(said.en for said in each.reasons),
    ]  # fmt: skip
    if not each.proofs:
        yield [*first, *[''] * (len(COLUMNS) - len(first))]
    for proof in each.proofs:
        records = [] if proof.record is None else [('', '', proof.verdict, '', proof.record)]
        found = [
            (one.result.case, one.result.host, one.result.verdict, one.result.reason, one.record) for one in proof.found
        ]
        for case, host, verdict, reason, record in [*found, *records]:
            ended = f'{record.ended:%Y-%m-%dT%H:%M:%SZ}'
            yield [
                *first, proof.kind, proof.name, case, host, verdict, reason, str(record.number), record.sha256, ended,
            ]  # fmt: skip
        if not found and not records:
            yield [*first, proof.kind, proof.name, '', '', proof.verdict, '', '', '', '']
