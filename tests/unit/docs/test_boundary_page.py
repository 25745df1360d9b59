"""What docs/boundary.md and docs/boundary.zh.md say is what the code does."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from anlan.paths import ROOT
from anlan.platform import Platform
from anlan.platform.block_list import BlockList
from anlan.platform.limits import Limits, Rate
from app_stack.learning.accounts import reporting

sys.path.append(str(ROOT / 'playbooks' / 'roles' / 'block_list' / 'files'))

from block_list import scores, sensors

PAGES = {name: (ROOT / 'docs' / name).read_text(encoding='utf-8') for name in ('boundary.md', 'boundary.zh.md')}
KEY = re.compile(r'`((?:cloud|limits|block_list|delivery|inspection)\.[a-z_]+)(?:: [^`]+)?`')
RATE = re.compile(r'^\| `limits\.(\w+)` \| (\d+) \| (\d+) \|$', re.MULTILINE)


def rows(page: str) -> list[list[str]]:
    """Given a page, return its tables' rows, cell by cell."""
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in page.splitlines() if line.startswith('|')]


def unknown_keys(page: str) -> list[str]:
    """Given a page, return the keys that it names and that the platform file does not have."""
    schema: dict[str, Any] = Platform.model_json_schema()
    names = {
        f'{section}.{name}'
        for section, title in {
            'cloud': 'Cloud', 'limits': 'Limits', 'block_list': 'BlockList', 'delivery': 'Delivery',
            'inspection': 'Inspection',
        }.items()
        for name in schema['$defs'][title]['properties']
    }  # fmt: skip
    return sorted(set(KEY.findall(page)) - names)


def wrong_rates(page: str) -> list[str]:
    """Given a page, return the limits whose rate it says wrong or leaves out."""
    said = {name: (int(rate), int(burst)) for name, rate, burst in RATE.findall(page)}
    limits = {name: value for name, value in Limits() if isinstance(value, Rate)}
    return sorted(name for name, rate in limits.items() if said.get(name) != (rate.per_second, rate.burst))


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_every_key_that_is_named_exists(page: str) -> None:
    assert len(set(KEY.findall(page))) > 10
    assert unknown_keys(page) == []


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_limits_are_those_of_the_platform_file(page: str) -> None:
    assert wrong_rates(page) == []


@pytest.mark.parametrize('page', PAGES.values(), ids=PAGES)
def test_points_are_those_of_the_sensors(page: str) -> None:
    cells = [row[-1] for row in rows(page)]
    assert str(scores.THRESHOLD) in cells
    assert str(sensors.DENIAL_POINTS) in cells
    assert ', '.join(str(sensors.ALERT_POINTS[severity]) for severity in (1, 2, 3)) in cells
    assert str(sensors.LIMIT_POINTS) in cells
    assert f'{reporting.FAILURE_POINTS}; {reporting.THROTTLED_POINTS}' in cells
    assert '`block_list.window_seconds`' in page and f'{BlockList().window_seconds} s' in page
    assert f'{BlockList().seconds} s' in page
    assert str(sensors.SEVERE_ANOMALY_SCORE) in page


def test_both_languages_say_the_same() -> None:
    english, chinese = (rows(page) for page in PAGES.values())
    assert [len(row) for row in english] == [len(row) for row in chinese]
    for one, other in zip(english, chinese, strict=True):
        assert sorted(re.findall(r'`[^`]+`|\d+', ' '.join(one))) == sorted(re.findall(r'`[^`]+`|\d+', ' '.join(other)))
    assert sorted(KEY.findall(PAGES['boundary.md'])) == sorted(KEY.findall(PAGES['boundary.zh.md']))


def test_a_page_that_is_wrong_is_found() -> None:
    page = PAGES['boundary.md']
    assert wrong_rates(page.replace('| `limits.pages` | 60 |', '| `limits.pages` | 61 |')) == ['pages']
    assert wrong_rates(page.replace('| `limits.syns` ', '| `limits.sins` ')) == ['syns']
    assert unknown_keys(page + '`cloud.moon`') == ['cloud.moon']
