"""Alert rules and their tests, as they stand in a folder, judged by what monitoring/rules/README.md asks of them. Pure.

promtool says whether rules are well formed and tests pass; it does not say whether there is a test at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SEVERITIES = ('page', 'ticket')
ANNOTATIONS = ('summary_en', 'summary_zh', 'runbook')
RUNBOOK = re.compile(r'[a-z0-9]+(-[a-z0-9]+)*')
CHINESE = re.compile(r'[\u4e00-\u9fff]')
NOT_METRICS = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|\{[^{}]*\}|\[[^\[\]]*\]'
    r'|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)'
    r'|\b(?:offset\s+-?\w+|and|or|unless|bool|group_left|group_right|inf|nan)\b',
    re.IGNORECASE,
)
"""What may stand in an expression and is no metric. Quoted text goes first: it may hold any of the others."""

IDENTIFIER = re.compile(r'(?<![\w.:])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])')
LABEL = re.compile(r'\balertname\s*=\s*"([^"]+)"')


@dataclass(frozen=True)
class RuleFile:
    """A file of rules and the file of its tests (None: there is none), as plain data."""

    name: str
    rules: Mapping[str, Any]
    tests: Mapping[str, Any] | None


def read_rule_files(folder: Path) -> tuple[RuleFile, ...]:
    """Given the folder of the rules, return every file in it. Raise YAMLError for one that is no YAML."""
    files = {file.name: _read(file) for file in sorted(folder.glob('*.yaml'))}
    tests = {file.name: _read(file) for file in sorted((folder / 'tests').glob('*.yaml'))}
    return tuple(RuleFile(name, files.get(name, {}), tests.get(name)) for name in sorted({*files, *tests}))


def findings(files: Sequence[RuleFile]) -> list[str]:
    """Given all rule files, return every breach of the conventions, each with the file's name and the alert's."""
    found = []
    recorded = {
        rule['record']: str(rule.get('expr', '')) for file in files for rule in _rules(file) if 'record' in rule
    }
    owners: dict[str, str] = {}
    for file in files:
        found += _of_file(file)
        for rule in _rules(file):
            if 'alert' not in rule:
                continue
            alert = str(rule['alert'])
            if alert in owners:
                found.append(f'{file.name}: {alert}: is in {owners[alert]} as well; routing knows an alert by its name')
            owners[alert] = file.name
            found += [f'{file.name}: {alert}: {fault}' for fault in _of_alert(rule)]
            metrics = metrics_of(str(rule.get('expr', '')), recorded)
            if not metrics:
                found.append(f'{file.name}: {alert}: its expression has no metric')
            elif file.tests is not None:
                found += [f'{file.name}: {alert}: {fault}' for fault in _of_tests(alert, metrics, file.tests)]
    return found


def metrics_of(expression: str, recorded: Mapping[str, str]) -> frozenset[str]:
    """Given an expression and the recording rules by name, return the metrics that it is made from in the end."""
    names: set[str] = set()
    waiting, seen = [expression], set()
    while waiting:
        for name in IDENTIFIER.findall(NOT_METRICS.sub(' ', waiting.pop())):
            if name in recorded and name not in seen:
                seen.add(name)
                waiting.append(recorded[name])
            elif name not in recorded:
                names.add(name)
    return frozenset(names)


def _of_file(file: RuleFile) -> Iterator[str]:
    if not list(_rules(file)):
        yield f'{file.name}: has no rule'
    if file.tests is None:
        yield f'{file.name}: has no tests; they belong into tests/{file.name}'
    elif f'../{file.name}' not in file.tests.get('rule_files', []):
        yield f'tests/{file.name}: does not test ../{file.name}'
    for group in file.rules.get('groups') or []:
        if group.get('name') != file.name.removesuffix('.yaml'):
            yield f'{file.name}: group {group.get("name")}: has not the name of its file'


def _of_alert(rule: Mapping[str, Any]) -> Iterator[str]:
    severity = rule.get('labels', {}).get('severity')
    if severity not in SEVERITIES:
        yield f'severity is {severity}, not {" or ".join(SEVERITIES)}'
    annotations = rule.get('annotations', {})
    for name in ANNOTATIONS:
        if not str(annotations.get(name) or '').strip():
            yield f'has no annotation {name}'
    if annotations.get('summary_zh') and not CHINESE.search(annotations['summary_zh']):
        yield 'summary_zh is not in Chinese'
    if annotations.get('runbook') and not RUNBOOK.fullmatch(annotations['runbook']):
        yield f'runbook is {annotations["runbook"]}, not the name of a file without its ending'


def _of_tests(alert: str, metrics: frozenset[str], document: Mapping[str, Any]) -> Iterator[str]:
    """Say which of the three kinds of test an alert lacks.

    With its metric there it fires, and it does not. Without its metric, what becomes of it is stated: silence for most,
    and for an alert that watches for absence, that it fires. So its firing may be either of the two.
    """
    kinds = set()
    for test in document.get('tests') or []:
        given = {metric for series in test.get('input_series') or [] for metric in _series(str(series.get('series')))}
        for fires in _statements(alert, test):
            kinds.add('fires' if fires else 'does not' if given & metrics else 'silent')
            if not given & metrics:
                kinds.add('absent')
    if 'fires' not in kinds:
        yield 'no test in which it fires'
    if 'does not' not in kinds:
        yield 'no test in which its metric is there and it does not fire'
    if 'absent' not in kinds:
        yield f'no test that says what becomes of it without {", ".join(sorted(metrics))}'


def _statements(alert: str, test: Mapping[str, Any]) -> Iterator[bool]:
    """Say what a test states of an alert: that it fires, or that it does not. Nothing, where it is not named."""
    for each in test.get('alert_rule_test') or []:
        if each.get('alertname') == alert:
            yield bool(each.get('exp_alerts'))
    for each in test.get('promql_expr_test') or []:
        expression = str(each.get('expr', ''))
        if 'ALERTS' not in expression or 'firing' not in expression:
            continue
        asked = LABEL.findall(expression)
        told = [
            (LABEL.findall(str(sample.get('labels'))), sample.get('value')) for sample in each.get('exp_samples') or []
        ]
        if any(alert in names and value for names, value in told):
            yield True
        # promtool compares whole answers: whom an answer with names does not name does not fire.
        elif (not asked or alert in asked) and all(names for names, _ in told):
            yield False


def _series(text: str) -> list[str]:
    return IDENTIFIER.findall(NOT_METRICS.sub(' ', text))


def _rules(file: RuleFile) -> Iterator[Mapping[str, Any]]:
    for group in file.rules.get('groups') or []:
        yield from group.get('rules') or []


def _read(file: Path) -> Mapping[str, Any]:
    document = yaml.safe_load(file.read_text(encoding='utf-8'))
    return document if isinstance(document, dict) else {}
