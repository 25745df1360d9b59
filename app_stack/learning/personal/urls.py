from __future__ import annotations

from django.urls import path
from learning.personal.views import my_data

urlpatterns = [path('', my_data, name='my-data')]
