"""The programs of others that packing needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from app_stack.release.model import PackingFailed


def find_program(name: str, needed_for: str) -> str:
    """Given a program's name, return its path. Raise PackingFailed saying what it is needed for."""
    path = shutil.which(name)
    if path is None:
        raise PackingFailed(f'{name} is not installed; it is needed for {needed_for}')
    return path


def run(
    argv: Sequence[str | Path],
    deadline_seconds: float,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a program, return what it printed. Raise PackingFailed with its last words if it fails or takes too long."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=deadline_seconds, check=False,
            env={**os.environ, **(environment or {})}, cwd=folder, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PackingFailed(f'{Path(words[0]).name} did not end within {deadline_seconds:g} s') from None
    except OSError as error:
        raise PackingFailed(f'{words[0]} cannot be run: {error.strerror}') from error
    if done.returncode:
        said = '\n'.join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise PackingFailed(f'{Path(words[0]).name} failed with code {done.returncode}:\n{said}')
    return done.stdout
