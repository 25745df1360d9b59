"""Signed addresses of restricted media, as the edges check them (roles/edge) and the application makes them.

The application has the same in its own courses/signing.py: neither may import the other (docs/design.md, The house).
"""

from __future__ import annotations

import hashlib
import hmac


def signed_path(key: str, expires: int, ladder: str, name: str) -> str:
    """Given the key, the end (seconds since 1970), a ladder and a file of it, return the address's path.

    Raise ValueError without a key: an address that anybody could sign protects nothing.
    """
    if not key:
        raise ValueError('there is no key to sign addresses with')
    signature = hmac.new(key.encode(), f'{expires}/{ladder}'.encode(), hashlib.sha256).hexdigest()
    return f'/signed/{expires}/{signature}/{ladder}/{name}'
