"""What is handed over replaces what was there as a whole, or not at all."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from anlan.cli.handing_over import packed
from backup.failure import BackupFailed, ExitClass
from backup.incoming import receive


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    folder = tmp_path / 'platform'
    (folder / 'ledger').mkdir(parents=True)
    (folder / 'ledger' / 'records.jsonl').write_text('{}\n')
    (folder / 'secrets.json.age').write_bytes(b'age-encryption.org/v1')
    (folder / 'run').mkdir()
    (folder / 'run' / 'variables.json').write_text('in plain text')
    (folder / 'lock').touch()
    (folder / 'link').symlink_to('/etc/shadow')
    return folder


def test_what_is_handed_over_is_there_without_locks_links_and_what_only_a_run_needs(
    platform: Path, tmp_path: Path
) -> None:
    incoming = tmp_path / 'incoming'
    assert receive(io.BytesIO(packed(platform)), incoming) == 2
    found = sorted(str(each.relative_to(incoming)) for each in incoming.rglob('*') if each.is_file())
    assert found == ['var/ledger/records.jsonl', 'var/secrets.json.age']


def test_a_second_one_replaces_the_first(platform: Path, tmp_path: Path) -> None:
    incoming = tmp_path / 'incoming'
    receive(io.BytesIO(packed(platform)), incoming)
    (platform / 'secrets.json.age').unlink()
    assert receive(io.BytesIO(packed(platform)), incoming) == 1
    assert [each.name for each in incoming.iterdir()] == ['var']


@pytest.mark.parametrize('content', [b'', b'no tar file', b'cut'])
def test_what_is_not_whole_leaves_what_was_there(platform: Path, tmp_path: Path, content: bytes) -> None:
    incoming, whole = tmp_path / 'incoming', packed(platform)
    receive(io.BytesIO(whole), incoming)
    with pytest.raises(BackupFailed) as failed:
        receive(io.BytesIO(whole[: len(whole) // 2] if content == b'cut' else content), incoming)
    assert failed.value.exit_class in {ExitClass.INCOMPLETE, ExitClass.NO_SOURCE}
    assert (incoming / 'var' / 'secrets.json.age').exists()
    assert [each.name for each in incoming.iterdir()] == ['var']


def test_a_tar_file_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz') as archive:
        entry = tarfile.TarInfo('../outside')
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b'evil'))
    stream.seek(0)
    with pytest.raises(BackupFailed):
        receive(stream, tmp_path / 'incoming')
    assert not (tmp_path / 'outside').exists()


@pytest.mark.parametrize('place', [-5, -30, -200])
def test_a_byte_changed_or_missing_at_the_end_is_seen(platform: Path, tmp_path: Path, place: int) -> None:
    incoming = tmp_path / 'incoming'
    (platform / 'noise').write_bytes(bytes(range(256)) * 40)
    whole = packed(platform)
    receive(io.BytesIO(whole), incoming)
    changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    for content in (changed, whole[:place]):
        with pytest.raises(BackupFailed, match='not whole'):
            receive(io.BytesIO(content), incoming)
    assert [each.name for each in incoming.iterdir()] == ['var']
    assert (incoming / 'var' / 'secrets.json.age').exists()


def test_two_at_once_do_not_mix(platform: Path, tmp_path: Path) -> None:
    incoming = tmp_path / 'incoming'
    content = io.BytesIO(packed(platform))

    class Meanwhile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            with pytest.raises(BackupFailed, match='something else is being handed over'):
                receive(io.BytesIO(packed(platform)), incoming)
            return content.read(-1 if size is None else size)

    assert receive(Meanwhile(), incoming) == 2


def test_what_was_there_before_a_kill_between_two_renames_comes_back(platform: Path, tmp_path: Path) -> None:
    incoming = tmp_path / 'incoming'
    receive(io.BytesIO(packed(platform)), incoming)
    (incoming / 'var').rename(incoming / '.var-old')
    with pytest.raises(BackupFailed):
        receive(io.BytesIO(b'cut'), incoming)
    assert (incoming / 'var' / 'secrets.json.age').exists()


def test_a_link_in_place_of_the_folder_is_refused_and_stands_in_nobodys_way(platform: Path, tmp_path: Path) -> None:
    incoming, stream = tmp_path / 'incoming', io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz') as archive:
        link = tarfile.TarInfo('var')
        link.type, link.linkname = tarfile.SYMTYPE, '.'
        archive.addfile(link)
    stream.seek(0)
    with pytest.raises(BackupFailed):
        receive(stream, incoming)
    (incoming / '.var-old').symlink_to('.')
    assert receive(io.BytesIO(packed(platform)), incoming) == 2
