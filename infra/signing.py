"""Signed addresses of restricted media, as the edges check them (roles/edge) and the application makes them."""

from __future__ import annotations

import hashlib
import hmac


def signed_path(key: str, expires: int, ladder: str, name: str) -> str:
    """Given the key, the end (seconds since 1970), a ladder and a file of it, return the address's path."""
    signature = hmac.new(key.encode(), f'{expires}/{ladder}'.encode(), hashlib.sha256).hexdigest()
    return f'/signed/{expires}/{signature}/{ladder}/{name}'
