"""What is the same wherever the platform runs."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent

INSTALLED_APPS = [
    'django.contrib.auth',
    'django.contrib.contenttypes',
    'django.contrib.sessions',
    'django.contrib.staticfiles',
    'learning.apps.LearningConfig',
    'learning.accounts',
    'learning.personal',
    'learning.courses',
    'learning.progress',
    'learning.archive',
    'learning.migrating',
]

MIDDLEWARE = [
    # First, so that a health check needs neither a known host name nor a session.
    'learning.headers.HostHeaders',
    'learning.health.middleware.HealthEndpoints',
    'django.middleware.security.SecurityMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.locale.LocaleMiddleware',
    'django.middleware.common.CommonMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
    'learning.sessions.IdleMiddleware',
    'django.middleware.clickjacking.XFrameOptionsMiddleware',
]

ROOT_URLCONF = 'learning.urls'
WSGI_APPLICATION = 'learning.wsgi.application'
TEMPLATES = [
    {
        'BACKEND': 'django.template.backends.django.DjangoTemplates',
        'DIRS': [PACKAGE / 'templates'],
        'APP_DIRS': True,
        'OPTIONS': {
            'context_processors': [
                'django.template.context_processors.request',
                'django.contrib.auth.context_processors.auth',
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
AUTH_USER_MODEL = 'accounts.Learner'
AUTH_PASSWORD_VALIDATORS = [
    {'NAME': 'django.contrib.auth.password_validation.MinimumLengthValidator', 'OPTIONS': {'min_length': 8}},
    {'NAME': 'django.contrib.auth.password_validation.CommonPasswordValidator'},
    {'NAME': 'django.contrib.auth.password_validation.UserAttributeSimilarityValidator'},
]
PASSWORD_HASHERS = ['learning.accounts.hashers.LearnerHasher']
LOGIN_URL = '/accounts/login/'
LOGIN_REDIRECT_URL = '/courses/'
LOGOUT_REDIRECT_URL = '/courses/'

LANGUAGE_CODE = 'zh-hans'
LANGUAGES = [('zh-hans', '简体中文'), ('en', 'English')]
USE_I18N = True
USE_TZ = True
TIME_ZONE = 'Asia/Shanghai'

STATIC_URL = '/static/'
STATICFILES_DIRS = [PACKAGE / 'static']

SESSION_ENGINE = 'learning.sessions'
SESSION_COOKIE_AGE = 1800
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = 'Lax'
CSRF_COOKIE_SAMESITE = 'Lax'
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = 'same-origin'
X_FRAME_OPTIONS = 'DENY'
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024

LOGIN_FAILURES_ALLOWED = 20
LOGIN_FAILURES_WINDOW_SECONDS = 300
BLOCK_LIST_SOCKET: str | None = None
READINESS_DEADLINE_SECONDS = 1.0

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {'plain': {'format': '{levelname} {name}: {message}', 'style': '{'}},
    'filters': {'passing': {'()': 'learning.logs.PassingFailures'}},
    'handlers': {
        'standard_error': {'class': 'logging.StreamHandler', 'formatter': 'plain', 'filters': ['passing']},
    },
    'root': {'handlers': ['standard_error'], 'level': 'INFO'},
    'loggers': {'django': {'handlers': ['standard_error'], 'level': 'INFO', 'propagate': False}},
}
