"""Sessions: in the database, with the cache before it for a short while; one that is idle ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedSessionStore
from django.http import HttpRequest, HttpResponse

# A log-out that the cache did not hear of (it was down, or its failover lost the deletion) ends with this time.
CACHED_SECONDS = 60

NOTED_EVERY_SECONDS = 300
"""How often it is noted that a session is used: each note is a write to the database."""


class SessionStore(CachedSessionStore):
    """A session whose copy in the cache never outlives CACHED_SECONDS."""

    cache_key_prefix = 'session:'

    def load(self) -> dict[str, Any]:
        """Return the session's data from the cache, else from the database, else {}."""
        data = self._cache.get(self.cache_key)
        if data is not None:
            return data
        row = self._get_session_from_db()
        if not row:
            return {}
        data = self.decode(row.session_data)
        self._cache.set(self.cache_key, data, CACHED_SECONDS)
        return data

    def save(self, must_create: bool = False) -> None:
        """Write the session to the database, then to the cache. Raise what the database raises."""
        super(CachedSessionStore, self).save(must_create)
        self._cache.set(self.cache_key, self._session, CACHED_SECONDS)

    def exists(self, session_key: str) -> bool:
        """Return whether the database knows this key; the cache may have forgotten."""
        return super(CachedSessionStore, self).exists(session_key)

    @classmethod
    def get_model_class(cls) -> type:
        """Return Django's own model of a session."""
        from django.contrib.sessions.models import Session

        return Session


class IdleMiddleware:
    """Moves the end of a session that is used: SESSION_COOKIE_AGE counts from its last use, not from its log-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note the use of a learner's session, and answer. A page that needs no session reads none."""
        response = self._get_response(request)
        if request.session.accessed and '_auth_user_id' in request.session:
            now = int(time.time())
            if now - request.session.get('used', 0) >= NOTED_EVERY_SECONDS:
                request.session['used'] = now
        return response
