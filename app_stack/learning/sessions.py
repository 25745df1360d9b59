"""Sessions: in the database, with the cache before it for a short while."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedSessionStore

# A log-out that the cache did not hear of (it was down, or its failover lost the deletion) ends with this time.
CACHED_SECONDS = 60


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
