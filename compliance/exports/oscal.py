"""OSCAL assessment results (NIST, 1.1.2) in JSON. The same assessment gives the same document, identifiers too.

OSCAL knows `satisfied` and `not-satisfied` alone: what is stale or not verified is not satisfied for the reason
`other`, with our verdict as a property. What does not apply or is inherited is excluded, with its reason as a property.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from anlan import __version__
from anlan.ledger.record import moment
from compliance.assessment import Assessment
from compliance.evidence import Found, Reference
from compliance.saying import visible
from compliance.score import NO_OFFICIAL_RESULT
from compliance.verdicts import ClauseVerdict

VERSION = '1.1.2'
NAMESPACE = uuid.UUID('6f1a3f0c-5a53-5c43-9d5e-0d6a3a6f2b11')
"""Ours: every identifier is made under it from the name of what it identifies (RFC 9562, version 5)."""

OURS = 'https://anlan.invalid/ns/oscal'
"""The name space of our properties: a name and no address (RFC 2606)."""

LEFT_OUT = frozenset({'inherited', 'not-applicable'})
NOT_TOKEN = re.compile(r'[^A-Za-z0-9._-]')


def oscal(assessment: Assessment) -> bytes:
    """Given an assessment, return it as OSCAL assessment results in JSON."""
    name = f'{assessment.platform}/{assessment.source.head}/{moment(assessment.situation.now)}'
    document = {
        'assessment-results': {
            'uuid': _identifier(name),
            'metadata': _metadata(assessment),
            'import-ap': {'href': f'#{_identifier(f"{name}/catalogue")}'},
            'results': [_result(assessment, name)],
            'back-matter': {
                'resources': [
                    {
                        'uuid': _identifier(f'{name}/catalogue'),
                        'title': 'Catalogue of clauses',
                        'description': 'Every clause, and what proves it: catalogue/ in the evidence pack.',
                        'rlinks': [{'href': 'catalogue/'}],
                    },
                    {
                        'uuid': _identifier(f'{name}/ledger'),
                        'title': 'Evidence ledger',
                        'description': 'The records that findings rest on: records.jsonl in the evidence pack.',
                        'rlinks': [{'href': 'records.jsonl', 'media-type': 'application/jsonl'}],
                    },
                ]
            },
        }
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + '\n').encode('utf-8')


def control_id(clause: str) -> str:
    """Given a clause's id, return the token that stands for it: a token of OSCAL does not begin with a digit."""
    return f'clause-{clause}'


def _metadata(assessment: Assessment) -> dict[str, Any]:
    return {
        'title': _line(f'Security compliance of {assessment.platform}'),
        'last-modified': moment(assessment.situation.now),
        'version': __version__,
        'oscal-version': VERSION,
        'props': [
            _property('ledger-head', assessment.source.head), _property('ledger-key', assessment.source.key),
            _property('ledger-records', str(assessment.source.records)),
        ],
        'remarks': f'{NO_OFFICIAL_RESULT.zh}\n\n{NO_OFFICIAL_RESULT.en}',
    }  # fmt: skip


def _result(assessment: Assessment, name: str) -> dict[str, Any]:
    times = [record.ended for each in assessment.verdicts for record in each.records]
    hosts = sorted({one.result.host for each in assessment.verdicts for proof in each.proofs for one in proof.found})
    observations = _observations(assessment, name)
    result: dict[str, Any] = {
        'uuid': _identifier(f'{name}/result'),
        'title': _line(f'Verdicts of {assessment.platform}'),
        'description': '\n\n'.join(said.en for said in (*assessment.score.lines(), NO_OFFICIAL_RESULT)),
        'start': moment(min(times, default=assessment.situation.now)),
        'end': moment(assessment.situation.now),
        'reviewed-controls': {'control-selections': [_selection(assessment.verdicts)]},
        'findings': [
            _finding(each, name, observations) for each in assessment.verdicts if each.verdict not in LEFT_OUT
        ],
    }
    items = [
        {
            'uuid': _identifier(f'{assessment.platform}/{host}'), 'description': _line(f'host {host}'),
            'props': [_property('host', host)],
        }
        for host in (*hosts, assessment.platform)
    ]  # fmt: skip
    result['local-definitions'] = {'inventory-items': items}
    if observations:
        result['observations'] = list(observations.values())
    return {key: result[key] for key in result if result[key] != []}


