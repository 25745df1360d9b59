"""The platform of the tests: deployed fresh beside a user's lab, torn down at the end.

ANLAN_LAB_KEEP=1 takes one that stands and leaves it standing, for work on the tests themselves.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from anlan.cli.work import Work
from anlan.paths import cache_directory
from infra.images.build import ensure_images
from infra.lab.engine import connect as connect_docker
from tests.lab.interrupted import LONGEST_MOMENT_SECONDS, kill_at, start_up
from tests.lab.standing import PLATFORM_FILE, Standing


@pytest.fixture(scope='session')
def standing() -> Iterator[Standing]:
    work = Work.of(PLATFORM_FILE)
    made = Standing(work, connect_docker())
    keep = bool(os.environ.get('ANLAN_LAB_KEEP'))
    try:
        if not (keep and work.paths.outputs.exists()):
            down = made.anlan('down', '--yes')
            assert down.returncode == 0, down.stderr
            # On a new machine it would be killed while it still builds images, every time.
            ensure_images(work.tiers(), cache_directory() / 'packages', print)
            # The first one is killed at any moment: whatever it left, the next command makes a whole platform of it.
            made.killed_after_seconds = moment = random.uniform(2, LONGEST_MOMENT_SECONDS)
            killed = kill_at(start_up(made), moment)
            print(f'\nthe first up {"was killed" if killed else "ended by itself"} after {moment:.1f} s')
            started = time.monotonic()
            up = made.anlan('recover', deadline_seconds=900)
            print(f'recover brought the platform up in {time.monotonic() - started:.0f} s\n{up.stderr}')
            assert up.returncode == 0, up.stdout + up.stderr
        yield made
    finally:
        made.close()
        if not keep:
            print(f'\nlogs of the runs: {work.paths.logs}')
            down = made.anlan('down', '--yes')
            assert down.returncode == 0, down.stderr


@pytest.fixture
def whole(standing: Standing) -> Iterator[Standing]:
    """The platform, whole before the test."""
    standing.wait_whole()
    yield standing
    standing.close()
