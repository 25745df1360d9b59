"""The programs that come to the front door, at the real application: what they send is what its form wants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from learning.accounts.models import Learner
from learning.personal.models import PersonalData
from learning.personal.registering import read_person

from compliance.canary.front_door import STEPS
from compliance.canary.needle import CanaryPerson
from tests.unit.app_stack.conftest import CHECKOUT

BROWSER = (CHECKOUT / 'monitoring/learner.py').read_text(encoding='utf-8')


class Silent(WSGIRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def front_door(course):
    with override_settings(ALLOWED_HOSTS=['127.0.0.1']):
        server = make_server('127.0.0.1', 0, get_wsgi_application(), handler_class=Silent)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}/'
        server.shutdown()
        thread.join(10)
        server.server_close()


def ask(program, question):
    done = subprocess.run(
        [sys.executable, '-I', '-c', program], input=json.dumps(question), capture_output=True, text=True, timeout=60,
        check=True, env={**os.environ, 'no_proxy': '127.0.0.1'},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_learner_of_the_journey_registers_as_nobody_and_comes_back(front_door):
    for _ in range(2):
        for name in ('journey-client-1', 'journey-client-2'):
            question = {'mode': 'read_back', 'url': front_door, 'user': name, 'password': 'kept by the river'}
            assert ask(BROWSER, question) == {'events': []}
    persons = [read_person(row) for row in PersonalData.objects.all()]
    assert len({person.identity_number for person in persons}) == Learner.objects.count() == 2
    assert all(person.identity_number.startswith('00') and person.mobile_phone.startswith('154') for person in persons)


def test_the_canary_registers_learns_and_is_shown_masked(front_door):
    canary = CanaryPerson.hatched()
    program = BROWSER.rpartition('\nmain()')[0] + '\n\n' + STEPS.read_text(encoding='utf-8').partition('# ---\n')[2]
    question = {
        'url': front_door,
        'username': canary.username,
        'password': canary.password,
        'person': canary.person.fields(),
    }
    steps = ask(program, question)['steps']
    assert [(step['name'], step['reason']) for step in steps if step['reason']] == []
    assert len(steps) == 8
    assert [learner.username for learner in Learner.objects.all()] == [canary.username]
    assert read_person(PersonalData.objects.get()).identity_number == canary.person.identity_number


def test_a_page_that_shows_personal_data_whole_is_seen_by_the_canary(front_door, monkeypatch):
    monkeypatch.setattr('learning.personal.person.Person.masked', lambda person: person)
    canary = CanaryPerson.hatched()
    program = BROWSER.rpartition('\nmain()')[0] + '\n\n' + STEPS.read_text(encoding='utf-8').partition('# ---\n')[2]
    question = {
        'url': front_door,
        'username': canary.username,
        'password': canary.password,
        'person': canary.person.fields(),
    }
    steps = ask(program, question)['steps']
    assert [step['reason'] for step in steps if step['reason']] == ['LookupError: the page shows personal data whole']
