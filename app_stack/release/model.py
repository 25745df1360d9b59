"""A release, and the courses that it brings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COURSES_FILE = Path(__file__).with_name('courses.json')


class PackingFailed(Exception):
    """A release that could not be packed: one sentence that says why, and what to do about it."""


@dataclass(frozen=True)
class Media:
    """The ladder of one lesson: which lesson, the hash that is its address, and how long it plays."""

    lesson: str
    sha256: str
    duration_seconds: float


@dataclass(frozen=True)
class Release:
    """A packed release: its id (of the inputs), its file, the file's own sha256, and its media."""

    id: str
    path: Path
    sha256: str
    size_bytes: int
    media: tuple[Media, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the release as plain data."""
        return {
            'id': self.id,
            'path': str(self.path),
            'sha256': self.sha256,
            'size_bytes': self.size_bytes,
            'media': [vars(media) for media in self.media],
        }


@dataclass(frozen=True)
class LessonRecipe:
    """How the video of a lesson is made."""

    key: str
    title_zh: str
    title_en: str
    duration_seconds: int
    colours: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class CourseRecipe:
    """A course with its lessons, in order."""

    slug: str
    title_zh: str
    title_en: str
    summary_zh: str
    summary_en: str
    lessons: tuple[LessonRecipe, ...]
    restricted: bool = False


def load_courses(file: Path = COURSES_FILE) -> tuple[CourseRecipe, ...]:
    """Given the file of courses, return them. Raise PackingFailed if a key is missing."""
    courses = []
    try:
        for course_number, course in enumerate(json.loads(file.read_text(encoding='utf-8'))):
            lessons = tuple(
                LessonRecipe(
                    key=lesson['key'],
                    title_zh=lesson['title_zh'],
                    title_en=lesson['title_en'],
                    duration_seconds=lesson['duration_seconds'],
                    colours=tuple(course['colours']),
                    seed=100 * course_number + lesson_number + 1,
                )
                for lesson_number, lesson in enumerate(course['lessons'])
            )
            words = {key: course[key] for key in ('slug', 'title_zh', 'title_en', 'summary_zh', 'summary_en')}
            courses.append(CourseRecipe(**words, lessons=lessons, restricted=bool(course.get('restricted', False))))
    except (KeyError, TypeError, ValueError) as error:
        raise PackingFailed(f'{file.name} cannot be used: {error!r}') from error
    return tuple(courses)
