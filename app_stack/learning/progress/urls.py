from __future__ import annotations

from django.urls import path
from learning.progress.views import event_list, lesson_progress

urlpatterns = [
    path('api/lessons/<int:lesson_id>/progress/', lesson_progress, name='lesson-progress'),
    path('api/progress/events/', event_list, name='event-list'),
]
