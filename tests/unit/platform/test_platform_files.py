"""The platform files that come with Anlan are good, and can stand beside each other."""

from __future__ import annotations

from itertools import combinations

import pytest

from anlan.paths import ROOT
from anlan.platform import Platform, load_platform
from tests.unit.samples import lab, platform_of, with_values

FOLDER = ROOT / 'infra' / 'platforms'
FILES = sorted(FOLDER.glob('*.yaml'))


def collisions(one: Platform, other: Platform) -> list[str]:
    """Given two platforms, return what they would take from each other on one machine."""
    found = [f'name {one.name}'] if one.name == other.name else []
    if one.front_door.name == other.front_door.name:
        found.append(f'front door {one.front_door.name}')
    found += [
        f'{left} {a.subnet} and {right} {b.subnet}'
        for left, a in one.zones.items()
        for right, b in other.zones.items()
        if a.subnet.overlaps(b.subnet)
    ]
    return found


def test_the_lab_and_the_tests_own_platform_are_there() -> None:
    assert {'lab.yaml', 'test.yaml'} <= {file.name for file in FILES}


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_a_platform_file_is_good_and_named_as_its_platform(file) -> None:  # type: ignore[no-untyped-def]
    platform = load_platform(file)
    assert platform.name == file.stem


@pytest.mark.parametrize(('one', 'other'), combinations(FILES, 2), ids=lambda file: file.stem)
def test_two_platforms_stand_beside_each_other(one, other) -> None:  # type: ignore[no-untyped-def]
    assert collisions(load_platform(one), load_platform(other)) == []


def test_platforms_that_collide_are_seen() -> None:
    first = platform_of(lab())
    values = {'name': 'other', 'front_door.name': 'learn.other.test', 'zones.app.subnet': '10.0.0.0/24'}
    second = platform_of(with_values(lab(), values))
    assert len(collisions(first, first)) == 10
    assert collisions(first, second) == [
        f'{zone} {found.subnet} and {zone} {found.subnet}' for zone, found in first.zones.items() if zone != 'app'
    ]


def test_the_lab_is_in_the_range_for_testing_network_devices() -> None:
    subnets = [zone.subnet for file in FILES for zone in load_platform(file).zones.values()]
    assert all(str(subnet).startswith(('198.18.', '198.19.')) for subnet in subnets)
