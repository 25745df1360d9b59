"""The cache: Valkey behind Sentinel. Without it the platform is slower, never unusable."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

log = logging.getLogger(__name__)
Answer = TypeVar('Answer')

TIMEOUT_SECONDS = 0.5
# After a failure the cache is left alone for this long, so that not every request waits for it.
PAUSE_SECONDS = 2.0


class JsonSerializer:
    """Values as JSON: whoever can write into the cache must not be able to run code here, as pickle would let them."""

    def dumps(self, value: Any) -> bytes | int:
        """Return the bytes of this value; whole numbers stay numbers, so that the server can add to them."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return the value of these bytes."""
        return json.loads(data)


class SentinelClient(RedisCacheClient):
    """A client that asks the Sentinels for the master, and asks again when the master changes."""

    def __init__(
        self, servers: list[str], *, master: str, password: str, authority_file: str | None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(servers, serializer=JsonSerializer(), **options)
        connection: dict[str, Any] = {
            'password': password,
            'socket_timeout': TIMEOUT_SECONDS,
            'socket_connect_timeout': TIMEOUT_SECONDS,
            'retry': Retry(NoBackoff(), 0),
        }
        if authority_file:
            connection |= {'ssl': True, 'ssl_ca_certs': authority_file, 'ssl_check_hostname': True}
        addresses = [(host.strip('[]'), int(port)) for host, _, port in (server.rpartition(':') for server in servers)]
        self._sentinel = Sentinel(addresses, sentinel_kwargs=connection, **connection)
        self._master = self._sentinel.master_for(master)

    def get_client(self, key: str | None = None, *, write: bool = False) -> redis.Redis:
        """Return the client of the present master, for reading too: a replica may not yet know what was written."""
        return self._master


class SentinelCache(RedisCache):
    """Django's cache that answers as if empty when Valkey does not answer."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = SentinelClient
        self._silent_until = 0.0

    def ping(self) -> None:
        """Ask the master for a sign of life. Raise what the client raises."""
        self._cache.get_client().ping()

    def _guarded(self, call: Callable[[], Answer], otherwise: Answer) -> Answer:
        if time.monotonic() < self._silent_until:
            return otherwise
        try:
            return call()
        except (redis.RedisError, OSError, json.JSONDecodeError) as error:
            self._silent_until = time.monotonic() + PAUSE_SECONDS
            log.warning('the cache does not answer (%s), going on without it', type(error).__name__)
            return otherwise

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._guarded(lambda: super(SentinelCache, self).get(key, default, version), default)

    def set(self, key: str, value: Any, *arguments: Any, **options: Any) -> None:
        self._guarded(lambda: super(SentinelCache, self).set(key, value, *arguments, **options), None)

    def add(self, key: str, value: Any, *arguments: Any, **options: Any) -> bool:
        return self._guarded(lambda: super(SentinelCache, self).add(key, value, *arguments, **options), False)

    def touch(self, key: str, *arguments: Any, **options: Any) -> bool:
        return self._guarded(lambda: super(SentinelCache, self).touch(key, *arguments, **options), False)

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._guarded(lambda: super(SentinelCache, self).delete(key, version), False)

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        return self._guarded(lambda: super(SentinelCache, self).get_many(keys, version), {})

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._guarded(lambda: super(SentinelCache, self).has_key(key, version), False)

    def set_many(self, data: dict[str, Any], *arguments: Any, **options: Any) -> list[str]:
        return self._guarded(lambda: super(SentinelCache, self).set_many(data, *arguments, **options), list(data))

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        self._guarded(lambda: super(SentinelCache, self).delete_many(keys, version), None)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Return the number after adding `delta`; 0 without an answer. Raise ValueError if there is no number."""
        return self._guarded(lambda: super(SentinelCache, self).incr(key, delta, version), 0)
