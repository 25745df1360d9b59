from __future__ import annotations

import pytest

pytest.importorskip('redis')

from learning.cache import JsonSerializer, SentinelCache


@pytest.fixture
def silent_cache():
    """Give a cache whose Sentinels do not exist: port 1 of this machine refuses."""
    options = {'master': 'learning', 'password': 'hunter2', 'authority_file': None}
    return SentinelCache(['127.0.0.1:1'], {'OPTIONS': options})


def test_a_silent_cache_answers_as_if_empty(silent_cache):
    silent_cache.set('key', 1)
    assert silent_cache.get('key', 'nothing') == 'nothing'
    assert silent_cache.add('key', 1) is False
    assert silent_cache.incr('key') == 0
    assert silent_cache.get_many(['key']) == {}
    silent_cache.delete('key')


def test_after_a_failure_the_cache_is_left_alone_for_a_while(silent_cache, monkeypatch):
    silent_cache.get('key')
    monkeypatch.setattr(type(silent_cache._cache), 'get_client', lambda *all, **more: pytest.fail('it was asked'))
    assert silent_cache.get('key') is None


def test_a_ping_says_the_truth_even_then(silent_cache):
    silent_cache.get('key')
    with pytest.raises(Exception, match='learning'):
        silent_cache.ping()


def test_values_are_json_and_never_run_code():
    serializer = JsonSerializer()
    assert serializer.loads(serializer.dumps({'a': [1, '中']})) == {'a': [1, '中']}
    assert serializer.dumps(7) == 7
    with pytest.raises(ValueError):
        serializer.loads(b'\x80\x04pickle')
