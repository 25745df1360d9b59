"""A manifest sees what came back otherwise than it went in, and what is no manifest."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.manifest import SETTLED_SECONDS, compare, files_below, manifest_of, read_manifest

OLD = time.time() - 10 * SETTLED_SECONDS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / 'source'
    for number in range(20):
        file = folder / f'course-{number % 4}' / f'part-{number}.ts'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(100 + number))
        os.utime(file, (OLD, OLD))
    return folder


def restored(source: Path, tmp_path: Path) -> Path:
    root = tmp_path / 'restored'
    shutil.copytree(source, root / str(source).lstrip('/'))
    return root


def test_what_came_back_as_it_was_has_no_problem_and_was_compared(source: Path, tmp_path: Path) -> None:
    manifest = manifest_of('media', 'app-1', [source], (), datetime.now(UTC))
    assert (manifest.files, len(manifest.samples)) == (20, 20)
    assert compare(read_manifest(manifest.text()), restored(source, tmp_path)) == (20, ())


def test_a_flipped_byte_and_a_missing_file_are_named(source: Path, tmp_path: Path) -> None:
    manifest = manifest_of('media', 'app-1', [source], (), datetime.now(UTC))
    root = restored(source, tmp_path)
    first, second, *_ = sorted((root / str(source).lstrip('/')).rglob('*.ts'))
    content = bytearray(first.read_bytes())
    content[7] ^= 1
    first.write_bytes(content)
    os.utime(first, (OLD, OLD))
    second.unlink()
    checks, problems = compare(manifest, root)
    assert checks == 20
    assert len(problems) == 2
    assert any('is not what it was' in problem for problem in problems)
    assert any('did not come back' in problem for problem in problems)


def test_a_file_that_changes_right_now_is_not_chosen(source: Path) -> None:
    fresh = source / 'course-0' / 'fresh.ts'
    fresh.write_bytes(b'still being written')
    manifest = manifest_of('media', 'app-1', [source], (), datetime.now(UTC))
    assert manifest.files == 21
    assert str(fresh) not in manifest.samples


def test_what_is_left_out_of_a_run_is_left_out_of_its_manifest(source: Path) -> None:
    incoming = source / '.incoming-7' / 'half.ts'
    incoming.parent.mkdir()
    incoming.write_bytes(b'half')
    assert incoming not in set(files_below([source], ['.incoming-*']))
    assert incoming in set(files_below([source], []))


def test_each_manifest_has_a_word_of_its_own(source: Path) -> None:
    words = {manifest_of('media', 'app-1', [source], (), datetime.now(UTC)).word for _ in range(5)}
    assert len(words) == 5


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"version": 2}', '{"version": 1, "samples": {"a": [1]}}'])
def test_what_is_no_manifest_is_said_in_a_sentence(text: str) -> None:
    with pytest.raises(BadInput, match='the manifest of the snapshot is none'):
        read_manifest(text)


def test_a_file_that_was_changed_after_its_choosing_is_left_out_and_if_all_were_that_is_a_problem(
    source: Path, tmp_path: Path
) -> None:
    manifest = manifest_of('media', 'app-1', [source], (), datetime.now(UTC))
    root = restored(source, tmp_path)
    files = sorted((root / str(source).lstrip('/')).rglob('*.ts'))
    files[0].write_bytes(b'changed later')
    assert compare(manifest, root) == (19, ())
    for file in files:
        file.write_bytes(b'changed later')
    assert compare(manifest, root) == (0, ('not one of 20 files could be compared: all were changed',))


def test_what_a_run_has_just_made_is_compared_however_young_it_is(tmp_path: Path) -> None:
    root, file = tmp_path / 'root', tmp_path / 'made.jsonl'
    file.write_text('all of it')
    now = datetime.now(UTC)
    assert manifest_of('archive', 'db-1', [file], [], now).samples == {}
    made = manifest_of('archive', 'db-1', [file], [], now, made=[file])
    restored = root / str(file).lstrip('/')
    restored.parent.mkdir(parents=True)
    shutil.copy2(file, restored)
    assert compare(made, root) == (1, ())
    restored.write_text('half of i')
    os.utime(restored, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    assert compare(made, root)[1] == (f'{file} is not what it was: 9 bytes, then 9',)
