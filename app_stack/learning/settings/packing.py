"""The settings with which a release collects its static files: no database, no cache, no secrets."""

from __future__ import annotations

import os

from learning.settings.base import *  # noqa: F403
from learning.settings.base import STATICFILES_DIRS

SECRET_KEY = 'only for packing, nothing is signed with it'
STATIC_ROOT = os.environ['ANLAN_STATIC_ROOT']
STATICFILES_DIRS = [*STATICFILES_DIRS, os.environ['ANLAN_VENDOR_ROOT']]
STORAGES = {
    'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},
    'staticfiles': {'BACKEND': 'learning.statics.ReleasedStatics'},
}
DATABASES: dict[str, dict[str, object]] = {}
