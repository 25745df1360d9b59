"""Django for the tests of the learning platform: settings, a database in memory, and a clean one for each test."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / 'app_stack'))
os.environ['DJANGO_SETTINGS_MODULE'] = 'learning.settings.testing'

import django  # noqa: E402 - its settings come first

django.setup()


@pytest.fixture(scope='session')
def _databases() -> Iterator[None]:
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

    setup_test_environment()
    made = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(made, verbosity=0)
    teardown_test_environment()


@pytest.fixture
def database(_databases: None) -> Iterator[None]:
    """Give an empty database: what the test writes is there for other threads too, and gone afterwards."""
    from django.apps import apps
    from django.core.cache import cache
    from django.db import connection

    cache.clear()
    yield
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'DELETE FROM {connection.ops.quote_name(model._meta.db_table)}')


@pytest.fixture
def course(database: None):
    """Give a published course with two lessons of ten seconds."""
    from learning.courses.models import Course, Lesson

    made = Course.objects.create(slug='height', title_zh='高处作业', title_en='Height', position=0)
    for number in (1, 2):
        Lesson.objects.create(
            course=made, key=f'height-{number}', title_zh=f'第{number}课', title_en=f'Lesson {number}',
            position=number, duration_seconds=10, media_sha256=str(number) * 64, published=True,
        )  # fmt: skip
    return made


@pytest.fixture
def learner(database: None):
    from learning.accounts.models import Learner

    return Learner.objects.create_user('wang', password='a long password')


@pytest.fixture
def client(learner):
    """Give the browser of the learner, signed in."""
    from django.test import Client

    browser = Client(raise_request_exception=False)
    browser.force_login(learner)
    return browser


@pytest.fixture(scope='session')
def host_program() -> ModuleType:
    """Give the program that deploys on a host, as a module."""
    file = CHECKOUT / 'playbooks/roles/application/files/anlan-release'
    loader = importlib.machinery.SourceFileLoader('anlan_release', str(file))
    specification = importlib.util.spec_from_loader('anlan_release', loader)
    assert specification
    module = importlib.util.module_from_spec(specification)
    sys.modules['anlan_release'] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module
