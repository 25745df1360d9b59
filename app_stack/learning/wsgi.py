"""The entry point of gunicorn."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'learning.settings.production')

application = get_wsgi_application()
# Load the pages' code now: gunicorn forks after this, and no learner waits for it.
_ = get_resolver().url_patterns
