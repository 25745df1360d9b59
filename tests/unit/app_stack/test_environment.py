from __future__ import annotations

import pytest
from learning.environment import REQUIRED, IncompleteEnvironment, load_environment

COMPLETE = dict.fromkeys(REQUIRED, 'x') | {
    'ANLAN_DATABASE_PORT': '5432',
    'ANLAN_CACHE_SENTINELS': '198.18.30.2:26379,198.18.30.3:26379',
    'ANLAN_ALLOWED_HOSTS': 'learn.lab.anlan.test, 198.18.20.2',
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
