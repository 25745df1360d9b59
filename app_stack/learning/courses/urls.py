from __future__ import annotations

from django.urls import path
from learning.courses.views import course_api, course_list, course_page, course_search, lesson_page

urlpatterns = [
    path('courses/', course_list, name='courses'),
    path('search/', course_search, name='search'),
    path('courses/<slug:slug>/', course_page, name='course'),
    path('lessons/<int:lesson_id>/', lesson_page, name='lesson'),
    path('api/courses/', course_api, name='course-api'),
]
