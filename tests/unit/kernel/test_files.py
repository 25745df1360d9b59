"""Writing files: the old one or the new one, never half of one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from anlan.files import write_atomically, write_json


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_file_is_written_with_its_content_and_mode(tmp_path: Path) -> None:
    write_atomically(tmp_path / 'text', 'ä\n')
    write_atomically(tmp_path / 'bytes', b'\x00\xff', 0o644)
    assert (tmp_path / 'text').read_bytes() == b'\xc3\xa4\n'
    assert (tmp_path / 'bytes').read_bytes() == b'\x00\xff'
    assert (mode(tmp_path / 'text'), mode(tmp_path / 'bytes')) == (0o600, 0o644)


def test_an_open_file_becomes_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / 'secret'
    file.touch(0o644)
    write_atomically(file, 'secret')
    assert mode(file) == 0o600


@pytest.mark.parametrize('interruption', [KeyboardInterrupt, OSError(28, 'No space left on device')])
@pytest.mark.parametrize('moment', ['fsync', 'replace'])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, interruption: BaseException | type[BaseException]
) -> None:
    file = tmp_path / 'file'
    file.write_text('old')

    def interrupt(*arguments: object) -> None:
        raise interruption

    monkeypatch.setattr(*((os, 'fsync') if moment == 'fsync' else (Path, 'replace')), interrupt)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write_atomically(file, 'new')
    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_the_new_file_is_whole_before_it_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / 'file'
    file.write_text('old')
    seen: list[tuple[str, str, int]] = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append((target.read_text(), self.read_text(), mode(self)))
        return replace(self, target)

    monkeypatch.setattr(Path, 'replace', look)
    write_atomically(file, 'new', 0o640)
    assert seen == [('old', 'new', 0o640)]
    assert file.read_text() == 'new'


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / 'none' / 'file', 'text')


def test_json_is_sorted_readable_and_ends_with_a_line_end(tmp_path: Path) -> None:
    write_json(tmp_path / 'file', {'b': 1, 'a': '安澜'})
    text = (tmp_path / 'file').read_text(encoding='utf-8')
    assert text == '{\n  "a": "安澜",\n  "b": 1\n}\n'
    assert json.loads(text) == {'a': '安澜', 'b': 1}


def test_what_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / 'file'
    write_json(file, {'good': True})
    with pytest.raises(TypeError):
        write_json(file, {'bad': object()})
    assert json.loads(file.read_text()) == {'good': True}
