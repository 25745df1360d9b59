"""Policies: all of ours are sound, and each rule says no."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from anlan.errors import BadInput, InvalidFile
from backup.policies_file import FOLDER, load_policies
from backup.policy import Policy, Schedule, Source, Verification
from backup.port import Retention
from backup.retention_class import BOUNDS, breach, horizon_days, kept_for
from compliance.catalogue import load_catalogue
from tests.unit.backup.policy_samples import POLICIES, policy

GOOD: dict[str, Any] = yaml.safe_load((FOLDER / 'media.yaml').read_text(encoding='utf-8'))


def changed(path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD))
    *way, last = path.split('.')
    place: Any = document
    for part in way:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / 'policies'))


def test_every_key_of_the_schema_has_a_description_and_an_example() -> None:
    for section in (Policy, Schedule, Source, Verification):
        for name, field in section.model_fields.items():
            assert field.description, f'{section.__name__}.{name}'
            assert field.examples, f'{section.__name__}.{name}'


def test_every_clause_that_a_policy_names_is_in_the_catalogue_and_the_clauses_on_backup_are_named() -> None:
    known = {clause.id for clause in load_catalogue().clauses()}
    named = {clause for each in POLICIES for clause in each.clauses}
    assert named <= known
    assert {
        '22239-8.1.4.9-a', '22239-8.1.4.9-b', '22239-8.1.10.11-a', '22239-8.1.10.11-b', '22239-8.1.10.11-c',
        'cosha-7.2', 'jiangxi-15',
    } <= named  # fmt: skip


def test_the_archive_is_kept_six_years_and_the_records_half_a_year() -> None:
    assert horizon_days(policy('archive').keep.retention()) >= 2192
    assert horizon_days(policy('records').keep.retention()) >= 180


def test_face_evidence_is_planned_never_covered_and_has_a_key_of_its_own() -> None:
    face = policy('face-evidence')
    assert face.planned is not None
    assert face.own_key
    assert not [each for each in POLICIES if each is not face and each.repository == face.repository]


@pytest.mark.parametrize(
    ('path', 'value', 'said'),
    [
        ('colour', 'red', 'media.yaml: colour: is an unknown key'),
        ('title.zh', None, 'media.yaml: title.zh: is missing'),
        ('schedule.incremental', 'Someday 10:00', "'Someday' is no day of the week"),
        ('schedule.incremental', '*-02-30 10:00', 'is never true'),
        ('schedule.copy_offsite', None, 'copy_offsite is missing'),
        ('schedule.persistent', False, 'schedule.persistent'),
        ('recovery_point_seconds', 3600, 'with this schedule up to 14640 s are lost'),
        ('places', ['local'], 'both places'),
        ('keep', {'retention_class': 'logs', 'daily': 90}, 'keeps 90 days; logs needs 180'),
        ('keep', {'retention_class': 'face-evidence', 'monthly': 2}, 'face-evidence allows 30'),
        ('verification.restore', '*-*-01 04:00', 'restore runs every'),
        ('verification.planting', 'monthly', 'planting runs every'),
        ('verification.stolen', '*-01-03 04:40:00', 'stolen runs every 365 days; it has to be every 31 at least'),
        ('verification.stolen', 'Someday', "'Someday'"),
        ('engine', 'pgbackrest', 'sources.0 has no stanza'),
        ('real_time', {'way': 'write-ahead-log', 'lag_seconds': 1}, 'does not follow changes'),
        ('sources.0.paths', ['../etc'], 'is no plain path'),
        ('sources.0.paths', ['/'], 'is no plain path'),
        ('sources.0.paths', ['home'], 'neither begins with /'),
        ('sources.0.paths', ['var/x'], 'machine of the operator'),
        ('sources.0.stanza', 'x', 'has paths and stanza'),
        ('sources.0.prepare', ['etcdctl'], 'named by its whole path'),
        ('name', 'other', 'media.yaml: name: is other; the file is media.yaml'),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused_with_its_path(folder: Path, path: str, value: Any, said: str) -> None:
    (folder / 'media.yaml').write_text(yaml.safe_dump(changed(path, value), allow_unicode=True), encoding='utf-8')
    with pytest.raises(InvalidFile) as refused:
        load_policies(folder)
    assert said in str(refused.value)


def test_a_drill_of_stolen_credentials_is_for_policies_of_restic_alone(folder: Path) -> None:
    document = {**policy('database').model_dump(mode='json', exclude_none=True)}
    document['verification']['stolen'] = '*-*-03 04:40:00'
    (folder / 'database.yaml').write_text(yaml.safe_dump(document, allow_unicode=True), encoding='utf-8')
    with pytest.raises(InvalidFile, match='pgbackrest has none'):
        load_policies(folder)


def test_all_errors_of_all_files_are_listed_at_once(folder: Path) -> None:
    (folder / 'media.yaml').write_text('name: media\ncolour: red\n', encoding='utf-8')
    (folder / 'etcd.yaml').write_text('[1, 2]\n', encoding='utf-8')
    (folder / 'ledger.yaml').write_text('a: [\n', encoding='utf-8')
    with pytest.raises(InvalidFile) as refused:
        load_policies(folder)
    text = str(refused.value)
    assert 'media.yaml: colour: is an unknown key' in text
    assert 'etcd.yaml: must be a mapping of keys, not list' in text
    assert 'ledger.yaml: is no YAML' in text


def test_a_policy_with_a_key_of_its_own_shares_its_repository_with_no_other(folder: Path) -> None:
    document = changed('repository', 'face-evidence')
    (folder / 'media.yaml').write_text(yaml.safe_dump(document, allow_unicode=True), encoding='utf-8')
    with pytest.raises(InvalidFile, match=r'face-evidence.yaml: repository: face-evidence is used by media too'):
        load_policies(folder)


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='there are no policies'):
        load_policies(tmp_path)


def test_the_horizon_is_the_longest_that_any_count_reaches() -> None:
    assert horizon_days(Retention(daily=31, monthly=75)) == 2250
    assert horizon_days(Retention(weekly=5)) == 28
    assert horizon_days(Retention(yearly=4)) == 1096
    assert horizon_days(Retention(last=5)) == 0


def test_what_is_surely_kept_is_said_in_years_or_days() -> None:
    assert {each.name: kept_for(each.keep.retention(), 'en') for each in POLICIES} == {
        'archive': '6 years', 'database': '28 days', 'etcd': '92 days', 'face-evidence': '28 days',
        'ledger': '3 years', 'media': '91 days', 'platform': '332 days', 'records': '184 days',
    }  # fmt: skip
    assert kept_for(policy('archive').keep.retention(), 'zh') == '6 年'
    assert kept_for(policy('media').keep.retention(), 'zh') == '91 天'


@pytest.mark.parametrize('name', sorted(BOUNDS))
def test_every_class_refuses_a_retention_of_nothing(name: Any) -> None:
    assert breach(name, Retention()) is not None
