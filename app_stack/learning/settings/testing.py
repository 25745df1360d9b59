"""The settings of the unit tests: SQLite in memory, a cache in the process, and a hasher that costs nothing."""

from __future__ import annotations

from pathlib import Path

from learning.settings.base import *  # noqa: F403

DEBUG = False
SECRET_KEY = 'only for tests'
ALLOWED_HOSTS = ['testserver']
HOST_NAME = 'app-1'
RELEASE = 'unreleased'
MEDIA_ROOT = Path('/nonexistent')
MEDIA_URL = '/media/'
MEDIA_SIGNING_KEY = 'only for tests'
SIGNED_URL_SECONDS = 14400
PERSONAL_DATA_KEYS = ('only for tests, columns',)
PERSONAL_DATA_INDEX_KEYS = ('only for tests, index',)
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}
CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
