"""The throttle of logins: how many failures a source may have in a while."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def address_of(request: HttpRequest) -> str:
    """Given a request, return the address that it comes from, or `unknown`.

    nginx sets X-Real-IP, and gunicorn listens only to nginx, so nobody else can.
    """
    text = request.META.get('HTTP_X_REAL_IP') or request.META.get('REMOTE_ADDR') or ''
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return 'unknown'


def source_of(address: str) -> str:
    """Given an address as `address_of` returns it, return what is throttled: itself, or the /64 of an IPv6 address."""
    return str(ipaddress.ip_network((address, 64), strict=False)) if ':' in address else address


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


def throttled(request: HttpRequest) -> HttpResponse:
    """Return the answer to a source that has used up its failures."""
    minutes = settings.LOGIN_FAILURES_WINDOW_SECONDS // 60
    response = render(request, 'accounts/throttled.html', {'minutes': minutes}, status=429)
    response['Retry-After'] = str(settings.LOGIN_FAILURES_WINDOW_SECONDS)
    return response


def _key(source: str) -> str:
    return f'login-failures:{source}'
