"""The pages of courses and lessons, and the list of courses for programs."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from learning.courses.models import Course, Lesson
from learning.progress.models import LessonProgress

SEARCH_CHARACTERS, SEARCH_WORDS = 100, 5
SEARCHED = ('title_zh', 'title_en', 'summary_zh', 'summary_en', 'lessons__title_zh', 'lessons__title_en')


def shown_courses() -> QuerySet[Course]:
    """Return courses that have a published lesson, each with its published lessons."""
    lessons = Prefetch('lessons', Lesson.objects.filter(published=True))
    return Course.objects.filter(lessons__published=True).distinct().prefetch_related(lessons)


@require_safe
def course_list(request: HttpRequest) -> HttpResponse:
    """Show every course."""
    return render(request, 'courses/list.html', {'courses': shown_courses()})


@require_safe
def course_search(request: HttpRequest) -> HttpResponse:
    """Show the courses in which the words of `q` stand, in a title, a summary or the title of a lesson."""
    text = request.GET.get('q', '').strip()[:SEARCH_CHARACTERS]
    courses = shown_courses()
    for word in text.split()[:SEARCH_WORDS]:
        found = [Q(**{f'{field}__icontains': word}) for field in SEARCHED]
        courses = courses.filter(reduce(or_, found))
    return render(request, 'courses/list.html', {'courses': courses, 'searched': text})


@require_safe
def course_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one course and how far the learner is in each lesson."""
    course = get_object_or_404(shown_courses(), slug=slug)
    furthest = {}
    if request.user.is_authenticated:
        rows = LessonProgress.objects.filter(learner=request.user, lesson__course=course)
        furthest = {row.lesson_id: row.furthest_seconds for row in rows}
    lessons = [
        {'lesson': lesson, 'percent': min(100, round(100 * furthest.get(lesson.id, 0) / lesson.duration_seconds))}
        for lesson in course.lessons.all()
    ]
    return render(request, 'courses/course.html', {'course': course, 'lessons': lessons})


@require_safe
@login_required
@ensure_csrf_cookie
def lesson_page(request: HttpRequest, lesson_id: int) -> HttpResponse:
    """Show one lesson with its player, at the position where the learner left it on whatever device."""
    lesson = get_object_or_404(Lesson.objects.select_related('course'), id=lesson_id, published=True)
    siblings = list(lesson.course.lessons.filter(published=True))
    following = next((other for other in siblings if other.position > lesson.position), None)
    return render(request, 'courses/lesson.html', {'lesson': lesson, 'following': following})


@require_safe
def course_api(request: HttpRequest) -> JsonResponse:
    """Return the courses and lessons as JSON; who has not signed in gets no address of restricted media."""
    courses = []
    for course in shown_courses():
        may_play = request.user.is_authenticated or not course.restricted
        courses.append(
            {
                'slug': course.slug,
                'restricted': course.restricted,
                'title_zh': course.title_zh,
                'title_en': course.title_en,
                'lessons': [
                    {
                        'id': lesson.id,
                        'key': lesson.key,
                        'title_zh': lesson.title_zh,
                        'title_en': lesson.title_en,
                        'duration_seconds': lesson.duration_seconds,
                        'playlist': lesson.playlist_url if may_play else '',
                    }
                    for lesson in course.lessons.all()
                ],
            }
        )
    return JsonResponse({'courses': courses})
