"""Runs of `up` that are killed with SIGKILL at any moment."""

from __future__ import annotations

import subprocess

from anlan.paths import ROOT
from tests.lab.standing import PROGRAM, Standing

LONGEST_MOMENT_SECONDS = 50.0


def start_up(standing: Standing) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, 'up', '--yes'], cwd=ROOT, env=standing.environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill_at(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a run with SIGKILL after some seconds; return whether it still ran."""
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
