"""Operations: what somebody changes on a platform stands in its ledger: who, what, and how it ended."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from anlan.cli.recording import Recording, configuration_of
from anlan.errors import AnlanError
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from infra.outputs_file import read_outputs

OPERATION = 'operation'
"""The kind of these records. They have no verdict: they say what was done, and nothing of whether a clause is met."""


@contextmanager
def operating(platform: Platform, command: str) -> Iterator[dict[str, Any]]:
    """Given a platform and the command that changes it, note that it begins and, when the body ends, how.

    Yield what is noted at the end: the body puts names and counts there, and never a secret. Who was killed leaves a
    beginning without an end. What failed is named by its kind alone: its text may quote what a host said.
    """
    who: dict[str, Any] = {'user': user_name(), 'machine': socket.gethostname()}
    recording = Recording.begun(platform, OPERATION, command, standing(platform), who)
    done: dict[str, Any] = {}
    outcome = 'done'
    try:
        yield done
    except BaseException as error:
        outcome = f'ended by {type(error).__name__}'
        raise
    finally:
        # What it left is what is in force from now on.
        outputs = standing(platform)
        recording = replace(recording, configuration=configuration_of(outputs) if outputs else '')
        recording.ended(None, {**done, **who, 'outcome': outcome}, {})


def user_name() -> str:
    """Return who runs this program, by name, or by number if there is no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def standing(platform: Platform) -> Mapping[str, Any] | None:
    """Given a platform, return the outputs of its last `up`; None if there are none that can be read."""
    file = PlatformPaths.of(platform.name).outputs
    try:
        # Before the first `up` there are none, and what is damaged is said by who needs it.
        outputs = read_outputs(file)
        configuration_of(outputs)
    except (AnlanError, KeyError, ValueError):
        return None
    return outputs
