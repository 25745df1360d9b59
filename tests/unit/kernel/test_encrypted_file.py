"""What is encrypted at rest: opened by its key alone; every damage is one sentence; a plain one is taken over."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest

from anlan import encrypted_file, secret_key
from anlan.encrypted_file import EncryptedFile, overwrite
from anlan.errors import AnlanError, BadInput
from anlan.secret_key import VARIABLE, discard_key, ensure_key, key_file, key_folder, read_key, read_recipients
from anlan.secret_store import ensure_secrets, read_all, without_notes, write_all

CONTENT = b'a secret that nobody is to see'


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a platform, with the user's configuration elsewhere."""
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'configuration'))
    home = tmp_path / 'var' / 'lab'
    home.mkdir(parents=True, mode=0o700)
    return home


@pytest.fixture
def kept(home: Path) -> EncryptedFile:
    made = EncryptedFile(home / 'certificates' / 'ca.key', home)
    made.write(CONTENT)
    return made


def own_key(home: Path) -> Path:
    return key_file(home, read_recipients(home)[0])


def test_what_is_written_is_read_and_stands_nowhere_in_plain(home: Path, kept: EncryptedFile) -> None:
    assert kept.read() == CONTENT
    assert not [file for file in home.rglob('*') if file.is_file() and CONTENT in file.read_bytes()]


def test_the_key_is_outside_of_the_platforms_folder_and_its_owners_alone(home: Path, kept: EncryptedFile) -> None:
    key = own_key(home)
    assert not key.is_relative_to(home)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (key, key.parent, kept.file)] == [0o600, 0o700, 0o600]
    assert str(read_key(home)).count('AGE-SECRET-KEY') == repr(read_key(home)).count('AGE-SECRET-KEY') == 0


def test_a_copy_of_the_folder_alone_opens_nothing_and_says_which_key_it_needs(home: Path, kept: EncryptedFile) -> None:
    key = own_key(home)
    key.rename(key.with_suffix('.elsewhere'))
    with pytest.raises(BadInput, match=r'is not there; put .* back from where you keep it, or name the file') as said:
        kept.read()
    assert str(key) in str(said.value)
    with pytest.raises(BadInput):
        kept.write(b'another')


def test_the_key_that_was_kept_elsewhere_opens_it(
    home: Path, kept: EncryptedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = own_key(home).rename(tmp_path / 'moved.key')
    monkeypatch.setenv(VARIABLE, str(moved))
    assert kept.read() == CONTENT


def test_another_key_is_refused_and_so_is_another_key_in_the_files_place(
    home: Path, kept: EncryptedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / 'other.key'
    other.write_text(f'{pyrage.x25519.Identity.generate()}\n')
    other.chmod(0o600)
    own_key(home).write_bytes(other.read_bytes())
    with pytest.raises(BadInput, match=r'is not opened by the key in .*: it was encrypted for another one'):
        kept.read()
    monkeypatch.setenv(VARIABLE, str(other))
    with pytest.raises(BadInput, match='is none of those that open the secrets of') as said:
        kept.read()
    assert read_recipients(home)[0] in str(said.value)


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('', 'holds no key'),
        ('# a comment\n', 'holds no key'),
        ('AGE-SECRET-KEY-1NONSENSE\n', 'no key of age that can be read'),
    ],
)
def test_a_key_file_that_is_damaged_is_one_sentence(home: Path, kept: EncryptedFile, content: str, said: str) -> None:
    own_key(home).write_text(content)
    with pytest.raises(BadInput, match=said):
        kept.read()


def test_a_key_that_others_can_read_is_refused(home: Path, kept: EncryptedFile) -> None:
    own_key(home).chmod(0o640)
    with pytest.raises(BadInput, match='can be read by others'):
        kept.read()


def test_a_file_of_a_key_that_is_not_there_is_bad_input(
    home: Path, kept: EncryptedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, '/nowhere/key')
    with pytest.raises(BadInput, match='cannot be read from /nowhere/key'):
        kept.read()


def test_every_flipped_byte_and_every_cut_is_refused(kept: EncryptedFile) -> None:
    whole = kept.file.read_bytes()
    for place in range(len(whole)):
        kept.file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(AnlanError, match=r'put|use a newer one'):
            kept.read()
    for length in range(len(whole)):
        kept.file.write_bytes(whole[:length])
        with pytest.raises(AnlanError, match='put it back from a backup'):
            kept.read()


