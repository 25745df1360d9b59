from __future__ import annotations

import json
import uuid

from django.test import Client
from learning.courses.models import Lesson
from learning.progress.models import ProgressEvent


def put(client, lesson, position, event_id=None, device='phone'):
    body = {'event_id': str(event_id or uuid.uuid4()), 'position_seconds': position, 'device': device}
    return client.put(f'/api/lessons/{lesson.id}/progress/', json.dumps(body), content_type='application/json')


def test_a_repeated_put_has_the_same_answer_and_leaves_one_event(client, course):
    lesson, number = course.lessons.first(), uuid.uuid4()
    first = put(client, lesson, 3.5, number)
    put(client, lesson, 5)
    again = put(client, lesson, 3.5, number)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert ProgressEvent.objects.count() == 2
    assert client.get(f'/api/lessons/{lesson.id}/progress/').json()['position_seconds'] == 5


def test_another_device_reads_the_position(client, course, learner):
    lesson = course.lessons.first()
    put(client, lesson, 4.25)
    other = Client()
    other.force_login(learner)
    answer = other.get(f'/api/lessons/{lesson.id}/progress/').json()
    assert (answer['position_seconds'], answer['device'], answer['events']) == (4.25, 'phone', 1)
    assert answer['updated_at']


def test_an_event_number_of_another_lesson_is_a_conflict(client, course):
    first, second = course.lessons.all()
    number = uuid.uuid4()
    put(client, first, 1, number)
    assert put(client, second, 1, number).status_code == 409


def test_a_bad_report_names_every_reason(client, course):
    lesson = course.lessons.first()
    body = {'event_id': 'x', 'position_seconds': True}
    answer = client.put(f'/api/lessons/{lesson.id}/progress/', json.dumps(body), content_type='application/json')
    assert answer.status_code == 400
    assert all(word in answer.json()['error'] for word in ('event_id', 'position_seconds', 'device'))


def test_positions_that_are_no_numbers_are_refused(client, course):
    lesson = course.lessons.first()
    for text in ('NaN', 'Infinity', '-1', '"5"'):
        body = f'{{"event_id": "{uuid.uuid4()}", "position_seconds": {text}, "device": "a"}}'
        answer = client.put(f'/api/lessons/{lesson.id}/progress/', body, content_type='application/json')
        assert answer.status_code == 400, text


def test_the_events_are_paged_in_order(client, course):
    lesson = course.lessons.first()
    sent = [put(client, lesson, number).json()['event_id'] for number in range(5)]
    found, after = [], 0
    while after is not None:
        page = client.get(f'/api/progress/events/?after={after}&limit=2').json()
        found += [event['event_id'] for event in page['events']]
        after = page['next']
    assert found == sent


def test_somebody_elses_events_are_not_shown(client, course):
    put(client, course.lessons.first(), 1)
    from learning.accounts.models import Learner

    other = Client()
    other.force_login(Learner.objects.create_user('li'))
    assert other.get('/api/progress/events/').json()['events'] == []


def test_a_stranger_gets_401_as_json(course):
    answer = Client().get(f'/api/lessons/{course.lessons.first().id}/progress/')
    assert answer.status_code == 401
    assert answer.json()['error_zh']


def test_a_put_without_a_csrf_token_is_refused(course, learner):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(learner)
    assert put(browser, course.lessons.first(), 1).status_code == 403
    assert ProgressEvent.objects.count() == 0


def test_a_hidden_lesson_takes_no_progress(client, course):
    lesson = course.lessons.first()
    Lesson.objects.filter(id=lesson.id).update(published=False)
    assert put(client, lesson, 1).status_code == 404
