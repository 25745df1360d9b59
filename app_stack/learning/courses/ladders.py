"""Media ladders on disk: a folder named by the hash of its `ladder.json`, which holds the hash of every other file."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

LIST_NAME = 'ladder.json'
SHA256 = re.compile(r'[0-9a-f]{64}')


def fault_of(media_root: Path, sha256: str) -> str | None:
    """Given where media are and the hash of a ladder, return what is wrong with it, or None if all of it is right."""
    if not SHA256.fullmatch(sha256):
        return 'its name is not a sha256'
    folder = media_root / sha256
    try:
        listed = (folder / LIST_NAME).read_bytes()
        if hashlib.sha256(listed).hexdigest() != sha256:
            return f'{LIST_NAME} does not match its name'
        for name, expected in json.loads(listed)['files'].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                return f'{name} does not match its hash'
    except FileNotFoundError as error:
        return f'{Path(error.filename).relative_to(media_root)} is missing'
    except OSError as error:
        return f'cannot be read: {error.strerror}'
    return None


def is_present(media_root: Path, sha256: str) -> bool:
    """Return whether the ladder's folder is there: cheap; the whole was verified before it got its name."""
    return (media_root / sha256 / 'master.m3u8').is_file()
