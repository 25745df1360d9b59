from __future__ import annotations

import logging

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from learning.accounts.models import Learner
from learning.courses.models import Course
from learning.personal.models import PersonalData
from learning.personal.registering import read_person

PASSWORD = 'kept by the river'
NAME, NUMBER, PHONE = '张三丰', '11010519491231002X', '13812340000'
OTHER_NUMBER = '440524199001010018'
PLAIN = (NAME, NUMBER, PHONE)


def form(**changes):
    fields = {
        'username': 'zhang', 'password1': PASSWORD, 'password2': PASSWORD,
        'real_name': NAME, 'identity_number': NUMBER, 'mobile_phone': PHONE, 'consent': 'on',
    }  # fmt: skip
    return {key: value for key, value in (fields | changes).items() if value is not None}


def sign_up(browser=None, source='203.0.113.7', **changes):
    return (browser or Client()).post('/accounts/signup/', form(**changes), headers={'x-real-ip': source})


def everything_in_the_database():
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM {connection.ops.quote_name(table)}')
            found += [
                bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                for row in cursor.fetchall()
                for value in row
            ]
    return b'\0'.join(found)


def test_who_signs_up_is_kept_encrypted_and_read_again(database):
    assert sign_up().status_code == 302
    row = PersonalData.objects.get()
    person = read_person(row)
    assert (person.real_name, person.identity_number, person.mobile_phone) == PLAIN
    assert row.consent_version and row.consented_at
    kept = everything_in_the_database()
    assert b'zhang' in kept
    assert not [plain for plain in PLAIN if plain.encode() in kept]


def test_the_accounts_own_columns_for_names_stay_empty(database):
    sign_up()
    learner = Learner.objects.get()
    assert (learner.first_name, learner.last_name, learner.email) == ('', '', '')


def test_neither_session_nor_cache_nor_log_nor_cookie_holds_personal_data(database, caplog):
    caplog.set_level(logging.DEBUG)
    browser = Client()
    sign_up(browser, password2='a slip of the finger')
    sign_up(browser)
    browser.get('/accounts/me/')
    sign_up()
    said = caplog.text + repr(dict(browser.session)) + repr(cache._cache) + str(browser.cookies)
    assert not [plain for plain in PLAIN if plain in said or plain.encode().hex() in said]


@pytest.mark.parametrize('missing', ['real_name', 'identity_number', 'mobile_phone', 'consent'])
def test_nobody_signs_up_without(database, missing):
    assert sign_up(**{missing: None}).status_code == 200
    assert not Learner.objects.exists()


@pytest.mark.parametrize(('field', 'value'), [
    ('real_name', '张'), ('real_name', '张3'), ('real_name', '<b>张三</b>'), ('real_name', '··'),
    ('real_name', '张\u202e三'),
    ('identity_number', '110105194912310021'), ('identity_number', '11010519491231'), ('identity_number', 'x' * 18),
    ('mobile_phone', '12812340000'), ('mobile_phone', '1381234000'), ('mobile_phone', '010-12345678'),
    ('mobile_phone', '+1 3812340000'),
])  # fmt: skip
def test_what_cannot_be_true_is_refused(database, field, value):
    page = sign_up(**{field: value}).content.decode()
    assert 'class="error"' in page
    assert not Learner.objects.exists()


@pytest.mark.parametrize(('field', 'entered', 'kept'), [
    ('identity_number', '１１０１０５ 19491231 002x', NUMBER),
    ('mobile_phone', '+86 138-1234-0000', PHONE),
    ('real_name', ' 阿卜杜拉•买买提 ', '阿卜杜拉·买买提'),
    ('real_name', '𬭎𬭊', '𬭎𬭊'),
])  # fmt: skip
def test_one_thing_in_several_spellings_is_kept_in_one(database, field, entered, kept):
    assert sign_up(**{field: entered}).status_code == 302
    assert getattr(read_person(PersonalData.objects.get()), field) == kept


