"""A root folder with a guard in it, and stand-ins for the commands that the guard runs; each is noted."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anlan.paths import ROOT

PROGRAM = ROOT / 'playbooks' / 'roles' / 'guard' / 'files' / 'guard'
COMMANDS = ('systemd-run', 'systemctl', 'sshd')


@dataclass(frozen=True)
class Guarded:
    """What a test sees of a guarded host."""

    root: Path
    programs: Path

    @classmethod
    def make(cls, folder: Path) -> Guarded:
        """Given an empty folder, return a host with files of SSH, PAM and sudo."""
        guarded = cls(folder / 'root', folder / 'programs')
        guarded.programs.mkdir()
        for command in COMMANDS:
            guarded.command(command, 'exit 0')
        for path, content, mode in (
            ('etc/ssh/sshd_config', 'PermitRootLogin no\n', 0o600),
            ('etc/ssh/ssh_host_ed25519_key', 'private\n', 0o600),
            ('etc/pam.d/sshd', '@include common-auth\n', 0o644),
            ('etc/sudoers.d/anlan', 'anlan ALL=(ALL) NOPASSWD: ALL\n', 0o440),
        ):
            guarded.write(path, content, mode)
        return guarded

    def command(self, name: str, script: str) -> None:
        """Have a command do this, after it was noted."""
        file = self.programs / name
        file.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.programs}/calls\n{script}\n', encoding='utf-8')
        file.chmod(0o755)

    def calls(self) -> list[str]:
        """Return the commands that were run, in order."""
        file = self.programs / 'calls'
        return file.read_text(encoding='utf-8').splitlines() if file.exists() else []

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Write a file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(content, encoding='utf-8')
        file.chmod(mode)

    def state(self) -> dict[str, tuple[int, str]]:
        """Return mode and content of everything below /etc, by path."""
        return {
            str(file.relative_to(self.root)): (file.lstat().st_mode, file.read_text() if file.is_file() else '')
            for file in sorted((self.root / 'etc').rglob('*'))
        }

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[str]:
        """Start the guard, and return its process."""
        environment = os.environ | {'PATH': f'{self.programs}:{os.environ["PATH"]}'}
        return subprocess.Popen(
            ['python3', '-B', PROGRAM, f'--root={self.root}', *argv],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def run(self, *argv: str) -> tuple[int, dict[str, Any], str]:
        """Run the guard, and return its exit code, its answer and what it said of a failure."""
        process = self.start(*argv)
        out, err = process.communicate(timeout=30)
        return process.returncode, json.loads(out) if out else {}, err.strip()

    def arm(self, token: str = 'one') -> None:
        """Arm the guard, and see that it is."""
        assert self.run('arm', '--seconds', '60', '--token', token)[0] == 0
