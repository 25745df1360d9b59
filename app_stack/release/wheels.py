"""Wheels: the locked ones for the hosts' Python, and the application's own."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from app_stack.release.commands import run
from app_stack.release.model import PackingFailed

# Debian 13.
PYTHON_VERSION = '3.13'
PLATFORMS = ('manylinux2014_x86_64', 'manylinux_2_28_x86_64')
HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent
REQUIREMENTS = SOURCE / 'requirements.txt'
BUILD_REQUIREMENTS = HERE / 'build-requirements.txt'
DOWNLOAD_DEADLINE_SECONDS = 300.0
# 2026-01-01: a wheel holds times, and a zip cannot be older than 1980.
SOURCE_DATE_EPOCH = '1767225600'


def pip(*words: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run pip of the present Python. Raise PackingFailed if it fails."""
    quiet = {'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PIP_NO_INPUT': '1', 'SOURCE_DATE_EPOCH': SOURCE_DATE_EPOCH}
    run([sys.executable, '-m', 'pip', '--quiet', *words], DOWNLOAD_DEADLINE_SECONDS, quiet | (environment or {}))


def locked_wheels(cache_directory: Path, report: Callable[[str], None]) -> Path:
    """Return the folder with every wheel of requirements.txt for the hosts' Python, from the cache or fetched now."""
    folder = cache_directory / 'wheels' / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:20]
    if folder.is_dir():
        return folder
    report(f'fetching the wheels for Python {PYTHON_VERSION}')
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix='.fetching-', dir=folder.parent) as name:
        made = Path(name) / 'wheels'
        platforms = [word for platform in PLATFORMS for word in ('--platform', platform)]
        pip(
            'download', '--require-hashes', '--only-binary=:all:', '--no-deps', '--python-version', PYTHON_VERSION,
            '--implementation', 'cp', *platforms, '--dest', made, '--requirement', REQUIREMENTS,
        )  # fmt: skip
        if not folder.is_dir():
            made.rename(folder)
    return folder


def application_wheel(target: Path, cache_directory: Path) -> Path:
    """Build the application's wheel into the target folder and return it. Raise PackingFailed if it is not built."""
    tools = cache_directory / 'build-tools' / hashlib.sha256(BUILD_REQUIREMENTS.read_bytes()).hexdigest()[:20]
    if not tools.is_dir():
        tools.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.fetching-', dir=tools.parent) as name:
            made = Path(name) / 'tools'
            pip('install', '--require-hashes', '--only-binary=:all:', '--target', made, '-r', BUILD_REQUIREMENTS)
            if not tools.is_dir():
                made.rename(tools)
    with TemporaryDirectory(prefix='anlan-source-') as name:
        # From a copy without compiled files, so that nothing but the source decides the wheel.
        source = Path(name)
        shutil.copy(SOURCE / 'pyproject.toml', source)
        shutil.copytree(SOURCE / 'learning', source / 'learning', ignore=shutil.ignore_patterns('__pycache__'))
        pip(
            'wheel', '--no-deps', '--no-build-isolation', '--no-index', '--wheel-dir', target, source,
            environment={'PYTHONPATH': str(tools)},
        )  # fmt: skip
    built = sorted(target.glob('anlan_learning-*.whl'))
    if len(built) != 1:
        raise PackingFailed(f'the application became {len(built)} wheels, wanted one')
    return built[0]
