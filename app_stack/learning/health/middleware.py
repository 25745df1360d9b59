"""/healthz and /readyz, answered before anything else of Django looks at the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from learning.health.checks import DISPENSABLE, run_checks


class HealthEndpoints:
    """Middleware that answers health checks by themselves, whatever host name they ask for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == '/healthz':
            return JsonResponse({'status': 'ok'}, headers={'Cache-Control': 'no-store'})
        if request.path == '/readyz':
            return readiness()
        return self.get_response(request)


def readiness() -> JsonResponse:
    """Return what the checks found: 200 if learners can be served, 503 if not."""
    findings = run_checks()
    ready = all(finding.ok for name, finding in findings.items() if name not in DISPENSABLE)
    body = {
        'ready': ready,
        'degraded': ready and not all(finding.ok for finding in findings.values()),
        'checks': {name: asdict(finding) for name, finding in findings.items()},
    }
    headers = {'Cache-Control': 'no-store'} | ({} if ready else {'Retry-After': '2'})
    return JsonResponse(body, status=200 if ready else 503, headers=headers)
