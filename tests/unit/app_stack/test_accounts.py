from __future__ import annotations

import contextlib
import json
import socket

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.cache import cache
from django.test import Client, override_settings
from learning.accounts.models import Learner

PASSWORD = 'kept by the river'
PERSON = {
    'real_name': '张三丰', 'identity_number': '11010519491231002X', 'mobile_phone': '13800000000', 'consent': 'on',
}  # fmt: skip


def sign_up(browser, name='zhang', password=PASSWORD):
    both = {'password1': password, 'password2': password}
    return browser.post('/accounts/signup/', {'username': name, **both, **PERSON})


def log_in(browser, password, source='203.0.113.7'):
    return browser.post('/accounts/login/', {'username': 'wang', 'password': password}, headers={'x-real-ip': source})


def test_a_learner_signs_up_logs_out_and_in_again(database):
    browser = Client()
    assert sign_up(browser).headers['Location'] == '/courses/'
    browser.post('/accounts/logout/')
    assert browser.get('/archive/').status_code == 302
    browser.post('/accounts/login/', {'username': 'zhang', 'password': PASSWORD})
    assert browser.get('/archive/').status_code == 200


def test_a_password_of_seven_characters_is_refused(database):
    sign_up(Client(), password='gr8-Sea')
    assert not Learner.objects.exists()


@pytest.mark.parametrize('path', ['/accounts/signup/', '/accounts/login/', '/accounts/logout/'])
def test_forms_without_a_csrf_token_are_refused(database, path):
    assert Client(enforce_csrf_checks=True).post(path, {}).status_code == 403


def test_the_twenty_first_login_of_a_failing_source_is_throttled_even_with_the_right_password(learner):
    for _ in range(20):
        assert log_in(Client(), 'wrong').status_code == 200
    answer = log_in(Client(), 'a long password')
    assert answer.status_code == 429
    assert answer.headers['Retry-After'] == '300'
    assert log_in(Client(), 'a long password', source='203.0.113.8').status_code == 302


def test_one_source_is_a_whole_ipv6_network(learner):
    for number in range(20):
        log_in(Client(), 'wrong', source=f'2001:db8::{number:x}')
    assert log_in(Client(), 'a long password', source='2001:db8::ffff').status_code == 429


def test_without_a_cache_logins_are_not_throttled(learner, monkeypatch):
    backend = type(cache._connections['default'])
    monkeypatch.setattr(backend, 'get', lambda self, key, default=None, version=None: default)
    monkeypatch.setattr(backend, 'add', lambda self, *arguments, **options: False)
    monkeypatch.setattr(backend, 'incr', lambda self, *arguments, **options: 0)
    for _ in range(21):
        log_in(Client(), 'wrong')
    assert log_in(Client(), 'a long password').status_code == 302


def test_passwords_are_kept_with_argon2_at_a_cost_of_19_mib(database, settings_with_argon2):
    kept = make_password('x' * 12)
    assert kept.startswith('argon2$argon2id$v=19$m=19456,t=2,p=1$')
    assert check_password('x' * 12, kept)


@pytest.fixture
def settings_with_argon2():
    pytest.importorskip('argon2')
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=['learning.accounts.hashers.LearnerHasher']):
        yield


@pytest.fixture
def reports(tmp_path):
    """What the block list of the host would be told."""
    path = str(tmp_path / 'report')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link, override_settings(BLOCK_LIST_SOCKET=path):
        link.bind(path)
        link.setblocking(False)

        def taken():
            found = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(json.loads(link.recv(4096)))
            return found

        yield taken


def test_a_failed_login_is_reported_and_one_that_goes_on_although_throttled_counts_more(learner, reports):
    browser = Client()
    log_in(browser, 'wrong', source='203.0.113.5')
    assert reports() == [{'source': '203.0.113.5', 'type': 'login', 'reason': 'failed to log in', 'points': 1}]
    for _ in range(19):
        log_in(browser, 'wrong', source='203.0.113.5')
    reports()
    log_in(browser, 'a long password', source='203.0.113.5')
    assert [(each['points'], each['source']) for each in reports()] == [(2, '203.0.113.5')]


def test_what_is_reported_is_the_address_and_not_the_network_that_is_throttled(learner, reports):
    """The block list itself knows what of an address it may shut out: beside a host of ours, the address alone."""
    log_in(Client(), 'wrong', source='2001:db8::7')
    assert [each['source'] for each in reports()] == ['2001:db8::7']


def test_a_login_that_succeeds_is_not_reported(learner, reports):
    log_in(Client(), 'a long password', source='203.0.113.6')
    assert reports() == []


@pytest.mark.parametrize('path', ['', '/nowhere/report'])
def test_without_a_block_list_logins_are_as_they_were(learner, path):
    with override_settings(BLOCK_LIST_SOCKET=path):
        assert log_in(Client(), 'wrong', source='203.0.113.7').status_code == 200
