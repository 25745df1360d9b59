"""Secrets: made once, their owner's alone, and never replaced unless they are rotated; then the hosts keep up."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.errors import AnlanError, BadInput
from anlan.secret_rotation import advance, under_way
from anlan.secret_store import (
    NAMES,
    deployed_secret,
    ensure_secrets,
    kept,
    read_all,
    read_secret,
    rotate_secret,
    write_all,
)

KEY, BEFORE = 'media_signing_key', 'media_signing_key_previous'
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OVERLAP_SECONDS = 600.0


def note_rotation_at_hosts(file: Path, name: str, overlap_seconds: float, now: datetime | None = None) -> None:
    """Note what `anlan up` notes when every host has what the file holds."""
    advance(file, under_way(file, [name], now), {name: overlap_seconds}, now)


def test_every_secret_is_made_long_and_different_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json.age'
    made = ensure_secrets(file)
    assert set(made) == set(NAMES)
    assert len(set(made.values())) == len(NAMES)
    assert min(map(len, made.values())) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_all(file) == made


def test_two_platforms_have_nothing_in_common(tmp_path: Path) -> None:
    first, second = ensure_secrets(tmp_path / 'a'), ensure_secrets(tmp_path / 'b')
    assert not set(first.values()) & set(second.values())


def test_secrets_that_exist_are_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json.age'
    made = ensure_secrets(file)
    before = file.stat()
    assert ensure_secrets(file) == made
    assert file.stat().st_ino == before.st_ino


def test_a_new_secret_is_added_beside_those_that_exist(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json.age'
    kept(file).plain.write_text(json.dumps({'valkey_password': 'as it was', 'of_a_later_version': 'kept'}))
    made = ensure_secrets(file)
    assert made['valkey_password'] == 'as it was'
    assert set(made) == {*NAMES, 'of_a_later_version'}
    assert read_all(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize('content', [b'', b'{"valkey_password": ', b'\xff\xfe', b'[]', b'null', b'"text"'])
def test_a_file_that_holds_no_secrets_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / 'secrets.json'
    file.write_bytes(content)
    with pytest.raises(AnlanError, match='put it back from a backup'):
        ensure_secrets(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'secrets.json.age').mkdir()
    with pytest.raises(AnlanError, match='cannot be read'):
        ensure_secrets(tmp_path / 'secrets.json.age')


def test_no_secret_is_said_when_the_file_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    file.write_text('{"valkey_password": "very-secret", }')
    with pytest.raises(AnlanError) as raised:
        ensure_secrets(file)
    assert 'very-secret' not in str(raised.value)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    ensure_secrets(tmp_path / 'secrets.json.age')
    return tmp_path / 'secrets.json.age'


@pytest.fixture
def deployed(file: Path) -> str:
    """Give the key that every host has."""
    return read_secret(file, KEY)


def test_a_rotated_key_counts_beside_the_new_one_until_the_addresses_by_it_have_ended(
    file: Path, deployed: str
) -> None:
    rotate_secret(file, KEY, now=NOW)
    # However long the way to the hosts is: addresses are signed with it until then.
    assert ensure_secrets(file, later(1e6))[BEFORE] == deployed
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    assert ensure_secrets(file, later(OVERLAP_SECONDS - 1))[BEFORE] == deployed
    over = ensure_secrets(file, later(OVERLAP_SECONDS))
    assert BEFORE not in over
    assert over[KEY] == read_secret(file, KEY) != deployed


def test_an_up_after_that_does_not_begin_the_time_anew_and_forgets_the_key(file: Path, deployed: str) -> None:
    rotate_secret(file, KEY, now=NOW)
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, later(300))
    assert deployed in read_all(file).values()
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, later(OVERLAP_SECONDS))
    assert deployed not in read_all(file).values()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_rotation_before_the_first_is_at_the_hosts_is_refused(file: Path, deployed: str) -> None:
    rotate_secret(file, KEY, now=NOW)
    before = file.read_bytes()
    with pytest.raises(BadInput, match=r'2026-11-25T12:00:00.* is not at the hosts yet; run `anlan up` first'):
        rotate_secret(file, KEY, now=later(5))
    assert file.read_bytes() == before
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    second = read_secret(file, KEY)
    rotate_secret(file, KEY, now=later(5))
    assert ensure_secrets(file, later(10))[BEFORE] == second


def test_what_every_host_has_is_the_key_before_until_the_new_one_was_brought(file: Path, deployed: str) -> None:
    assert deployed_secret(file, KEY) == deployed
    rotate_secret(file, KEY, now=NOW)
    assert deployed_secret(file, KEY) == deployed
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    assert deployed_secret(file, KEY) == read_secret(file, KEY) != deployed


def test_a_revoked_key_counts_no_more_and_no_host_has_the_new_one(file: Path, deployed: str) -> None:
    rotate_secret(file, KEY, revoke=True, now=NOW)
    assert BEFORE not in ensure_secrets(file, NOW)
    assert deployed not in read_all(file).values()
    with pytest.raises(BadInput, match='run `anlan up`'):
        deployed_secret(file, KEY)
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    assert deployed_secret(file, KEY) == read_secret(file, KEY) != deployed


def test_a_key_may_be_revoked_in_the_middle_of_a_rotation_and_in_its_overlap(file: Path, deployed: str) -> None:
    rotate_secret(file, KEY, now=NOW)
    rotate_secret(file, KEY, revoke=True, now=NOW)
    assert deployed not in read_all(file).values()
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    second = read_secret(file, KEY)
    rotate_secret(file, KEY, now=NOW)
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    rotate_secret(file, KEY, revoke=True, now=NOW)
    assert second not in read_all(file).values()


def test_a_file_of_an_earlier_version_gives_the_key_before_an_end_at_the_next_up(file: Path) -> None:
    write_all(file, ensure_secrets(file) | {BEFORE: 'the-one-before'})
    assert ensure_secrets(file, NOW)[BEFORE] == 'the-one-before'
    assert deployed_secret(file, KEY) == 'the-one-before'
    with pytest.raises(BadInput, match='of an earlier version'):
        rotate_secret(file, KEY)
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    assert BEFORE not in ensure_secrets(file, later(OVERLAP_SECONDS))


def test_without_a_rotation_an_up_notes_nothing(file: Path) -> None:
    before = file.stat().st_ino
    note_rotation_at_hosts(file, KEY, OVERLAP_SECONDS, NOW)
    assert file.stat().st_ino == before


@pytest.mark.parametrize('until', ['', 'soon', '2026-11-25T12:00:00'])
def test_an_end_that_is_no_time_is_refused(file: Path, until: str) -> None:
    write_all(file, ensure_secrets(file) | {f'{KEY}_overlap_until': until})
    with pytest.raises(AnlanError, match='is no time'):
        ensure_secrets(file)


def test_a_damaged_file_is_not_rotated(tmp_path: Path) -> None:
    (tmp_path / 'secrets.json').write_text('{"media_signing_key": "x", ')
    with pytest.raises(AnlanError, match='put it back from a backup'):
        rotate_secret(tmp_path / 'secrets.json', KEY)