@pytest.mark.parametrize('username', [NAME, f'x{PHONE}', NUMBER, NUMBER.lower()])
def test_a_user_name_that_is_personal_data_is_refused(database, username):
    sign_up(username=username)
    assert not Learner.objects.exists()


def test_an_identity_number_registers_once_and_nothing_is_left_of_the_second_try(database):
    sign_up()
    page = sign_up(username='other', mobile_phone='13912340000')
    assert page.status_code == 200
    assert '不能用于注册' in page.content.decode()
    assert not Learner.objects.filter(username='other').exists()
    assert sign_up(username='other', identity_number=OTHER_NUMBER).status_code == 302


def test_two_at_once_with_one_number_are_told_apart_by_the_database(database, monkeypatch):
    """As if the other one came between the question whether the number is taken and the insert."""
    sign_up()
    monkeypatch.setattr('learning.personal.registering.PersonalData.objects.filter', lambda **_: Learner.objects.none())
    assert sign_up(username='other').status_code == 200
    assert not Learner.objects.filter(username='other').exists()


def test_who_tries_numbers_of_others_is_throttled(database):
    sign_up()
    for number in range(20):
        assert sign_up(username=f'guesser-{number}').status_code == 200
    assert sign_up(username='guesser', identity_number=OTHER_NUMBER).status_code == 429
    assert sign_up(username='another', identity_number=OTHER_NUMBER, source='203.0.113.8').status_code == 302


def test_the_own_page_shows_everything_masked_and_nothing_whole(database):
    browser = Client()
    sign_up(browser)
    answer = browser.get('/accounts/me/')
    page = answer.content.decode()
    assert all(masked in page for masked in ('张**', '110***********002X', '138****0000'))
    assert not [plain for plain in PLAIN if plain in page]
    assert 'no-store' in answer.headers['Cache-Control']


def test_nobody_else_sees_the_page(database):
    sign_up()
    assert Client().get('/accounts/me/').status_code == 302


def test_a_learner_from_before_goes_on_learning_and_may_register_later(course, client, learner):
    lesson = Course.objects.get().lessons.first()
    assert client.get(f'/lessons/{lesson.id}/').status_code == 200
    assert '我们只收集' in client.get('/accounts/me/').content.decode()
    answer = client.post('/accounts/me/', form())
    assert answer.headers['Location'] == '/accounts/me/'
    assert PersonalData.objects.get().learner_id == learner.id
    client.post('/accounts/me/', form(identity_number=OTHER_NUMBER))
    assert read_person(PersonalData.objects.get()).identity_number == NUMBER


def test_a_row_that_was_tampered_with_shows_nothing_and_is_logged_without_it(database, caplog):
    browser = Client()
    sign_up(browser)
    row = PersonalData.objects.get()
    PersonalData.objects.update(real_name=row.mobile_phone)
    page = browser.get('/accounts/me/')
    assert page.status_code == 200
    assert '138****' not in page.content.decode()
    assert f'real_name of learner {row.learner_id}' in caplog.text
    assert PHONE not in caplog.text


@pytest.mark.parametrize(
    ('language', 'words'), [('zh-hans', '我们只收集真实姓名'), ('en', 'We collect your real name')]
)
def test_the_purpose_is_told_where_it_is_collected(database, language, words):
    answer = Client(headers={'accept-language': language}).get('/accounts/signup/')
    assert words in answer.content.decode()
    assert 'no-store' in answer.headers['Cache-Control']


def test_a_row_of_personal_data_has_no_personal_data_in_its_name(database):
    sign_up()
    row = PersonalData.objects.get()
    assert str(row) == f'personal data of learner {row.learner_id}'


def test_the_table_comes_while_the_release_before_still_runs(database):
    from django.db.migrations.loader import MigrationLoader
    from learning.migrating.classify import contractions

    loader = MigrationLoader(connection)
    own = [migration for (label, _), migration in loader.disk_migrations.items() if label == 'personal']
    assert own and not [found for migration in own for found in contractions(migration)]
