"""A release's identity: the hash of everything that goes into it, so that an unchanged source makes no new release."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from app_stack.release.files import files_below, sha256_of
from app_stack.release.media import recipe_hash
from app_stack.release.model import COURSES_FILE, load_courses
from app_stack.release.player import player_name

SOURCE = Path(__file__).resolve().parent.parent
ID_LENGTH = 20


def release_id(source: Path = SOURCE) -> str:
    """Given the folder of the application, return the id of its release, 20 hexadecimal digits.

    Inputs: the application, its requirements, this packer, and the recipes of the media with ffmpeg's version.
    """
    courses = load_courses(source / 'release' / COURSES_FILE.name)
    inputs = {
        'application': {name: sha256_of(path) for name, path in files_below(source / 'learning')},
        'packer': {name: sha256_of(path) for name, path in files_below(source / 'release')},
        'project': {name: sha256_of(source / name) for name in ('pyproject.toml', 'requirements.txt')},
        'media': {lesson.key: recipe_hash(lesson) for course in courses for lesson in course.lessons},
        'player': player_name(),
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:ID_LENGTH]
