from __future__ import annotations

import json
import shutil
import tarfile

import pytest

from app_stack.release import build, identity, media
from app_stack.release.build import build_release
from app_stack.release.files import write_tar
from app_stack.release.identity import SOURCE, release_id
from app_stack.release.model import Media, PackingFailed, load_courses


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Give a copy of the source, and no need for ffmpeg."""
    monkeypatch.setattr(media, 'encoder_version', lambda: 'ffmpeg version 5')
    copied = tmp_path / 'source'
    shutil.copytree(SOURCE, copied, ignore=shutil.ignore_patterns('__pycache__'))
    return copied


def test_the_id_is_stable_and_ignores_compiled_files(source):
    first = release_id(source)
    (source / 'learning/__pycache__').mkdir()
    (source / 'learning/__pycache__/x.pyc').touch()
    assert release_id(source) == first == release_id(source)


@pytest.mark.parametrize('name', [
    'learning/urls.py', 'learning/static/anlan.css', 'requirements.txt', 'pyproject.toml', 'release/media.py',
])  # fmt: skip
def test_the_id_changes_with_a_file(source, name):
    before = release_id(source)
    with (source / name).open('a') as file:
        file.write('\n')
    assert release_id(source) != before


def test_the_id_changes_with_a_recipe_and_with_the_encoder(source, monkeypatch):
    before = release_id(source)
    monkeypatch.setattr(media, 'encoder_version', lambda: 'ffmpeg version 7')
    assert release_id(source) != before


def test_there_are_three_courses_with_two_lessons_each_and_a_restricted_one():
    courses = load_courses()
    assert [len(course.lessons) for course in courses] == [2, 2, 2, 1]
    assert [course.slug for course in courses if course.restricted] == ['accident-reviews']
    keys = [lesson.key for course in courses for lesson in course.lessons]
    assert len(set(keys)) == 7
    assert all(8 <= lesson.duration_seconds <= 60 for course in courses for lesson in course.lessons)


def test_a_tar_depends_on_nothing_but_names_and_contents(tmp_path):
    for name in ('a', 'b'):
        (tmp_path / name / 'inner').mkdir(parents=True)
        (tmp_path / name / 'inner' / 'file').write_text('same')
    (tmp_path / 'b/inner/file').touch()
    write_tar(tmp_path / 'a', tmp_path / 'a.tar')
    write_tar(tmp_path / 'b', tmp_path / 'b.tar')
    assert (tmp_path / 'a.tar').read_bytes() == (tmp_path / 'b.tar').read_bytes()


@pytest.fixture
def fake_tools(monkeypatch, tmp_path):
    """Give a build whose slow parts are a few bytes; count how often it really builds."""
    builds = []

    def wheels(cache, report):
        builds.append(1)
        (cache / 'wheels').mkdir(exist_ok=True)
        return cache / 'wheels'

    def application(target, cache):
        (target / 'anlan_learning-1-py3-none-any.whl').write_text('wheel')

    def ladder(lesson, cache, report):
        folder = cache / lesson.key
        folder.mkdir(exist_ok=True)
        (folder / 'ladder.json').write_text('{}')
        return Media(lesson.key, 'a' * 64, 8.0), folder

    monkeypatch.setattr(media, 'encoder_version', lambda: 'ffmpeg version 5')
    monkeypatch.setattr(build, 'locked_wheels', wheels)
    monkeypatch.setattr(build, 'application_wheel', application)
    monkeypatch.setattr(build, 'make_ladder', ladder)
    monkeypatch.setattr(build, 'collect_statics', lambda wheels, own, target, cache, report: target.mkdir())
    return builds


def test_an_unchanged_source_is_not_built_again(tmp_path, fake_tools):
    first = build_release(tmp_path / 'out', tmp_path / 'cache', lambda text: None)
    again = build_release(tmp_path / 'out', tmp_path / 'cache', lambda text: None)
    assert first == again
    assert len(fake_tools) == 1
    with tarfile.open(first.path) as tar:
        manifest = json.load(tar.extractfile('manifest.json'))
    assert manifest['id'] == first.id == identity.release_id()


def test_a_damaged_archive_is_built_again(tmp_path, fake_tools):
    first = build_release(tmp_path / 'out', tmp_path / 'cache', lambda text: None)
    with first.path.open('r+b') as file:
        file.write(b'x')
    assert build_release(tmp_path / 'out', tmp_path / 'cache', lambda text: None).sha256 == first.sha256
    assert len(fake_tools) == 2


def test_a_build_that_is_cut_off_leaves_nothing_that_looks_like_a_release(tmp_path, fake_tools, monkeypatch):
    def interrupted(folder, archive):
        archive.write_bytes(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(build, 'write_tar', interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_release(tmp_path / 'out', tmp_path / 'cache', lambda text: None)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['.lock']


def test_a_file_of_courses_without_a_title_is_refused(tmp_path):
    (tmp_path / 'courses.json').write_text('[{"slug": "a", "lessons": [], "colours": []}]')
    with pytest.raises(PackingFailed, match='title_zh'):
        load_courses(tmp_path / 'courses.json')
