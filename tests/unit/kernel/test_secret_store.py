"""Secrets: made once, their owner's alone, and never replaced."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from anlan.errors import AnlanError
from anlan.secret_store import NAMES, ensure_secrets


def test_every_secret_is_made_long_and_different_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    made = ensure_secrets(file)
    assert set(made) == set(NAMES)
    assert len(set(made.values())) == len(NAMES)
    assert min(map(len, made.values())) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == made


def test_two_platforms_have_nothing_in_common(tmp_path: Path) -> None:
    first, second = ensure_secrets(tmp_path / 'a'), ensure_secrets(tmp_path / 'b')
    assert not set(first.values()) & set(second.values())


def test_secrets_that_exist_are_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    made = ensure_secrets(file)
    before = file.stat()
    assert ensure_secrets(file) == made
    assert file.stat().st_ino == before.st_ino


def test_a_new_secret_is_added_beside_those_that_exist(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    file.write_text(json.dumps({'valkey_password': 'as it was', 'of_a_later_version': 'kept'}))
    made = ensure_secrets(file)
    assert made['valkey_password'] == 'as it was'
    assert set(made) == {*NAMES, 'of_a_later_version'}
    assert json.loads(file.read_text()) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize('content', [b'', b'{"valkey_password": ', b'\xff\xfe', b'[]', b'null', b'"text"'])
def test_a_file_that_holds_no_secrets_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / 'secrets.json'
    file.write_bytes(content)
    with pytest.raises(AnlanError, match='put it back from a backup'):
        ensure_secrets(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'secrets.json').mkdir()
    with pytest.raises(AnlanError, match='cannot be read'):
        ensure_secrets(tmp_path / 'secrets.json')


def test_no_secret_is_said_when_the_file_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    file.write_text('{"valkey_password": "very-secret", }')
    with pytest.raises(AnlanError) as raised:
        ensure_secrets(file)
    assert 'very-secret' not in str(raised.value)
