"""Running the Pulumi CLI with a deadline, and ending it in order when we are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from anlan.errors import DeadlineExceeded

ORDERLY_END_SECONDS = 100.0
"""After an interrupt the engine lets what runs come to its end; no operation of ours may take longer than this."""

OnLine = Callable[[str], object]


class CommandWithDeadline(PulumiCommand):  # type: ignore[misc]
    """The Pulumi CLI under a root (root/bin/pulumi); each command ends within `deadline_seconds`."""

    def __init__(self, root: Path, deadline_seconds: float) -> None:
        super().__init__(root=str(root))
        self.deadline_seconds = deadline_seconds

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnLine | None = None,
        on_error: OnLine | None = None,
    ) -> CommandResult:
        """Given arguments, folder and environment, run the CLI and return its result.

        Raise CommandError if it fails, DeadlineExceeded if it takes too long.
        """
        process = subprocess.Popen(
            [self.command, '--non-interactive', *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, 'PULUMI_AUTOMATION_API': 'true'},
            encoding='utf-8',
            errors='replace',
            # Ctrl-C must reach the engine once: at the second one it ends without finishing what runs.
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = _Collector(process.stdout, on_output), _Collector(process.stderr, on_error)
        try:
            process.wait(timeout=self.deadline_seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            raise DeadlineExceeded(
                f'waited {self.deadline_seconds:.0f} s for `pulumi {args[0]}`; it was ended. Run it again'
            ) from None
        except BaseException:
            _end(process)
            raise
        result = CommandResult(stdout=out.text(), stderr=err.text(), code=process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result


class _Collector:
    """Reads a stream to its end in a thread of its own."""

    def __init__(self, stream: IO[str], on_line: OnLine | None) -> None:
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(stream, on_line), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[str], on_line: OnLine | None) -> None:
        for line in stream:
            self._lines.append(line.rstrip())
            if on_line is not None:
                on_line(line.rstrip())

    def text(self) -> str:
        # A grandchild may keep the pipe open after the engine's end.
        self._thread.join(timeout=5)
        return '\n'.join(self._lines)


def _end(process: subprocess.Popen[str]) -> None:
    """Given a running engine, interrupt it once and wait for its orderly end; then kill its group."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=ORDERLY_END_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        raise
