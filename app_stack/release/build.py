"""Building a release: everything is made in a temporary folder and appears under its name in one step."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app_stack.release.files import hashes_below, sha256_of, write_tar
from app_stack.release.identity import release_id
from app_stack.release.media import make_ladder
from app_stack.release.model import CourseRecipe, Media, Release, load_courses
from app_stack.release.statics import collect_statics
from app_stack.release.wheels import REQUIREMENTS, application_wheel, locked_wheels

MANIFEST_FORMAT = 1


def build_release(output_directory: Path, cache_directory: Path, report: Callable[[str], None]) -> Release:
    """Given where releases go and what may be kept between builds, return the release of the present source.

    One that was built before is taken as it is, if its tar still has its hash. A build that is cut off leaves
    nothing that a later one would take for a release. Raise PackingFailed with a sentence for the user.
    """
    identity = release_id()
    output_directory.mkdir(parents=True, exist_ok=True)
    cache_directory.mkdir(parents=True, exist_ok=True)
    with _alone(output_directory):
        present = _present(output_directory, identity)
        if present:
            report(f'release {identity} is packed already')
            return present
        return _build(identity, output_directory, cache_directory, report)


@contextmanager
def _alone(output_directory: Path) -> Iterator[None]:
    """Hold the folder's lock; it ends with the process, however the process ends."""
    with (output_directory / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _present(output_directory: Path, identity: str) -> Release | None:
    """Return the release that is there already and whole, or None."""
    archive = output_directory / f'{identity}.tar'
    try:
        known = json.loads((output_directory / f'{identity}.json').read_text(encoding='utf-8'))
        if sha256_of(archive) != known['sha256']:
            return None
        media = tuple(Media(**entry) for entry in known['media'])
        return Release(identity, archive, known['sha256'], known['size_bytes'], media)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(identity: str, output_directory: Path, cache_directory: Path, report: Callable[[str], None]) -> Release:
    report(f'packing release {identity}')
    courses = load_courses()
    with TemporaryDirectory(prefix='.packing-', dir=output_directory) as name:
        content, archive = Path(name) / 'content', Path(name) / 'release.tar'
        wheels = content / 'wheels'
        shutil.copytree(locked_wheels(cache_directory, report), wheels)
        own_wheel = application_wheel(wheels, cache_directory)
        shutil.copy(REQUIREMENTS, content)
        collect_statics(wheels, own_wheel, content / 'static', cache_directory, report)
        media = _put_media(courses, content / 'media', cache_directory, report)
        manifest = {
            'format': MANIFEST_FORMAT,
            'id': identity,
            'courses': [_as_manifest(course, media) for course in courses],
            'files': hashes_below(content),
        }
        text = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False)
        (content / 'manifest.json').write_text(text, encoding='utf-8')
        write_tar(content, archive)
        ladders = tuple(media[lesson.key] for course in courses for lesson in course.lessons)
        final = output_directory / f'{identity}.tar'
        release = Release(identity, final, sha256_of(archive), archive.stat().st_size, ladders)
        described = Path(name) / 'release.json'
        described.write_text(json.dumps(release.as_json(), indent=1), encoding='utf-8')
        # The description last: a tar without one is not a release yet.
        archive.rename(final)
        described.rename(output_directory / f'{identity}.json')
    report(f'packed release {identity}, {release.size_bytes / 1_000_000:.1f} MB')
    return release


def _put_media(
    courses: tuple[CourseRecipe, ...], target: Path, cache_directory: Path, report: Callable[[str], None]
) -> dict[str, Media]:
    """Make every ladder, as many at once as there are cores, and put each under its hash."""
    lessons = [lesson for course in courses for lesson in course.lessons]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = list(pool.map(lambda lesson: make_ladder(lesson, cache_directory, report), lessons))
    for media, folder in made:
        if not (target / media.sha256).exists():
            shutil.copytree(folder, target / media.sha256)
    return {media.lesson: media for media, _ in made}


def _as_manifest(course: CourseRecipe, media: dict[str, Media]) -> dict[str, Any]:
    return {
        'slug': course.slug,
        'title_zh': course.title_zh,
        'title_en': course.title_en,
        'summary_zh': course.summary_zh,
        'summary_en': course.summary_en,
        'restricted': course.restricted,
        'lessons': [
            {
                'key': lesson.key,
                'title_zh': lesson.title_zh,
                'title_en': lesson.title_en,
                'duration_seconds': media[lesson.key].duration_seconds,
                'media_sha256': media[lesson.key].sha256,
            }
            for lesson in course.lessons
        ],
    }
