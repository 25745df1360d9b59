"""The JSON API of progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe
from learning.courses.models import Lesson
from learning.progress.models import LessonProgress, ProgressEvent
from learning.progress.recording import EventConflict, record
from learning.progress.reports import BadReport, read_report

EVENTS_A_PAGE = 1000


def learners_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view, answering 401 as JSON to whoever is not signed in: a program cannot follow a login page."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return JsonResponse({'error': 'sign in first', 'error_zh': '请先登录'}, status=401)
        return view(request, *arguments, **options)

    return guarded


@require_http_methods(['GET', 'HEAD', 'PUT'])
@learners_only
def lesson_progress(request: HttpRequest, lesson_id: int) -> HttpResponse:
    """Answer where the learner is, or record where they are now."""
    lesson = get_object_or_404(Lesson.objects.select_related('course'), id=lesson_id, published=True)
    if request.method == 'PUT':
        return _put(request, lesson)
    progress = LessonProgress.objects.filter(learner=request.user, lesson=lesson).first()
    return JsonResponse({
        'position_seconds': progress.position_seconds if progress else 0,
        'updated_at': progress.updated_at.isoformat() if progress and progress.updated_at else None,
        'device': progress.device if progress else None,
        'events': ProgressEvent.objects.filter(learner=request.user, lesson=lesson).count(),
    })  # fmt: skip


def _put(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    try:
        event = record(request.user, lesson, read_report(request.body, lesson.duration_seconds))
    except BadReport as error:
        return JsonResponse({'error': str(error)}, status=400)
    except EventConflict as error:
        return JsonResponse({'error': f'event {error} was used for something else'}, status=409)
    return JsonResponse(_as_json(event))


@require_safe
@learners_only
def event_list(request: HttpRequest) -> HttpResponse:
    """Return the learner's own events in order, a page at a time: what was acknowledged must be found here."""
    try:
        after = int(request.GET.get('after', '0'))
        limit = min(EVENTS_A_PAGE, max(1, int(request.GET.get('limit', str(EVENTS_A_PAGE)))))
    except ValueError:
        return JsonResponse({'error': 'after and limit: not whole numbers'}, status=400)
    if abs(after) >= 2**63:
        return JsonResponse({'error': 'after: too large'}, status=400)
    rows = list(ProgressEvent.objects.filter(learner=request.user, id__gt=after).order_by('id')[: limit + 1])
    page = rows[:limit]
    return JsonResponse({
        'events': [_as_json(event) for event in page],
        'next': page[-1].id if len(rows) > limit else None,
    })  # fmt: skip


def _as_json(event: ProgressEvent) -> dict[str, Any]:
    """Return the event as a client sees it: made of what never changes, so that a repetition gets the same answer."""
    return {
        'id': event.id,
        'event_id': str(event.event_id),
        'lesson': event.lesson_id,
        'position_seconds': event.position_seconds,
        'device': event.device,
        'recorded_at': event.recorded_at.isoformat(),
    }
