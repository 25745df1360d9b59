"""A session that is not used ends; one that is used goes on, without a write for every request."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from tests.unit.app_stack.test_accounts import sign_up

AGE_SECONDS = 1800


@pytest.fixture
def clock(monkeypatch):
    """Move the time that the session's own code sees, and Django's."""
    start, moved = time.time(), [0.0]
    from django.utils import timezone

    real_now = timezone.now
    monkeypatch.setattr('learning.sessions.time.time', lambda: start + moved[0])
    monkeypatch.setattr('django.utils.timezone.now', lambda: real_now() + timedelta(seconds=moved[0]))

    def forward(seconds):
        moved[0] += seconds
        cache.clear()

    return forward


def is_in(browser):
    return browser.get('/archive/').status_code == 200


def test_a_session_without_a_request_ends(database, clock):
    browser = Client()
    sign_up(browser)
    assert is_in(browser)
    clock(AGE_SECONDS + 1)
    assert not is_in(browser)


def test_a_session_that_is_used_goes_on(database, clock):
    browser = Client()
    sign_up(browser)
    for _ in range(6):
        clock(AGE_SECONDS - 200)
        assert is_in(browser)


def test_use_is_not_written_at_every_request(database, clock):
    browser = Client()
    sign_up(browser)
    is_in(browser)
    end = Session.objects.get().expire_date
    clock(10)
    is_in(browser)
    assert Session.objects.get().expire_date == end
    clock(400)
    is_in(browser)
    assert Session.objects.get().expire_date > end