@pytest.mark.parametrize('content', [b'', b'{"valkey_password": "x"}', b'-----BEGIN ' + b'PRIVATE KEY-----\n'])
def test_what_is_not_encrypted_is_not_taken_for_it(kept: EncryptedFile, content: bytes) -> None:
    kept.file.write_bytes(content)
    with pytest.raises(AnlanError, match='no encrypted file'):
        kept.read()


def test_another_version_of_the_format_or_of_the_secrets_is_named(home: Path, kept: EncryptedFile) -> None:
    kept.file.write_bytes(kept.file.read_bytes().replace(b'/v1\n', b'/v2\n', 1))
    with pytest.raises(AnlanError, match='encrypted in version v2 of age, this program knows v1'):
        kept.read()
    EncryptedFile(home / 'secrets.json', home).write(json.dumps({'version': 2, 'secrets': {}}).encode())
    with pytest.raises(AnlanError, match='was written by another version of Anlan'):
        read_all(home / 'secrets.json.age')


def test_encrypted_files_whose_recipients_are_lost_get_no_new_key(home: Path, kept: EncryptedFile) -> None:
    (home / 'recipients').unlink()
    for work in (kept.read, lambda: ensure_key(home)):
        with pytest.raises(AnlanError, match='recipients is gone; put it back'):
            work()


@pytest.mark.parametrize('content', ['', '# nobody\n', 'age1nonsense\n', 'ssh-ed25519 AAAA\n'])
def test_recipients_that_name_nobody_or_nonsense_are_refused(home: Path, kept: EncryptedFile, content: str) -> None:
    (home / 'recipients').write_text(content)
    with pytest.raises(AnlanError, match='recipients'):
        kept.write(CONTENT)


# --- two checkouts, several recipients, passphrases


def test_two_checkouts_with_a_platform_of_the_same_name_have_a_key_each(home: Path, tmp_path: Path) -> None:
    other = tmp_path / 'another checkout' / 'var' / 'lab'
    for folder in (home, other):
        ensure_secrets(folder / 'secrets.json.age')
    assert len(list(key_folder().iterdir())) == 2
    (other / 'secrets.json.age').unlink()
    assert discard_key(other) != []
    assert read_all(home / 'secrets.json.age')
    assert list(key_folder().iterdir()) == [own_key(home)]


def test_two_that_make_a_key_at_the_same_time_get_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = secret_key._write_once

    def late(file: Path, content: bytes | str) -> bool:
        monkeypatch.setattr(secret_key, '_write_once', once)
        ensure_key(home)  # another process is first
        return once(file, content)

    monkeypatch.setattr(secret_key, '_write_once', late)
    key = ensure_key(home)
    assert key.recipients == read_recipients(home)
    assert list(key_folder().iterdir()) == [own_key(home)]


