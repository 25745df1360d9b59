"""Response headers: who answered, with which release, and that pages of a learner are kept by nobody."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class HostHeaders:
    """Middleware that names the host and its release in each answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response['X-Anlan-Host'] = settings.HOST_NAME
        response['X-Anlan-Release'] = settings.RELEASE
        # The CDN in front keeps what may be kept; a page that says nothing is the learner's own.
        response.setdefault('Cache-Control', 'private, no-cache')
        response.setdefault('Content-Security-Policy', CONTENT_SECURITY_POLICY)
        return response


# hls.js feeds the video from memory (blob:) and may run in a worker of its own.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
