"""The throttle of logins: how many failures a source may have in a while."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest


def source_of(request: HttpRequest) -> str:
    """Given a request, return where it comes from: an IPv4 address, or the /64 of an IPv6 address.

    nginx sets X-Real-IP, and gunicorn listens only to nginx, so nobody else can.
    """
    text = request.META.get('HTTP_X_REAL_IP') or request.META.get('REMOTE_ADDR') or ''
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return 'unknown'
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_blocked(source: str) -> bool:
    """Return whether this source has used up its failures. Without a cache nobody is blocked."""
    return int(cache.get(_key(source), 0)) >= settings.LOGIN_FAILURES_ALLOWED


def count_failure(source: str) -> None:
    """Remember one failure of this source for the length of the window."""
    if cache.add(_key(source), 1, settings.LOGIN_FAILURES_WINDOW_SECONDS):
        return
    try:
        cache.incr(_key(source))
    except ValueError:
        # It ran out between the two calls.
        cache.add(_key(source), 1, settings.LOGIN_FAILURES_WINDOW_SECONDS)


def _key(source: str) -> str:
    return f'login-failures:{source}'
