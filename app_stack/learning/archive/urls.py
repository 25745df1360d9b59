from __future__ import annotations

from django.urls import path
from learning.archive.views import archive_page

urlpatterns = [path('', archive_page, name='archive')]
