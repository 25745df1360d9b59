"""Warming: every file of a course fetched through every edge, a few at a time, before a mass training asks for it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from anlan.console import Step
from anlan.errors import AnlanError, BadInput
from anlan.paths import ROOT, PlatformPaths
from anlan.platform import Platform
from anlan.remote import Remote, Unreachable
from anlan.secret_store import deployed_secret
from infra.signing import signed_path

ASK_SECONDS = 20.0
BATCH = 12
BATCH_SECONDS = 90.0
WORKERS = 4
"""Files fetched at a time through one edge: a warm-up must not be a flood."""

COURSES = (
    'import json, pathlib\n'
    'release = json.loads(pathlib.Path("/opt/anlan/current/manifest.json").read_text())\n'
    'for course in release["courses"]:\n'
    '    for lesson in course["lessons"]:\n'
    '        folder = pathlib.Path("/var/lib/anlan/media", lesson["media_sha256"])\n'
    '        lesson["files"] = json.loads((folder / "ladder.json").read_text())["files"]\n'
    'print(json.dumps(release["courses"]))\n'
)


@dataclass(frozen=True)
class Ladder:
    """The media of one lesson: its hash, the hash of each file by name, and whether its addresses are signed."""

    sha256: str
    files: Mapping[str, str]
    restricted: bool


@dataclass
class Warmed:
    """What one edge was asked for and gave."""

    edge: str
    files: int = 0
    body_bytes: int = 0
    hits: int = 0
    failures: list[str] = field(default_factory=list)


def ladders_of_course(remote: Remote, outputs: Mapping[str, Any], course: str) -> list[Ladder]:
    """Given a course, return its ladders as an app host has them. Raise BadInput if there is no such course."""
    reasons = []
    for name in (name for name, host in outputs['hosts'].items() if host['tier'] == 'app'):
        try:
            answer = remote.run(name, ['sudo', 'python3', '-I', '-c', COURSES], ASK_SECONDS)
        except Unreachable as error:
            reasons.append(str(error))
            continue
        if answer.code == 0:
            return parse_courses(json.loads(answer.out), course)
        reasons.append(f'{name}: {answer.err.strip()[-200:]}')
    raise AnlanError(f'no app host says which courses there are: {"; ".join(reasons)}')


def parse_courses(courses: Sequence[Mapping[str, Any]], wanted: str) -> list[Ladder]:
    """Given the courses of a release, return the ladders of one. Raise BadInput naming those that there are."""
    for course in courses:
        if course['slug'] == wanted:
            return [
                Ladder(lesson['media_sha256'], lesson['files'], bool(course.get('restricted')))
                for lesson in course['lessons']
            ]
    raise BadInput(f'there is no course {wanted!r}; there are {", ".join(course["slug"] for course in courses)}')


def completed_courses(incomplete: str) -> list[str]:
    """Given the beginning of a course's name, return the courses of the present source that it may be.

    For a shell that completes a line: no host is asked, and what cannot be read is no course.
    """
    from app_stack.release.model import load_courses

    try:
        return [course.slug for course in load_courses() if course.slug.startswith(incomplete)]
    except Exception:
        return []


def paths_of(ladders: Sequence[Ladder], key: str, expires: int) -> dict[str, str]:
    """Given ladders, the key and when signed addresses shall end, return the hash of every file by its address."""
    return {
        signed_path(key, expires, ladder.sha256, name)
        if ladder.restricted
        else f'/media/{ladder.sha256}/{name}': sha256
        for ladder in ladders
        for name, sha256 in ladder.files.items()
    }


def warm_edges(
    remote: Remote,
    outputs: Mapping[str, Any],
    *,
    platform: Platform,
    paths: PlatformPaths,
    edges: Sequence[str],
    ladders: Sequence[Ladder],
    shown: Step,
) -> list[Warmed]:
    """Given edges and ladders, fetch every file through every edge and return what each gave.

    Raise BadInput if a ladder is restricted and the edges do not know the only key yet.
    """
    key = deployed_secret(paths.secrets, 'media_signing_key') if any(ladder.restricted for ladder in ladders) else ''
    wanted = paths_of(ladders, key, int(time.time()) + min(3600, platform.delivery.signed_url_seconds))
    names = list(wanted)
    shown.total(len(names) * len(edges))
    script = (ROOT / 'monitoring' / 'fetch_probe.py').read_text(encoding='utf-8')
    lock, done = Lock(), 0

    def warm(edge: str) -> Warmed:
        nonlocal done
        warmed = Warmed(edge)
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            question = {
                'address': outputs['hosts'][edge]['variables']['anlan_address'], 'port': platform.front_door.port,
                'name': platform.front_door.name, 'paths': batch, 'workers': WORKERS,
                'sha256': {name: wanted[name] for name in batch},
            }  # fmt: skip
            _take(warmed, _fetch(remote, edge, script, question), len(batch))
            with lock:
                done += len(batch)
                shown.done(done)
        return warmed

    with ThreadPoolExecutor(max(1, len(edges))) as pool:
        return list(pool.map(warm, edges))


def _fetch(remote: Remote, edge: str, script: str, question: Mapping[str, Any]) -> list[dict[str, Any]] | str:
    try:
        answer = remote.run(edge, ['python3', '-I', '-c', script], BATCH_SECONDS, json.dumps(question))
        found: list[dict[str, Any]] = json.loads(answer.out)
    except Unreachable as error:
        return str(error)
    except ValueError:
        return answer.err.strip()[-200:] or f'the probe ended with {answer.code}'
    return found


def _take(warmed: Warmed, answers: list[dict[str, Any]] | str, asked: int) -> None:
    if isinstance(answers, str):
        warmed.failures += [f'{warmed.edge}: {answers}'] * asked
        return
    for answer in answers:
        if answer['reason']:
            # A signed address is a secret for as long as it is good: only its file is named.
            warmed.failures.append(f'{warmed.edge}: {answer["path"].rpartition("/")[2]}: {answer["reason"]}')
            continue
        warmed.files += 1
        warmed.body_bytes += answer['bytes']
        warmed.hits += answer['cache'] == 'HIT'
