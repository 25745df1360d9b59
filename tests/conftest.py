"""Long tests run with ANLAN_LONG=1 (`make test-long`) and are left out otherwise, never shown as skipped."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get('ANLAN_LONG'):
        return
    long = [item for item in items if item.get_closest_marker('long')]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)
