"""The recovery kit opens what lies off-site, and nothing else is needed for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import recovery_kit
from anlan.cli.recovery_kit import kit_of, read_kit, write_kit
from anlan.errors import BadInput
from anlan.paths import PlatformPaths
from anlan.platform.model import Platform
from anlan.secret_store import ensure_secrets
from tests.unit.samples import lab, topology_from


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'configuration'))
    platform = Platform.model_validate(lab())
    paths = PlatformPaths.of(platform.name)
    paths.make()
    paths.certificates.mkdir()
    (paths.certificates / 'ca.crt').write_text('certificate', encoding='ascii')
    ensure_secrets(paths.secrets)
    return kit_of(platform, topology_from(lab()), paths)


def test_it_has_a_password_for_every_repository_off_site_and_the_keys_of_who_only_reads(kit: dict[str, Any]) -> None:
    assert all(each['address'].startswith('s3:https://vault-1.') for each in kit['repositories'])
    assert len({each['password'] for each in kit['repositories']}) == len(kit['repositories']) > 10
    assert ('platform', 'ops-1') in {(each['repository'], each['host']) for each in kit['repositories']}
    assert set(kit['store']['login']) == {'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_DEFAULT_REGION'}
    assert 'writer' not in json.dumps(kit)
    assert kit['identities'][0].startswith('AGE-SECRET-KEY-')


def test_it_says_in_both_languages_what_to_do(kit: dict[str, Any]) -> None:
    assert len(kit['steps']['zh']) == len(kit['steps']['en']) == len(recovery_kit.STEPS_EN)


def test_it_is_written_for_its_owner_alone_and_over_nothing(kit: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / 'kit.json'
    write_kit(file, kit, tmp_path / 'home')
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadInput, match='is there already'):
        write_kit(file, kit, tmp_path / 'home')
    with pytest.raises(BadInput, match='no such folder'):
        write_kit(tmp_path / 'nowhere' / 'kit.json', kit, tmp_path / 'home')


def test_it_does_not_lie_with_what_it_opens(kit: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / 'home'
    home.mkdir()
    (tmp_path / 'link').symlink_to(home)
    for folder in (home, tmp_path / 'link'):
        with pytest.raises(BadInput, match='must not lie with what it opens'):
            write_kit(folder / 'kit.json', kit, home)
    assert list(home.iterdir()) == []


def test_whatever_character_of_it_is_changed_it_is_refused(kit: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / 'kit.json'
    write_kit(file, kit, tmp_path / 'home')
    text = file.read_text(encoding='utf-8')
    read_kit(file)
    for place in range(text.index('"state"') + 12, len(text) - 3, max(1, len(text) // 150)):
        changed = 'x' if text[place] != 'x' else 'y'
        file.write_text(text[:place] + changed + text[place + 1 :], encoding='utf-8')
        with pytest.raises(BadInput):
            read_kit(file)
