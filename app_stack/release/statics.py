"""Static files: collected by Django, of which only those with a hash in their name are packed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from app_stack.release.commands import run
from app_stack.release.player import put_player
from app_stack.release.wheels import pip

MANIFEST_NAME = 'staticfiles.json'


def collect_statics(
    wheels: Path, application_wheel: Path, target: Path, cache_directory: Path, report: Callable[[str], None]
) -> None:
    """Given the wheels, write the static files with their manifest to the target. Raise PackingFailed if it fails.

    Runs in Django from the locked wheels, so that the machine that packs needs none. Hosts of two releases serve
    pages at once during a deploy, so each must find the other's files: names with hashes never get in each other's way.
    """
    report('collecting static files')
    with TemporaryDirectory(prefix='anlan-statics-') as name:
        work = Path(name)
        packages, vendor, collected = work / 'packages', work / 'vendor', work / 'collected'
        pure = [wheel for wheel in sorted(wheels.glob('*-none-any.whl')) if _is_needed(wheel)]
        pip('install', '--no-deps', '--no-index', '--no-compile', '--target', packages, *pure, application_wheel)
        put_player(vendor, cache_directory, report)
        run(
            [sys.executable, '-m', 'learning', 'collectstatic', '--noinput', '--verbosity', '0'], 120,
            {
                'PYTHONPATH': str(packages),
                'PYTHONDONTWRITEBYTECODE': '1',
                'DJANGO_SETTINGS_MODULE': 'learning.settings.packing',
                'ANLAN_STATIC_ROOT': str(collected),
                'ANLAN_VENDOR_ROOT': str(vendor),
            },
            work,
        )  # fmt: skip
        manifest = json.loads((collected / MANIFEST_NAME).read_text(encoding='utf-8'))
        target.mkdir()
        shutil.copy(collected / MANIFEST_NAME, target)
        for hashed in sorted(set(manifest['paths'].values())):
            (target / hashed).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(collected / hashed, target / hashed)


def _is_needed(wheel: Path) -> bool:
    return wheel.name.split('-')[0].lower() in {'django', 'asgiref', 'sqlparse', 'redis'}
