"""The catalogue: what is wrong with a file is said with its path, and no proof is never taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from anlan.errors import BadInput, InvalidFile
from compliance.catalogue import Catalogue, load_catalogue
from compliance.coverage import cover
from compliance.inventory import alerts, documents, inventory
from tests.unit.cli.conftest import Anlan, anlan

__all__ = ['anlan']

BOTH = {'zh': '中文', 'en': 'English'}
THERE = {
    'alerts': {'Fires'},
    'evidence': {'reachability'},
    'documents': {'docs/design.md'},
    'checks': set(),
    'drills': set(),
}


def clause(name: str = 'x-1', **values: Any) -> dict[str, Any]:
    return {
        'id': name, 'title': BOTH, 'requirement': BOTH, 'source': {'code': 'GB/T 1', 'place': '1 a)'},
        'standing': 'practice', 'proof': 'A', 'period_days': 30, **values,
    }  # fmt: skip


def gap() -> dict[str, Any]:
    return {'what': BOTH, 'reason': BOTH}


def catalogue(folder: Path, *clauses: dict[str, Any], **more: list[dict[str, Any]]) -> Catalogue:
    for name, each in ({'one': list(clauses)} | more).items():
        document = {'chapter': name, 'title': BOTH, 'clauses': each}
        (folder / f'{name}.yaml').write_text(yaml.safe_dump(document, allow_unicode=True), encoding='utf-8')
    return load_catalogue(folder)


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'period_days': None}, 'one.yaml: clauses.0', 'stale'),
        ({'standing': 'rumour'}, 'one.yaml: clauses.0.standing', 'law'),
        ({'proof': 'X'}, 'one.yaml: clauses.0.proof', "'A'"),
        ({'title': {'zh': '中文'}}, 'one.yaml: clauses.0.title.en', 'required'),
        ({'id': 'With Spaces'}, 'one.yaml: clauses.0.id', 'match'),
        ({'proofs': {'alert': ['Fires']}}, 'one.yaml: clauses.0.proofs.alert', 'Extra'),
        ({'period_days': 0}, 'one.yaml: clauses.0.period_days', 'greater'),
    ],
)  # fmt: skip
def test_a_wrong_clause_is_refused_with_its_path(
    tmp_path: Path, values: dict[str, Any], path: str, reason: str
) -> None:
    with pytest.raises(InvalidFile) as caught:
        catalogue(tmp_path, clause(**values))
    (problem,) = caught.value.problems
    assert (problem.path, reason in problem.reason) == (path, True), problem


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        catalogue(tmp_path, clause(proof='X'), clause('x-2', standing='y'), two=[clause('x-3', level=9)])
    assert len(caught.value.problems) == 3
    (tmp_path / 'three.yaml').write_text('{')
    with pytest.raises(InvalidFile, match='is no YAML'):
        load_catalogue(tmp_path)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r'two\.yaml: clauses\.0\.id: x-1 stands in one\.yaml already'):
        catalogue(tmp_path, clause(), two=[clause()])


def test_a_folder_without_clauses_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='no clauses'):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ('values', 'state'),
    [
        ({'proofs': {'alerts': ['Fires'], 'evidence': ['reachability']}}, 'covered'),
        ({'proofs': {'alerts': ['Fires']}, 'gaps': [gap()]}, 'gap'), ({'gaps': [gap()]}, 'gap'), ({}, 'open'),
        ({'proofs': {'documents': ['docs/design.md']}}, 'open'),
        ({'proof': 'M', 'handled': 'manual', 'period_days': None}, 'manual'),
        ({'proof': 'M', 'handled': 'inherited', 'period_days': None}, 'inherited'),
        ({'proof': 'M', 'handled': 'document'}, 'open'), ({'handled': 'document', 'gaps': [gap()]}, 'gap'),
        ({'handled': 'document', 'proofs': {'documents': ['docs/design.md']}}, 'document'),
    ],
)  # fmt: skip
def test_what_has_a_gap_is_not_covered_and_a_document_alone_proves_nothing(
    tmp_path: Path, values: dict[str, Any], state: str
) -> None:
    found = cover(catalogue(tmp_path, clause(**values)), THERE)
    assert found.counts() == {state: 1}
    assert any('nothing proves it' in finding for finding in found.findings) == (state == 'open')


def test_a_proof_that_is_not_there_and_one_that_serves_nothing_are_found(tmp_path: Path) -> None:
    made = catalogue(tmp_path, clause(proofs={'alerts': ['Gone'], 'documents': ['docs/gone.md']}))
    assert set(cover(made, THERE).findings) == {
        'x-1: alerts: there is no Gone', 'x-1: documents: there is no docs/gone.md', 'alerts: Fires serves no clause',
        'evidence: reachability serves no clause',
    }  # fmt: skip


def test_what_can_prove_is_read_from_where_it_stands() -> None:
    assert 'WafNotInForce' in alerts()
    assert documents({'docs/design.md#evidence', 'docs/gone.md'}) == {'docs/design.md#evidence'}


def test_every_clause_of_ours_has_a_proof_or_a_gap_and_every_proof_a_clause() -> None:
    ours = load_catalogue()
    named = {name for each in ours.clauses() for name in each.proofs.documents}
    assert cover(ours, inventory(named)).findings == ()


def test_the_catalogue_is_whole() -> None:
    ids = [each.id for each in load_catalogue().clauses()]

    def count(prefix: str) -> int:
        return sum(name.startswith(prefix) for name in ids)

    assert {part: count(f'22239-{part}.') for part in ('8.1.1', '8.1.2', '8.1.3', '8.1.4', '8.1.5', '8.1.10')} == {
        '8.1.1': 22, '8.1.2': 8, '8.1.3': 20, '8.1.4': 34, '8.1.5': 12, '8.1.10': 48,
    }  # fmt: skip
    for part in ('cosha-5.', 'cosha-6.', 'cosha-7.', 'cosha-8.', '22239-8.1.6', '22239-8.1.7', '22239-8.1.8',
                 '22239-8.1.9', '22239-8.2.', '35273-', 'incident-report-'):  # fmt: skip
        assert count(part) > 0, part


def test_the_list_is_objects_with_ids_and_one_is_shown_in_both_languages(anlan: Anlan) -> None:
    listed = json.loads(anlan('clause', 'list', '--json').out)
    assert len({each['id'] for each in listed}) == len(listed) > 100
    some = json.loads(anlan('clause', 'list', '--chapter', '22239-8.1.2', '--json').out)
    assert anlan('clause', 'list', '--chapter', 'nothing').code == 2
    assert {each['id'].rpartition('.')[0] for each in some} <= {'22239-8.1.2'}
    shown = anlan('clause', 'show', '22239-8.1.2.1-d').out
    assert '隔离' in shown and 'isolated' in shown
    ended = anlan('clause', 'show', '22239-8.1.2.1-z')
    assert (ended.code, 'there is no clause' in ended.said) == (2, True)
    assert anlan('clause', 'coverage').code == 0
    assert 'covered' in json.loads(anlan('clause', 'coverage', '--json').out)['counts']
