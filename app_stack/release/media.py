"""Media: the HLS ladder of a lesson, made by ffmpeg so that the same recipe gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from app_stack.release.commands import find_program, run
from app_stack.release.files import hashes_below
from app_stack.release.model import LessonRecipe, Media

# The hosts look for the list under this name too (learning/courses/ladders.py).
LIST_NAME = 'ladder.json'
SEGMENT_SECONDS = 2
FRAMES_PER_SECOND = 24
ENCODING_DEADLINE_SECONDS = 180.0
# Anything that changes the bytes but not the fields of a recipe.
RECIPE_VERSION = 1


@dataclass(frozen=True)
class Rendition:
    """One step of the ladder."""

    name: str
    width: int
    height: int
    video_bits_per_second: int
    audio_bits_per_second: int = 48_000


RENDITIONS = (Rendition('240p', 426, 240, 200_000), Rendition('360p', 640, 360, 450_000))


@cache
def encoder_version() -> str:
    """Return ffmpeg's version: another one makes other bytes, and so another ladder. Raise PackingFailed without it."""
    return run([find_program('ffmpeg', 'the videos of the lessons'), '-version'], 20).splitlines()[0]


def recipe_hash(lesson: LessonRecipe) -> str:
    """Given a lesson, return the hash of all that decides the bytes of its ladder; its titles do not."""
    recipe = {
        'version': RECIPE_VERSION,
        'encoder': encoder_version(),
        'renditions': [asdict(rendition) for rendition in RENDITIONS],
        'segment_seconds': SEGMENT_SECONDS,
        'frames_per_second': FRAMES_PER_SECOND,
        'duration_seconds': lesson.duration_seconds,
        'colours': lesson.colours,
        'seed': lesson.seed,
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def make_ladder(lesson: LessonRecipe, cache_directory: Path, report: Callable[[str], None]) -> tuple[Media, Path]:
    """Given a lesson, return its media and the folder of its ladder, from the cache or made now.

    Raise PackingFailed if ffmpeg does not make it.
    """
    folder = cache_directory / 'media' / recipe_hash(lesson)
    if not (folder / LIST_NAME).is_file():
        report(f'encoding {lesson.key} ({lesson.duration_seconds} s)')
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.encoding-', dir=folder.parent) as name:
            made = Path(name) / 'ladder'
            made.mkdir()
            _encode(lesson, made)
            content = json.dumps({'files': hashes_below(made)}, sort_keys=True, indent=1)
            (made / LIST_NAME).write_text(content, encoding='utf-8')
            _publish(made, folder)
    sha256 = hashlib.sha256((folder / LIST_NAME).read_bytes()).hexdigest()
    return Media(lesson.key, sha256, float(lesson.duration_seconds)), folder


def _publish(made: Path, folder: Path) -> None:
    """Give the finished ladder its name in one step; where another run was quicker, its ladder is as good."""
    try:
        made.rename(folder)
    except OSError:
        if not (folder / LIST_NAME).is_file():
            raise


def _encode(lesson: LessonRecipe, folder: Path) -> None:
    """Write playlists and segments: one thread and bitexact everywhere, else ffmpeg's output differs each time."""
    top = RENDITIONS[-1]
    colours = ':'.join(f'c{number}={colour}' for number, colour in enumerate(lesson.colours))
    picture = (
        f'gradients=s={top.width}x{top.height}:r={FRAMES_PER_SECOND}:d={lesson.duration_seconds}:speed=0.02'
        f':n={len(lesson.colours)}:seed={lesson.seed}:{colours}'
    )
    sound = f'sine=frequency={220 + 20 * lesson.seed}:sample_rate=44100:duration={lesson.duration_seconds},volume=0.05'
    scaled = ';'.join(
        f'[in{number}]scale={rendition.width}:{rendition.height}:flags=bicubic+bitexact[v{number}]'
        for number, rendition in enumerate(RENDITIONS)
    )
    inputs = ''.join(f'[in{number}]' for number in range(len(RENDITIONS)))
    argv: list[str | Path] = [
        find_program('ffmpeg', 'the videos of the lessons'), '-hide_banner', '-loglevel', 'error', '-nostdin', '-y',
        '-filter_threads', '1', '-filter_complex_threads', '1',
        '-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound,
        '-filter_complex', f'[0:v]format=yuv420p,split={len(RENDITIONS)}{inputs};{scaled}',
    ]  # fmt: skip
    for number, rendition in enumerate(RENDITIONS):
        output = folder / rendition.name
        output.mkdir()
        argv += [
            '-map', f'[v{number}]', '-map', '1:a',
            '-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-threads', '1',
            '-b:v', str(rendition.video_bits_per_second), '-maxrate', str(rendition.video_bits_per_second),
            '-bufsize', str(2 * rendition.video_bits_per_second),
            '-g', str(SEGMENT_SECONDS * FRAMES_PER_SECOND), '-keyint_min', str(SEGMENT_SECONDS * FRAMES_PER_SECOND),
            '-sc_threshold', '0', '-c:a', 'aac', '-b:a', str(rendition.audio_bits_per_second),
            '-flags:v', '+bitexact', '-flags:a', '+bitexact', '-fflags', '+bitexact', '-map_metadata', '-1',
            '-f', 'hls', '-hls_time', str(SEGMENT_SECONDS), '-hls_playlist_type', 'vod', '-hls_list_size', '0',
            '-hls_flags', 'independent_segments', '-hls_segment_filename', output / '%03d.ts', output / 'index.m3u8',
        ]  # fmt: skip
    run(argv, ENCODING_DEADLINE_SECONDS)
    (folder / 'master.m3u8').write_text(_master_playlist(), encoding='utf-8')


def _master_playlist() -> str:
    lines = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-INDEPENDENT-SEGMENTS']
    for rendition in RENDITIONS:
        # A tenth more for the transport stream around sound and picture.
        bandwidth = round(1.1 * (rendition.video_bits_per_second + rendition.audio_bits_per_second))
        lines += [
            f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={rendition.width}x{rendition.height},'
            f'FRAME-RATE={FRAMES_PER_SECOND}.000,CODECS="avc1.42c01e,mp4a.40.2"',
            f'{rendition.name}/index.m3u8',
        ]
    return '\n'.join(lines) + '\n'
