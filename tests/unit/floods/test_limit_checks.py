"""Limits that contradict each other are refused, and the defaults serve a class behind one address."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.platform.limits import Limits
from tests.unit.samples import lab, problems_of, with_values


def rate(per_second: int, burst: int) -> dict[str, int]:
    return {'per_second': per_second, 'burst': burst}


def test_the_defaults_serve_a_class_of_two_hundred_behind_one_address() -> None:
    limits = Limits()
    assert limits.class_learners == 200
    assert limits.syns.burst >= 200 * 6
    assert limits.connections >= 200 * 6
    assert limits.expensive.burst >= 200
    assert problems_of(lab()) == []


@pytest.mark.parametrize(
    ('values', 'path', 'reason'),
    [
        ({'class_learners': 201}, 'connections', '1200 is below class_learners × 6'),
        ({'class_learners': 201}, 'expensive.burst', '200 is below class_learners × 1'),
        ({'syns': rate(200, 1199), 'new_connections': rate(100, 1199)}, 'syns.burst', '1199 is below'),
        ({'new_connections': rate(100, 600)}, 'new_connections.burst', '600 is below'),
        ({'pages': rate(60, 1000)}, 'pages.burst', '1000 is below'),
        ({'pages': rate(39, 1200)}, 'pages.per_second', 'below the 40 a second'),
        ({'new_connections': rate(201, 1200)}, 'new_connections.per_second', '201 is above syns.per_second (200)'),
        ({'prefix_syns': rate(100, 4000)}, 'syns.per_second', '200 is above prefix_syns.per_second (100)'),
        ({'service_syns': rate(5000, 3000)}, 'prefix_syns.burst', '4000 is above service_syns.burst (3000)'),
        ({'expensive': rate(61, 200)}, 'expensive.per_second', '61 is above pages.per_second (60)'),
        ({'pages': rate(401, 1200)}, 'pages.per_second', '401 is above requests.per_second (400)'),
        ({'connections': 1501}, 'connections', 'more than a quarter of service_connections'),
    ],
)
def test_a_contradiction_is_said_with_its_path(values: dict[str, Any], path: str, reason: str) -> None:
    found = problems_of(with_values(lab(), {f'limits.{name}': value for name, value in values.items()}))
    assert any(each.path == f'limits.{path}' and reason in each.reason for each in found), found


@pytest.mark.parametrize('path', ['search', '/a b', '/a;return 200', '/a"', '/a$uri'])
def test_a_path_that_would_be_more_than_a_path_in_a_settings_file_is_refused(path: str) -> None:
    assert problems_of(with_values(lab(), {'limits.expensive_paths': [path]}))
