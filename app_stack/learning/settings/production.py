"""The settings of a host: everything that differs comes from the environment."""

from __future__ import annotations

import os

from learning.environment import load_environment
from learning.settings.base import *  # noqa: F403

ENVIRONMENT = load_environment(os.environ)

DEBUG = False
SECRET_KEY = ENVIRONMENT.secret_key
# Accepted beside it while it is rotated: the one that comes, and the one before.
SECRET_KEY_FALLBACKS = list(ENVIRONMENT.secret_key_fallbacks)
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENVIRONMENT.trusted_origins)
HOST_NAME = ENVIRONMENT.host_name
RELEASE = ENVIRONMENT.release
MEDIA_ROOT = ENVIRONMENT.media_root
BLOCK_LIST_SOCKET = ENVIRONMENT.block_list_socket
MEDIA_URL = '/media/'
MEDIA_SIGNING_KEY = ENVIRONMENT.media_signing_key
SIGNED_URL_SECONDS = ENVIRONMENT.signed_url_seconds
PERSONAL_DATA_KEYS = ENVIRONMENT.personal_data_keys
PERSONAL_DATA_INDEX_KEYS = ENVIRONMENT.personal_data_index_keys

_DATABASE_OPTIONS: dict[str, object] = {
    'connect_timeout': 3,
    'application_name': f'learning@{ENVIRONMENT.host_name}',
    # PostgreSQL stops this clock before a COMMIT waits for its replica, so it never turns an
    # unreplicated write into an acknowledged one.
    'options': '-c statement_timeout=5000 -c lock_timeout=4000',
    # A leader that vanished without a word is found out by the local HAProxy; this is for its absence.
    'tcp_user_timeout': 10000,
}
if ENVIRONMENT.database_host_address:
    _DATABASE_OPTIONS['hostaddr'] = ENVIRONMENT.database_host_address
if ENVIRONMENT.authority_file:
    _DATABASE_OPTIONS |= {'sslmode': 'verify-full', 'sslrootcert': str(ENVIRONMENT.authority_file)}
DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.postgresql',
        'HOST': ENVIRONMENT.database_host,
        'PORT': ENVIRONMENT.database_port,
        'NAME': ENVIRONMENT.database_name,
        'USER': ENVIRONMENT.database_user,
        'PASSWORD': ENVIRONMENT.database_password,
        'CONN_MAX_AGE': 60,
        # After a change of leader the first request on an old connection notices and opens a new one.
        'CONN_HEALTH_CHECKS': True,
        'OPTIONS': _DATABASE_OPTIONS,
    },
}
CACHES = {
    'default': {
        'BACKEND': 'learning.cache.SentinelCache',
        'LOCATION': [f'{host}:{port}' for host, port in ENVIRONMENT.cache_sentinels],
        'KEY_PREFIX': 'learning',
        'OPTIONS': {
            'master': ENVIRONMENT.cache_master,
            'password': ENVIRONMENT.cache_password,
            'authority_file': str(ENVIRONMENT.authority_file) if ENVIRONMENT.authority_file else None,
        },
    },
}
STORAGES = {
    'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},
    'staticfiles': {'BACKEND': 'learning.statics.ReleasedStatics'},
}
# Beside the installed package: the release's own list of hashed names (see learning/statics.py).
STATIC_ROOT = os.environ.get('ANLAN_STATIC_ROOT', '/opt/anlan/current/static')

SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_AGE = ENVIRONMENT.session_idle_seconds
CSRF_COOKIE_SECURE = True
