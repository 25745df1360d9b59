"""Violations: a fault that a check must see, how it is planted on a host, and how it goes away again.

Each is two shell scripts that run as root. The way back is made before the way in, and a host takes it by itself
when who planted the fault is gone. What was there is kept until it is back: half a way back can be gone again.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass

SAVED = '/var/lib/anlan/violation'
"""Where a host keeps what a violation replaced."""


@dataclass(frozen=True)
class Violation:
    """Scripts that plant a fault and take it back. `settle_seconds`: how long until its effect is there."""

    plant: str
    undo: str
    settle_seconds: float = 0.0


@dataclass(frozen=True)
class PlantedAnswer(Violation):
    """A fault that cannot be planted where there is no kernel of one's own: the answer is planted instead.

    `out` replaces what every command of the check wrote that contains `command`; it shows that the judge says no, not
    that the question is the right one, and is counted apart.
    """

    command: str = ''
    out: str = ''
    code: int = 0


def run(plant: str, undo: str, settle_seconds: float = 0.0) -> Violation:
    """Given both scripts, return the violation."""
    return Violation(plant, undo, settle_seconds)


def write(path: str, content: str, after: str = '') -> Violation:
    """Given a file, its new content and what makes it count (a reload), return the violation."""
    return _on(
        path, f'mkdir -p {shlex.quote(_parent(path))} && printf %s {shlex.quote(content)} > {shlex.quote(path)}', after
    )


def append(path: str, line: str, after: str = '') -> Violation:
    """Given a file and a line, return the violation that adds the line at its end."""
    return _on(path, f'printf "%s\\n" {shlex.quote(line)} >> {shlex.quote(path)}', after)


def substitute(path: str, pattern: str, replacement: str, after: str = '') -> Violation:
    """Given a file, a pattern of `sed -E` and its replacement, return the violation. `|` may stand in neither."""
    return _on(path, f'sed -i -E {shlex.quote(f"s|{pattern}|{replacement}|")} {shlex.quote(path)}', after)


def remove(path: str, after: str = '') -> Violation:
    """Given a file or folder, return the violation that takes it away."""
    return _on(path, f'rm -rf {shlex.quote(path)}', after)


def mode(path: str, bits: str) -> Violation:
    """Given a file and its wrong mode (octal, `0777`), return the violation."""
    quoted, saved = shlex.quote(path), _saved('mode', path)
    return Violation(
        f'mkdir -p {SAVED} && [ ! -s {saved} ] && stat -c %a {quoted} > {saved} && chmod {shlex.quote(bits)} {quoted}',
        f'if [ -s {saved} ]; then chmod "$(cat {saved})" {quoted} && rm -f {saved}; fi',
    )


def answered(command: str, out: str, code: int = 0) -> PlantedAnswer:
    """Given a part of a command and what it is to have written, return the violation of the answer."""
    return PlantedAnswer('', '', 0.0, command, out, code)


def _parent(path: str) -> str:
    return path.rpartition('/')[0] or '/'


def _on(path: str, change: str, after: str) -> Violation:
    quoted, inside, saved = shlex.quote(path), shlex.quote(path.lstrip('/')), _saved('file', path)
    then = f' && {{ {after}; }}' if after else ''
    # Code 1 of tar: a file grew while it was read. Without a whole copy, or over an earlier one, nothing is planted.
    copied = (
        f'if [ -e {quoted} ] || [ -L {quoted} ]; then tar -C / -cpf {saved}/old.tar {inside} || [ $? -eq 1 ]; '
        f'else tar -cf {saved}/old.tar -T /dev/null; fi'
    )
    return Violation(
        f'[ ! -e {saved}/planted ] && mkdir -p {saved} && {copied} && touch {saved}/planted && {change}{then}',
        f'if [ -e {saved}/planted ]; then rm -rf {quoted} && tar -C / -xpf {saved}/old.tar{then} && rm -rf {saved}; fi',
    )


def _saved(kind: str, path: str) -> str:
    # A place of its own for each path: what an earlier fault left must not come back as another's.
    return f'{SAVED}/{kind}-{hashlib.sha256(path.encode()).hexdigest()[:16]}'
