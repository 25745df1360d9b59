"""Exports: read by other programs, and what a host wrote is never a formula, a tag or a broken document in them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from compliance.exports.comma_separated import COLUMNS, FORMULA, cell, comma_separated
from compliance.exports.junit import junit
from compliance.exports.oscal import control_id, oscal
from compliance.score import NO_OFFICIAL_RESULT
from tests.unit.compliance.samples import CHECKS, FAILS, HOSTS, Sample, results, sample

UUID = re.compile(r'^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')
TOKEN = re.compile(r'^[A-Za-z_][A-Za-z0-9._-]*$')
MOMENT = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$')


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample(tmp_path_factory.mktemp('var') / 'ledger')


@pytest.fixture(scope='module')
def document(made: Sample) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(oscal(made.assessment))['assessment-results']
    return found


def test_the_same_assessment_gives_the_same_oscal(made: Sample) -> None:
    assert oscal(made.assessment) == oscal(made.assessment)


def test_oscal_calls_satisfied_only_what_passed_and_leaves_out_what_others_answer_for(
    made: Sample, document: dict[str, Any]
) -> None:
    (result,) = document['results']
    states = {each['target']['target-id']: each['target']['status'] for each in result['findings']}
    (selection,) = result['reviewed-controls']['control-selections']
    left_out = {each['control-id'] for each in selection['exclude-controls']}
    for each in made.assessment.verdicts:
        name = control_id(each.clause.id)
        if each.verdict in {'inherited', 'not-applicable'}:
            assert name in left_out and name not in states
        else:
            state = states[name]
            assert (state['state'] == 'satisfied') == (each.verdict == 'pass')
            assert state['reason'] == {'pass': 'pass', 'fail': 'fail'}.get(each.verdict, 'other')
    assert NO_OFFICIAL_RESULT.zh in document['metadata']['remarks']


def test_identifiers_in_oscal_are_whole_tell_apart_and_lead_somewhere(document: dict[str, Any]) -> None:
    (result,) = document['results']
    observations = {each['uuid'] for each in result['observations']}
    items = {each['uuid'] for each in result['local-definitions']['inventory-items']}
    assert len(observations) == len(result['observations'])
    for each in result['findings']:
        assert TOKEN.match(each['target']['target-id'])
        assert {found['observation-uuid'] for found in each.get('related-observations', ())} <= observations
    for each in result['observations']:
        assert {subject['subject-uuid'] for subject in each['subjects']} <= items
        assert MOMENT.match(each['collected'])
    resources = {f'#{each["uuid"]}' for each in document['back-matter']['resources']}
    assert document['import-ap']['href'] in resources

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                if key == 'uuid' or key.endswith('-uuid'):
                    assert UUID.match(each), each
                # OSCAL wants no empty list, and no text that begins or ends with space.
                assert each not in ([], ''), key
                if key in {'value', 'title', 'name'}:
                    assert each == each.strip() and '\n' not in each
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)


def test_junit_has_a_case_for_each_result_and_only_a_pass_is_bare(made: Sample) -> None:
    content = junit(made.assessment)
    root = ElementTree.fromstring(content)
    assert root.tag == 'testsuites'
    assert [suite.get('name') for suite in root] == [*sorted(HOSTS), 'the whole platform']
    cases = {(case.get('classname'), case.get('name')): case for case in root.iter('testcase')}
    for result in results():
        file, _, function = result.check.rpartition('.')
        case = cases[f'{result.host}.{file}', function]
        children = [child.tag for child in case]
        assert children == {'pass': [], 'fail': ['failure'], 'not-verified': ['skipped']}[result.verdict]
    assert ('platform', 'evidence.reachability') in cases
    for suite in [root, *root]:
        within = list(suite.iter('testcase'))
        assert int(suite.get('tests', '')) == len(within)
        assert int(suite.get('failures', '')) == sum(case.find('failure') is not None for case in within)
        assert int(suite.get('skipped', '')) == sum(case.find('skipped') is not None for case in within)
    assert int(root.get('failures', '')) == len(FAILS)
    assert b'<script' not in content


def rows(made: Sample) -> list[dict[str, str]]:
    content = comma_separated(made.assessment)
    assert content.startswith(b'\xef\xbb\xbf')
    return list(csv.DictReader(io.StringIO(content.decode('utf-8-sig'), newline='')))


def test_csv_has_every_clause_and_every_result_of_it(made: Sample) -> None:
    found = rows(made)
    assert set(found[0]) == set(COLUMNS)
    assert {row['clause'] for row in found} == {each.clause.id for each in made.assessment.verdicts}
    failed = {(row['proof'], row['host']) for row in found if row['result'] == 'fail'}
    assert failed == FAILS
    assert {row['proof'] for row in found} >= set(CHECKS)
    first = next(row for row in found if row['verdict'] == 'fail')
    assert first['reasons_zh'] and first['reasons_en']


def test_no_cell_is_a_formula(made: Sample) -> None:
    for row in rows(made):
        assert not [value for value in row.values() if value.startswith(FORMULA)]


@pytest.mark.parametrize(
    'text', ['=1+1', '+1', '-1', '@x', '\t=1', '\r=1', '\n=1', '  =1', '＝1', '＋1', '\u3000=1', '＠x']
)
def test_what_a_spreadsheet_would_reckon_is_text(text: str) -> None:
    assert not cell(text).strip().startswith(FORMULA)


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('plain', 'plain'),
        ('a=b', 'a=b'),
        ('a\x00b', 'a⟨U+0000⟩b'),
        ('\u202egnp', '⟨U+202E⟩gnp'),
        ('\ufeffx', '⟨U+FEFF⟩x'),
    ],
)
def test_what_nobody_would_see_is_shown(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_a_long_text_fits_into_a_cell() -> None:
    assert len(cell('x' * 100_000)) < 32_767
