"""Judging: runs the checks over answers, with pytest, and returns what each found."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from compliance.answers import Answers
from compliance.plugin import AuditPlugin, Chosen
from compliance.result import CheckResult
from compliance.violation import Violation

CHECKS = Path(__file__).parent / 'checks'
WITHOUT = (
    'cacheprovider', 'doctest', 'faulthandler', 'junitxml', 'logging', 'pastebin', 'stepwise', 'terminal',
    'threadexception', 'unraisableexception', 'warnings',
)  # fmt: skip
"""What pytest brings for tests of programs: of no use here, and a third of the time."""

HEEDED = ('PYTEST_ADDOPTS', 'PYTEST_PLUGINS', 'PYTEST_DISABLE_PLUGIN_AUTOLOAD')
"""What pytest takes from the environment: meant for other tests, it could leave checks out without a word."""


@dataclass(frozen=True)
class Judgement:
    """Every result, and the violation that each check with its case names."""

    results: tuple[CheckResult, ...]
    violations: Mapping[tuple[str, str], Violation]


def every(check: str, host: str, clauses: tuple[str, ...]) -> bool:
    """Choose every check."""
    return True


def judge(
    answers: Answers,
    outputs: Mapping[str, Any],
    hosts: Sequence[str],
    chosen: Chosen = every,
    *,
    on_round: Callable[[int, int], None] = lambda number, checks: None,
    folder: Path = CHECKS,
    wanted_keys: frozenset[str] | None = None,
) -> Judgement:
    """Given answers, a platform's outputs, hosts and which checks to run, judge and return the results.

    `wanted_keys`: only the results with these keys. What is missing among the answers is fetched between rounds, if
    they can. Raise AnlanError if a file of checks cannot be read.
    """
    plugin = AuditPlugin(answers, outputs, hosts, chosen, on_round=on_round, wanted_keys=wanted_keys)
    run_pytest(plugin, folder)
    return Judgement(tuple(plugin.results), plugin.violations)


def run_pytest(plugin: AuditPlugin, folder: Path = CHECKS) -> None:
    """Given the plugin and the folder of checks, run pytest over them, in silence.

    Raise AnlanError if a file of checks cannot be read or pytest itself breaks.
    """
    words = [
        str(folder), '--rootdir', str(folder), '-c', os.devnull, '--import-mode=importlib', '--capture=no', '-s',
        *(word for name in WITHOUT for word in ('-p', f'no:{name}')),
    ]  # fmt: skip
    said = io.StringIO()
    if sys.flags.optimize:
        raise AnlanError('checks are assertions, which `python -O` and PYTHONOPTIMIZE take out: run without')
    before = {name: os.environ.pop(name, None) for name in HEEDED}
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = pytest.main(words, plugins=[plugin])
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    if plugin.errors:
        raise AnlanError(f'a file of checks cannot be read: {" ".join(plugin.errors[0].split())[:600]}')
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise AnlanError(f'the checks could not be run (pytest: {code!r}): {said.getvalue().strip()[-600:]}')
