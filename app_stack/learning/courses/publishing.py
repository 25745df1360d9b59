"""Publishing: courses of a release's manifest become rows; a lesson is shown only if its media were verified here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from learning.courses.ladders import fault_of
from learning.courses.models import Course, Lesson


@dataclass(frozen=True)
class Published:
    """What publishing did, and which lessons stay hidden for which reason."""

    changed: int
    shown: int
    refused: tuple[str, ...]


def publish(manifest: Mapping[str, Any], media_root: Path) -> Published:
    """Given a release's manifest and where its media are, create or update its courses and lessons.

    Lessons that the manifest no longer has are hidden, never deleted: learners' progress and archive refer to them.
    """
    changed = shown = 0
    refused: list[str] = []
    kept: set[str] = set()
    with transaction.atomic():
        for course_position, course in enumerate(manifest['courses']):
            words = {key: course[key] for key in ('title_zh', 'title_en', 'summary_zh', 'summary_en')}
            row, touched = _put(
                Course,
                {'slug': course['slug']},
                words
                | {
                    'position': course_position,
                    'restricted': course.get('restricted', False),
                },
            )
            changed += touched
            for position, lesson in enumerate(course['lessons']):
                kept.add(lesson['key'])
                fault = fault_of(media_root, lesson['media_sha256'])
                if fault:
                    refused.append(f'{lesson["key"]}: {fault}')
                shown += fault is None
                changed += _put(Lesson, {'key': lesson['key']}, {
                    'course': row,
                    'title_zh': lesson['title_zh'],
                    'title_en': lesson['title_en'],
                    'position': position,
                    'duration_seconds': lesson['duration_seconds'],
                    'media_sha256': lesson['media_sha256'],
                    'published': fault is None,
                })[1]  # fmt: skip
        changed += Lesson.objects.filter(published=True).exclude(key__in=kept).update(published=False)
    return Published(changed, shown, tuple(refused))


def _put(model: type, key: dict[str, Any], values: dict[str, Any]) -> tuple[Any, bool]:
    """Return the row with this key and these values, and whether it had to be written."""
    row = model.objects.filter(**key).first()
    if row is None:
        return model.objects.create(**key, **values), True
    if all(getattr(row, name) == value for name, value in values.items()):
        return row, False
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row, True
