from __future__ import annotations

import pytest
from learning.environment import REQUIRED, IncompleteEnvironment, load_environment

COMPLETE = dict.fromkeys(REQUIRED, 'x') | {
    'ANLAN_DATABASE_PORT': '5432',
    'ANLAN_CACHE_SENTINELS': '198.18.30.2:26379,198.18.30.3:26379',
    'ANLAN_ALLOWED_HOSTS': 'learn.lab.anlan.test, 198.18.20.2',
    'ANLAN_PERSONAL_DATA_KEYS': f'{"p" * 43},{"q" * 43}',
    'ANLAN_PERSONAL_DATA_INDEX_KEYS': 'i' * 43,
}


def test_all_missing_variables_are_named_at_once():
    with pytest.raises(IncompleteEnvironment) as raised:
        load_environment({'ANLAN_RELEASE': 'x'})
    assert all(name in str(raised.value) for name in REQUIRED if name != 'ANLAN_RELEASE')


def test_a_malformed_variable_is_named_without_its_value():
    with pytest.raises(IncompleteEnvironment, match='ANLAN_CACHE_SENTINELS') as raised:
        load_environment(COMPLETE | {'ANLAN_CACHE_SENTINELS': 'hunter2'})
    assert 'hunter2' not in str(raised.value)


def test_a_complete_environment_is_read():
    environment = load_environment(COMPLETE)
    assert environment.cache_sentinels == (('198.18.30.2', 26379), ('198.18.30.3', 26379))
    assert environment.trusted_origins == ('https://learn.lab.anlan.test',)
    assert environment.authority_file is None


def test_the_present_key_of_personal_data_stands_before_the_one_that_only_reads():
    environment = load_environment(COMPLETE)
    assert environment.personal_data_keys == ('p' * 43, 'q' * 43)
    assert 'ppp' not in repr(environment) and 'iii' not in repr(environment)


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('ANLAN_PERSONAL_DATA_KEYS', f'{"p" * 43},hunter2', 'at least 32 characters'),
    ('ANLAN_PERSONAL_DATA_KEYS', ' , ', 'at least 32 characters'),
    ('ANLAN_PERSONAL_DATA_INDEX_KEYS', 'p' * 43, 'other keys than those of the data'),
])  # fmt: skip
def test_without_keys_that_are_worth_the_name_the_application_does_not_start(name, value, reason):
    with pytest.raises(IncompleteEnvironment, match=reason) as raised:
        load_environment(COMPLETE | {name: value})
    assert 'hunter2' not in str(raised.value) and 'ppp' not in str(raised.value)


@pytest.mark.parametrize('name', ['ANLAN_PERSONAL_DATA_KEYS', 'ANLAN_PERSONAL_DATA_INDEX_KEYS'])
def test_without_keys_of_personal_data_the_application_does_not_start(name):
    with pytest.raises(IncompleteEnvironment, match=f'missing.*{name}'):
        load_environment({key: value for key, value in COMPLETE.items() if key != name})


def test_keys_that_are_accepted_beside_the_present_one_are_read_and_not_shown():
    assert load_environment(COMPLETE).secret_key_fallbacks == ()
    environment = load_environment(COMPLETE | {'DJANGO_SECRET_KEY_FALLBACKS': f'{"n" * 43},{"b" * 43}'})
    assert environment.secret_key_fallbacks == ('n' * 43, 'b' * 43)
    assert 'nnn' not in repr(environment)
