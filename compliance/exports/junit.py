"""JUnit XML, as CI servers read it: a suite a host, a case a check. What was not verified is skipped, never passed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, tostring

from compliance.assessment import Assessment
from compliance.evidence import Found, Reference
from compliance.saying import visible

WHOLE = 'the whole platform'
"""The suite of what is no check of a host: reachability, drills."""


def junit(assessment: Assessment) -> bytes:
    """Given an assessment, return the results that its verdicts rest on as JUnit XML. A waived failure stays one."""
    found: dict[tuple[str, str, str], Found] = {}
    runs: dict[str, Reference] = {}
    for proof in (proof for each in assessment.verdicts for proof in each.proofs):
        for each in proof.found:
            found[each.result.host, each.result.check, each.result.case] = each
        if proof.record is not None:
            runs[f'{proof.kind}.{proof.name}'] = proof.record
    root = Element('testsuites', {'name': visible(f'anlan {assessment.platform}')})
    for host in sorted({each.result.host for each in found.values()}):
        here = [each for (name, _, _), each in sorted(found.items()) if name == host]
        suite = _suite(root, host, (each.record for each in here))
        for each in here:
            file, _, function = each.result.check.rpartition('.')
            name = f'{function}[{each.result.case}]' if each.result.case else function
            _case(suite, f'{host}.{file}', name, each.result.verdict, reason=each.result.reason, record=each.record)
    if runs:
        suite = _suite(root, WHOLE, runs.values())
        for name, record in sorted(runs.items()):
            said = f'record {record.number}: {record.subject}'
            _case(suite, 'platform', name, record.verdict or 'not-verified', reason=said, record=record)
    for suite in [*root, root]:
        cases = list(suite.iter('testcase'))
        counts = {'tests': len(cases), 'errors': 0}
        counts |= {'failures': sum(case.find('failure') is not None for case in cases)}
        counts |= {'skipped': sum(case.find('skipped') is not None for case in cases)}
        for name, count in counts.items():
            suite.set(name, str(count))
        suite.set('time', '0')
    content: bytes = tostring(root, encoding='utf-8', xml_declaration=True)
    return content + b'\n'


def _suite(root: Element, name: str, records: Iterable[Reference]) -> Element:
    newest = max(record.ended for record in records)
    return SubElement(
        root, 'testsuite', {'name': visible(name), 'timestamp': f'{newest.astimezone(UTC):%Y-%m-%dT%H:%M:%S}'}
    )


def _case(suite: Element, group: str, name: str, verdict: str, *, reason: str, record: Reference) -> None:
    case = SubElement(suite, 'testcase', {'classname': visible(group), 'name': visible(name), 'time': '0'})
    if verdict == 'pass':
        return
    where = f'ledger record {record.number}, SHA-256 {record.sha256}'
    kind = 'failure' if verdict == 'fail' else 'skipped'
    attributes = {'message': visible(f'{verdict}: {reason}')}
    if kind == 'failure':
        attributes['type'] = verdict
    SubElement(case, kind, attributes).text = visible(f'{reason}\n{where}')
