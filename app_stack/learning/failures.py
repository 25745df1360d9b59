"""Failures as a learner sees them: a database that changes its leader is a short wait, not an error."""

from __future__ import annotations

import sys

from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

# A change of leader of the database takes a few seconds; a client that asks again is served by the new one.
RETRY_AFTER_SECONDS = 2
# InternalError is what a write gets on a leader that has just become a replica.
PASSING = (OperationalError, InterfaceError, InternalError)


def server_error(request: HttpRequest) -> HttpResponse:
    """Given a request that ended in an exception, return 503 if it passes by itself, else 500.

    Django calls this while the exception is being handled, for views and middleware alike.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, PASSING):
        return _answer(
            request, 500, title_zh='出错了', title_en='Something went wrong',
            text_zh='我们已记录此问题。', text_en='It has been recorded.',
        )  # fmt: skip
    _forget_connections()
    response = _answer(
        request, 503, title_zh='服务正在恢复', title_en='Back in a moment',
        text_zh='数据服务正在切换，请稍候，几秒后会自动重试。',
        text_en='The database is changing over. Please try again in a few seconds.',
    )  # fmt: skip
    response['Retry-After'] = str(RETRY_AFTER_SECONDS)
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page, or the JSON, of an address that does not exist."""
    return _answer(
        request, 404, title_zh='没有找到', title_en='Not found',
        text_zh='此页面不存在。', text_en='There is nothing at this address.',
    )  # fmt: skip


def wants_json(request: HttpRequest) -> bool:
    """Return whether this request is a program's."""
    return request.path.startswith('/api/')


def _forget_connections() -> None:
    """Close what may still lead to the old leader, so that the next request opens a connection to the new one."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
    close_old_connections()


def _answer(
    request: HttpRequest, status: int, *, title_zh: str, title_en: str, text_zh: str, text_en: str
) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({'error': title_en, 'error_zh': title_zh}, status=status)
    # Without a request, so that no context processor touches the session, and with it the database.
    words = {'title_zh': title_zh, 'title_en': title_en, 'text_zh': text_zh, 'text_en': text_en, 'status': status}
    return render(None, 'failure.html', words, status=status)  # type: ignore[arg-type]
