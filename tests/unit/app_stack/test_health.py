from __future__ import annotations

import time

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client, override_settings
from learning.health import checks


@pytest.fixture
def media(tmp_path, course):
    for lesson in course.lessons.all():
        (tmp_path / lesson.media_sha256).mkdir()
        (tmp_path / lesson.media_sha256 / 'master.m3u8').touch()
    with override_settings(MEDIA_ROOT=tmp_path):
        yield tmp_path


def fail(error):
    def check():
        raise error

    return check


def ready(**headers):
    return Client(headers=headers).get('/readyz')


def test_everything_well_is_ready(media):
    answer = ready()
    assert answer.status_code == 200
    assert answer.json()['ready'] and not answer.json()['degraded']
    assert set(answer.json()['checks']) == {'database', 'cache', 'migrations', 'media'}


def test_health_checks_need_no_known_host_name(media):
    assert ready(host='198.18.20.2').status_code == 200
    assert Client(headers={'host': 'anything'}).get('/healthz').json() == {'status': 'ok'}


def test_without_a_database_it_is_not_ready_and_says_why_without_the_secret(media, monkeypatch):
    error = OperationalError('connection to "db" as learning:hunter2 failed: Connection refused')
    monkeypatch.setattr(checks, 'CHECKS', dict(checks.CHECKS) | {'database': fail(error)})
    answer = ready()
    assert answer.status_code == 503
    assert answer.headers['Retry-After'] == '2'
    assert answer.json()['checks']['database']['reason'] == 'OperationalError: connection refused'
    assert 'hunter2' not in answer.content.decode()


def test_without_a_cache_it_is_ready_but_degraded(media, monkeypatch):
    monkeypatch.setattr(checks, 'CHECKS', dict(checks.CHECKS) | {'cache': fail(ConnectionError('refused'))})
    answer = ready()
    assert answer.status_code == 200
    assert answer.json()['degraded'] and answer.json()['ready']
    assert not answer.json()['checks']['cache']['ok']


def test_a_check_that_hangs_has_a_deadline(media, monkeypatch):
    monkeypatch.setattr(checks, 'CHECKS', dict(checks.CHECKS) | {'cache': lambda: time.sleep(0.5)})
    started = time.monotonic()
    with override_settings(READINESS_DEADLINE_SECONDS=0.1):
        answer = ready()
    assert time.monotonic() - started < 0.4
    assert 'no answer within' in answer.json()['checks']['cache']['reason']
    time.sleep(0.5)


def test_media_that_are_not_on_this_host_make_it_not_ready(media, course):
    (media / course.lessons.first().media_sha256 / 'master.m3u8').unlink()
    answer = ready()
    assert answer.status_code == 503
    assert answer.json()['checks']['media']['reason'].startswith('1 of 2 published media are missing')


def test_a_pending_migration_makes_it_not_ready(media):
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    checks._migrated.clear()
    MigrationRecorder(connection).record_unapplied('archive', '0001_initial')
    try:
        assert 'archive.0001_initial' in ready().json()['checks']['migrations']['reason']
    finally:
        MigrationRecorder(connection).record_applied('archive', '0001_initial')


def test_a_failing_database_is_503_with_retry_after_for_pages_and_programs(client, monkeypatch):
    def broken(*arguments, **options):
        raise OperationalError('server closed the connection unexpectedly')

    monkeypatch.setattr('learning.courses.views.shown_courses', broken)
    page, program = client.get('/courses/'), client.get('/api/courses/')
    assert (page.status_code, program.status_code) == (503, 503)
    assert page.headers['Retry-After'] == program.headers['Retry-After'] == '2'
    assert '服务正在恢复' in page.content.decode() and 'Back in a moment' in page.content.decode()
    assert program.json()['error']
    assert page.headers['X-Anlan-Host'] == 'app-1'


def test_a_database_that_fails_in_the_session_is_503_too(client, monkeypatch):
    def broken(*arguments, **options):
        raise OperationalError('server closed the connection unexpectedly')

    cache.clear()
    monkeypatch.setattr('learning.sessions.SessionStore._get_session_from_db', broken)
    assert client.get('/archive/').status_code == 503


def test_a_mistake_of_ours_is_500_without_a_traceback(client, monkeypatch):
    def broken(*arguments, **options):
        raise KeyError('secret detail')

    monkeypatch.setattr('learning.courses.views.shown_courses', broken)
    answer = client.get('/courses/')
    assert answer.status_code == 500
    assert 'secret detail' not in answer.content.decode()
