"""Signed addresses of restricted media: good until a time, for one ladder, checked by the edges (roles/edge)."""

from __future__ import annotations

import hashlib
import hmac

SLOT_SECONDS = 300
"""Addresses change this often, not with every page: a browser that reloads a page has its segments already."""


def expiry(now: float, seconds: int) -> int:
    """Given the time and how long an address is good, return when it ends, in seconds since 1970.

    Never later than `seconds` from now; earlier by less than a slot, and by less than half of `seconds`.
    """
    slot = min(SLOT_SECONDS, max(1, seconds // 2))
    return (int(now) + seconds) // slot * slot


def signature(key: str, expires: int, ladder: str) -> str:
    """Given the key, when the address ends and the ladder, return the signature in hexadecimal digits."""
    return hmac.new(key.encode(), f'{expires}/{ladder}'.encode(), hashlib.sha256).hexdigest()


def signed_path(key: str, expires: int, ladder: str, name: str) -> str:
    """Given the key, when the address ends, the ladder and a file of it, return the address's path.

    Raise ValueError without a key: an address that anybody could sign protects nothing.
    """
    if not key:
        raise ValueError('there is no key to sign addresses with')
    return f'/signed/{expires}/{signature(key, expires, ladder)}/{ladder}/{name}'
