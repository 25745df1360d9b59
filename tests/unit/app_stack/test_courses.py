from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from learning.courses.models import Lesson


@pytest.fixture
def published(tmp_path, database):
    """Give a manifest with one lesson, and its ladder on disk."""
    content = b'#EXTM3U\n'
    listed = json.dumps({'files': {'master.m3u8': hashlib.sha256(content).hexdigest()}}).encode()
    sha256 = hashlib.sha256(listed).hexdigest()
    (tmp_path / sha256).mkdir()
    (tmp_path / sha256 / 'ladder.json').write_bytes(listed)
    (tmp_path / sha256 / 'master.m3u8').write_bytes(content)
    words = {'title_zh': '高处作业', 'title_en': 'Height'}
    lesson = {'key': 'one', 'duration_seconds': 8.0, 'media_sha256': sha256, **words}
    course = {'slug': 'height', 'summary_zh': '', 'summary_en': '', 'lessons': [lesson], **words}
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(json.dumps({'courses': [course]}))
    with override_settings(MEDIA_ROOT=tmp_path):
        yield manifest, tmp_path / sha256


def test_verified_media_are_published_and_a_second_run_changes_nothing(published, capsys):
    manifest, _ = published
    call_command('publish_courses', str(manifest))
    call_command('publish_courses', str(manifest))
    assert capsys.readouterr().out.splitlines() == ['changed 2, shown 1, refused 0', 'changed 0, shown 1, refused 0']


def test_a_lesson_whose_media_are_damaged_is_not_shown(published):
    manifest, ladder = published
    call_command('publish_courses', str(manifest))
    (ladder / 'master.m3u8').write_bytes(b'#EXTM3V\n')
    with pytest.raises(CommandError, match=r'one: master\.m3u8 does not match its hash'):
        call_command('publish_courses', str(manifest))
    assert not Lesson.objects.get().published
    assert Client().get('/api/courses/').json() == {'courses': []}


def test_a_lesson_that_a_release_no_longer_has_is_hidden_not_deleted(published):
    manifest, _ = published
    call_command('publish_courses', str(manifest))
    manifest.write_text('{"courses": []}')
    call_command('publish_courses', str(manifest))
    assert not Lesson.objects.get().published


def test_the_api_lists_lessons_with_their_playlists(course):
    lessons = Client().get('/api/courses/').json()['courses'][0]['lessons']
    assert lessons[0]['playlist'] == f'/media/{"1" * 64}/master.m3u8'
    assert lessons[0]['title_zh'] == '第1课'


def test_pages_are_chinese_unless_english_is_asked_for(client, course):
    assert '安全培训课程' in client.get('/courses/').content.decode()
    assert 'Safety training' in client.get('/courses/', headers={'accept-language': 'en'}).content.decode()
    client.post('/language/', {'language': 'en', 'next': '/courses/'})
    assert 'Log out' in client.get('/courses/').content.decode()


def test_the_lesson_page_has_a_player_that_knows_where_to_save(client, course):
    lesson = course.lessons.first()
    page = client.get(f'/lessons/{lesson.id}/')
    assert f'data-progress="/api/lessons/{lesson.id}/progress/"' in page.content.decode()
    assert page.headers['Cache-Control'] == 'private, no-cache'
    assert Client().get(f'/lessons/{lesson.id}/').headers['Location'].startswith('/accounts/login/')


def test_the_course_page_shows_how_far_the_learner_is(client, course):
    assert client.get('/courses/height/').status_code == 200
    assert client.get('/courses/absent/').status_code == 404


@pytest.mark.parametrize(
    ('words', 'found'),
    [
        ('高处', True),
        ('HEIGHT', True),
        ('高处 height', True),
        ('  ', True),
        ('电焊', False),
        ('高处 welding', False),
        ("%' or 1=1", False),
    ],
)
def test_a_search_finds_courses_that_have_all_its_words(published, words, found):
    call_command('publish_courses', str(published[0]))
    answer = Client().get('/search/', {'q': words})
    assert answer.status_code == 200
    assert ('/courses/height/' in answer.content.decode()) == found


def test_what_was_searched_for_is_shown_again_and_is_no_markup(published):
    page = Client().get('/search/', {'q': '"><script>'}).content.decode()
    assert '<script>' not in page
    assert '&quot;&gt;&lt;script&gt;' in page


def test_a_lesson_that_is_hidden_is_not_found(published):
    manifest, _ = published
    call_command('publish_courses', str(manifest))
    Lesson.objects.update(published=False)
    assert '/courses/height/' not in Client().get('/search/', {'q': 'height'}).content.decode()