def test_a_team_opens_it_each_with_a_key_of_their_own(
    home: Path, kept: EncryptedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colleague = pyrage.x25519.Identity.generate()
    with (home / 'recipients').open('a') as stream:
        stream.write(f'\n# of the night shift\n{colleague.to_public()} Li\n')
    kept.write(CONTENT)
    theirs = tmp_path / 'theirs'
    theirs.write_text(str(colleague))
    theirs.chmod(0o400)
    monkeypatch.setenv(VARIABLE, str(theirs))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'elsewhere'))
    assert kept.read() == CONTENT


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a passphrase as systemd hands it to a service."""
    folder = tmp_path / 'credentials'
    folder.mkdir()
    file = folder / 'anlan-secret-key'
    file.write_text('eleven brown foxes\n')
    file.chmod(0o400)
    monkeypatch.setenv('CREDENTIALS_DIRECTORY', str(folder))
    return file


def test_a_passphrase_of_systemd_opens_it_and_no_key_is_written(home: Path, credential: Path) -> None:
    kept = EncryptedFile(home / 'ledger' / 'key.pem', home)
    kept.write(CONTENT)
    assert kept.read() == CONTENT
    assert not key_folder().exists()
    credential.chmod(0o600)
    credential.write_text('eleven brown FOXES\n')
    with pytest.raises(BadInput, match=r'does not open .*identity\.age: it is another one'):
        kept.read()
    credential.write_text('short')
    with pytest.raises(BadInput, match='neither an identity of age nor a passphrase of 16 characters'):
        kept.read()


# --- plain files of earlier versions


@pytest.fixture
def plain(home: Path) -> EncryptedFile:
    made = EncryptedFile(home / 'secrets.json', home)
    made.plain.write_bytes(CONTENT)
    return made


def test_a_plain_file_is_readable_before_it_is_taken_over_and_gone_after(home: Path, plain: EncryptedFile) -> None:
    assert plain.read() == CONTENT and plain.plain.exists()
    plain.take_over()
    assert not plain.plain.exists()
    assert plain.read() == CONTENT
    plain.take_over()


STEPS = ('ensure_key', 'write_atomically', 'sync_folder', 'opened', 'overwrite')


@pytest.mark.parametrize('after', [False, True], ids=['before', 'after'])
@pytest.mark.parametrize('step', STEPS)
def test_killed_at_any_step_it_can_be_read_and_taken_over_again(
    plain: EncryptedFile, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    real: Callable[..., object] = getattr(encrypted_file, step)

    def killed(*words: object) -> None:
        if after:
            real(*words)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(encrypted_file, step, killed)
        with pytest.raises(Killed):
            plain.take_over()
    assert plain.read() == CONTENT
    plain.take_over()
    assert plain.read() == CONTENT and not plain.plain.exists()


@pytest.mark.parametrize('zeros', [1, 10, len(CONTENT)])
def test_killed_while_it_is_overwritten_the_encrypted_one_holds(plain: EncryptedFile, zeros: int) -> None:
    plain.take_over()
    plain.plain.write_bytes(bytes(zeros) + CONTENT[zeros:])
    assert plain.read() == CONTENT
    plain.take_over()
    assert not plain.plain.exists()
    plain.plain.write_bytes(bytes(zeros) + CONTENT[zeros:])
    plain.file.unlink()
    with pytest.raises(AnlanError, match=r'was overwritten and .* is gone'):
        plain.take_over()


def test_a_plain_file_of_another_content_is_not_removed(plain: EncryptedFile) -> None:
    plain.take_over()
    plain.plain.write_bytes(b'of an earlier version that made its own')
    with pytest.raises(AnlanError, match='are both there and differ'):
        plain.take_over()
    assert plain.plain.exists() and plain.read() == CONTENT


def test_a_plain_file_stays_when_what_was_encrypted_cannot_be_opened(
    plain: EncryptedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = encrypted_file.closed
    monkeypatch.setattr(encrypted_file, 'closed', lambda content, recipients: real(content, recipients)[:-1])
    with pytest.raises(AnlanError):
        plain.take_over()
    assert plain.plain.read_bytes() == CONTENT


def test_a_killed_process_leaves_secrets_that_can_be_read(home: Path) -> None:
    """By a real kill, after each time that bytes were brought to the disk; then the same again ends it."""
    file = home / 'secrets.json.age'
    script = (
        'import os, sys, pathlib\nfrom anlan import files\nfrom anlan.secret_store import ensure_secrets\n'
        'left = [int(sys.argv[2])]\nreal = os.fsync\n'
        'def fsync(number):\n    real(number)\n    left[0] -= 1\n    if left[0] < 0: os.kill(os.getpid(), 9)\n'
        'os.fsync = fsync\nensure_secrets(pathlib.Path(sys.argv[1]))\n'
    )
    write_all(file, {})
    wanted = ensure_secrets(file)
    ended = []
    while 0 not in ended:
        for path in (*home.iterdir(), *key_folder().iterdir()):
            path.unlink()
        (home / 'secrets.json').write_text(json.dumps(wanted))
        ended.append(subprocess.run([sys.executable, '-c', script, file, str(len(ended))], check=False).returncode)
        assert read_all(file) == wanted
        assert ensure_secrets(file) == wanted and not (home / 'secrets.json').exists()
    assert ended == [-9] * 8 + [0]


def test_after_it_was_taken_over_no_secret_stands_in_the_folder_and_a_planted_one_is_found(home: Path) -> None:
    known = {'valkey_password': 'p' * 43, 'media_signing_key': 'k' * 43, 'media_signing_key_previous': 'b' * 43}
    (home / 'secrets.json').write_text(json.dumps(known))
    secrets = without_notes(ensure_secrets(home / 'secrets.json.age'))

    def found() -> set[str]:
        files = [file for file in home.rglob('*') if file.is_file()]
        return {name for name, value in secrets.items() for file in files if value.encode() in file.read_bytes()}

    assert secrets.items() >= known.items()
    assert found() == set()
    (home / 'planted').write_text(known['valkey_password'])
    assert found() == {'valkey_password'}


def test_a_plain_file_is_overwritten_before_its_name_goes(tmp_path: Path) -> None:
    file, link = tmp_path / 'plain', tmp_path / 'link'
    file.write_bytes(CONTENT)
    os.link(file, link)
    overwrite(file)
    assert not file.exists() and link.read_bytes() == bytes(len(CONTENT))
