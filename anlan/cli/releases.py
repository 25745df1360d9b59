"""Which release a platform is to have: the present source's, unless that one was rolled back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anlan.files import write_json
from anlan.paths import PlatformPaths


@dataclass(frozen=True)
class Standing:
    """What a platform was given: the release that it runs, and the ids of those that were left by a rollback."""

    current: Mapping[str, str] | None = None
    left: tuple[str, ...] = ()


def read_standing(paths: PlatformPaths) -> Standing:
    """Given a platform's paths, return what it was given; nothing if no release was deployed yet."""
    try:
        document = json.loads(_file(paths).read_text(encoding='utf-8'))
        return Standing(document['current'], tuple(document['left']))
    except (OSError, ValueError, KeyError, TypeError):
        return Standing()


def note_deployed(paths: PlatformPaths, release: Mapping[str, str]) -> None:
    """Note that a platform runs a release; a release that was left before is taken up again by that."""
    left = [identity for identity in read_standing(paths).left if identity != release['id']]
    write_json(_file(paths), {'current': dict(release), 'left': left})


def note_rolled_back(paths: PlatformPaths, left: str, current: Mapping[str, str]) -> None:
    """Note that a platform left a release for the one before."""
    every = dict.fromkeys([*read_standing(paths).left, left])
    write_json(_file(paths), {'current': dict(current), 'left': list(every)})


def wanted_release(paths: PlatformPaths, packed: Mapping[str, str]) -> Mapping[str, str]:
    """Given the packed release of the present source, return it, or the current one if it was rolled back.

    The current one is kept only while its archive is there: a new host needs it.
    """
    standing = read_standing(paths)
    if packed['id'] in standing.left and standing.current and Path(standing.current['archive']).is_file():
        return standing.current
    return packed


def _file(paths: PlatformPaths) -> Path:
    return paths.directory / 'release.json'
