"""What people see: steps with elapsed time, bars with time left, tables. What is no result goes to stderr."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from anlan.errors import AnlanError

messages = Console(stderr=True, highlight=False)
PIPED_WIDTH = 100
"""Columns of tables that go to a file or a pipe."""

OBEYED = re.compile('[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
"""What JSON leaves as it is: control characters of eight bits, those that turn a line round, halves of characters."""

results = Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else PIPED_WIDTH)


def json_text(document: Any) -> str:
    """Given plain data, return it as indented JSON with sorted keys; what a terminal would obey stands as an escape."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    return OBEYED.sub(lambda found: f'\\u{ord(found.group()):04x}', text) + '\n'


def print_json(document: Any) -> None:
    """Given plain data, print it as JSON on standard output."""
    if sys.stdout is None:
        raise AnlanError('standard output is closed; nothing could be printed')
    sys.stdout.write(json_text(document))


def say(text: str) -> None:
    """Print a message for people."""
    messages.print(text, markup=False, soft_wrap=True)


class Step:
    """A step that runs: its bar moves by `advance`, its line by `note`."""

    def __init__(self, progress: Progress | None, task: Any) -> None:
        self._progress = progress
        self._task = task
        self.result = ''

    def total(self, count: int) -> None:
        """Given how much there is to do, turn the spinner into a bar with time left."""
        if self._progress is not None:
            self._progress.update(self._task, total=count)

    def done(self, count: int) -> None:
        """Given how much is done, move the bar there."""
        if self._progress is not None:
            self._progress.update(self._task, completed=count)

    def note(self, text: str) -> None:
        """Show what happens now, beside the step's name."""
        if self._progress is not None:
            self._progress.update(self._task, note=text[:50])


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Given a step's name, show it while the body runs, then its time and result. `result` may be set by the body."""
    started = time.monotonic()
    if messages.is_terminal:
        columns = (
            TextColumn('  '), SpinnerColumn(), TextColumn('{task.description:<34}'), BarColumn(bar_width=18),
            TimeElapsedColumn(), TextColumn('left'), TimeRemainingColumn(), TextColumn('[dim]{task.fields[note]}'),
        )  # fmt: skip
        progress: Progress | None = Progress(*columns, console=messages, transient=True)
    else:
        progress = None
    current = Step(progress, None)
    try:
        if progress is not None:
            with progress:
                current = Step(progress, progress.add_task(name, total=None, note=''))
                yield current
        else:
            yield current
    except BaseException:
        messages.print(f'  ✗ {name:<34} {time.monotonic() - started:6.1f} s', markup=False)
        raise
    messages.print(f'  ✓ {name:<34} {time.monotonic() - started:6.1f} s  {current.result}', markup=False)
