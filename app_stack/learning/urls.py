"""Every address of the platform but /healthz and /readyz (learning/health), /media/ and /static/ (nginx)."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

urlpatterns = [
    path('', RedirectView.as_view(pattern_name='courses'), name='home'),
    path('language/', set_language, name='language'),
    path('accounts/', include('learning.accounts.urls')),
    path('accounts/me/', include('learning.personal.urls')),
    path('', include('learning.courses.urls')),
    path('', include('learning.progress.urls')),
    path('archive/', include('learning.archive.urls')),
]

handler500 = 'learning.failures.server_error'
handler404 = 'learning.failures.not_found'