def _selection(verdicts: Sequence[ClauseVerdict]) -> dict[str, Any]:
    selection: dict[str, Any] = {'description': 'Clauses that apply to this platform and that it answers for itself.'}
    for key, chosen in (('include-controls', False), ('exclude-controls', True)):
        controls = [
            {'control-id': control_id(each.clause.id)} for each in verdicts if (each.verdict in LEFT_OUT) == chosen
        ]
        if controls:
            selection[key] = controls
    left_out = [each for each in verdicts if each.verdict in LEFT_OUT]
    if left_out:
        selection['props'] = [
            _property(each.verdict, control_id(each.clause.id), each.reasons[0].en if each.reasons else '')
            for each in left_out
        ]
    return selection


def _observations(assessment: Assessment, name: str) -> dict[str, dict[str, Any]]:
    """Return every result and run once, by the name under which findings know it."""
    found: dict[str, dict[str, Any]] = {}
    for proof in (proof for each in assessment.verdicts for proof in each.proofs):
        for one in proof.found:
            found.setdefault(_key(one), _observation(
                f'{name}/{_key(one)}', f'{one.result.name} on {one.result.host}', one.result.verdict,
                reason=one.result.reason, record=one.record,
                subject=_identifier(f'{assessment.platform}/{one.result.host}'),
            ))  # fmt: skip
        if proof.record is not None:
            found.setdefault(f'{proof.kind}/{proof.name}', _observation(
                f'{name}/{proof.kind}/{proof.name}', f'{proof.name}: {proof.record.subject}',
                proof.record.verdict or 'not-verified', reason='', record=proof.record,
                subject=_identifier(f'{assessment.platform}/{assessment.platform}'),
            ))  # fmt: skip
    return found


def _key(one: Found) -> str:
    return f'{one.result.host}/{one.result.check}/{one.result.case}'


def _observation(
    name: str, title: str, verdict: str, *, reason: str, record: Reference, subject: str
) -> dict[str, Any]:
    return {
        'uuid': _identifier(name),
        'title': _line(title),
        'description': visible(reason) or verdict,
        'props': [_property('verdict', verdict)],
        'methods': ['TEST'],
        'subjects': [{'subject-uuid': subject, 'type': 'inventory-item'}],
        'relevant-evidence': [
            {
                'href': 'records.jsonl',
                'description': f'Record {record.number} of the ledger, SHA-256 {record.sha256}.',
            }
        ],
        'collected': moment(record.ended),
    }


def _finding(each: ClauseVerdict, name: str, observations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    passed = each.verdict == 'pass'
    status = {
        'state': 'satisfied' if passed else 'not-satisfied',
        'reason': 'pass' if passed else 'fail' if each.verdict == 'fail' else 'other',
    }
    properties = [_property('verdict', each.verdict), _property('standing', each.clause.standing)]
    if each.waived:
        properties.append(_property('waived', 'yes', '; '.join(waiver.reason for waiver in each.waivers)))
    if each.clause.high_risk:
        properties.append(_property('high-risk', 'yes'))
    keys = [_key(one) for proof in each.proofs for one in proof.found]
    keys += [f'{proof.kind}/{proof.name}' for proof in each.proofs if proof.record is not None]
    finding: dict[str, Any] = {
        'uuid': _identifier(f'{name}/finding/{each.clause.id}'),
        'title': _line(f'{each.clause.title.zh} / {each.clause.title.en}'),
        'description': visible('\n'.join(said.en for said in each.reasons)) or each.verdict,
        'props': properties,
        'target': {'type': 'objective-id', 'target-id': control_id(each.clause.id), 'status': status},
    }
    if keys:
        finding['related-observations'] = [{'observation-uuid': observations[key]['uuid']} for key in keys]
    return finding


def _property(name: str, value: str, remarks: str = '') -> dict[str, str]:
    made = {'name': NOT_TOKEN.sub('-', name), 'ns': OURS, 'value': _line(value)}
    return made | ({'remarks': visible(remarks)} if remarks else {})


def _line(text: str) -> str:
    """Given a text, return it on one line that begins and ends with what can be seen, as OSCAL wants it."""
    return ' '.join(visible(text).split()) or '-'


def _identifier(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))
