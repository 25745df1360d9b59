"""promtool of the monitoring hosts' own image: the same version reads the rules here and there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from anlan.paths import cache_directory
from infra.images.build import ensure_images

SECONDS = 120


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Given the folder of the rules and promtool's arguments with paths below it, run it without a network."""
    tag = ensure_images(['monitoring'], cache_directory() / 'packages', print)['monitoring']
    words = ['docker', 'run', '--rm', '--network', 'none', '--volume', f'{folder.resolve()}:/rules:ro']
    return subprocess.run(
        [*words, '--workdir', '/rules', tag, 'promtool', *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Given the folder of the rules, have each file checked: syntax, expressions, templates, duplicates."""
    return promtool(folder, 'check', 'rules', '--lint-fatal', *_below(folder, '*.yaml'))


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """Given the folder of the rules, run every test of them."""
    return promtool(folder, 'test', 'rules', *_below(folder, 'tests/*.yaml'))


def _below(folder: Path, pattern: str) -> list[str]:
    return [str(file.relative_to(folder)) for file in sorted(folder.glob(pattern))]
