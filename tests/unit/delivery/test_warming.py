"""Warming: every file of a course by its address, signed where it is restricted; a course that is not there is said."""

from __future__ import annotations

import pytest

from anlan.cli.warming import Ladder, parse_courses, paths_of
from anlan.errors import BadInput
from infra.signing import signed_path

LESSON = {'media_sha256': 'a' * 64, 'files': {'master.m3u8': 'b' * 64, '240p/000.ts': 'c' * 64}}
COURSES = [{'slug': 'open', 'lessons': [LESSON]}, {'slug': 'held', 'restricted': True, 'lessons': [LESSON]}]


def test_a_course_is_found_by_its_slug() -> None:
    assert parse_courses(COURSES, 'held') == [Ladder('a' * 64, LESSON['files'], True)]
    with pytest.raises(BadInput, match="no course 'absent'; there are open, held"):
        parse_courses(COURSES, 'absent')


def test_open_files_have_their_path_and_restricted_ones_a_signed_one() -> None:
    opened = paths_of(parse_courses(COURSES, 'open'), '', 5)
    assert opened == {f'/media/{"a" * 64}/master.m3u8': 'b' * 64, f'/media/{"a" * 64}/240p/000.ts': 'c' * 64}
    held = paths_of(parse_courses(COURSES, 'held'), 'key', 5)
    assert set(held) == {signed_path('key', 5, 'a' * 64, name) for name in LESSON['files']}
