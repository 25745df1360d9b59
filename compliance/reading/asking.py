"""What a command that did not end well is worth: one that ran out of time is no answer, one that failed is."""

from __future__ import annotations

from testinfra.backend.base import CommandResult

from compliance.answer import UNFINISHED
from compliance.checking import not_verified

LONGEST = 300


def done(said: CommandResult, otherwise: str) -> str:
    """Given a command's result, return what it wrote. Fail with `otherwise` and its reason if it failed.

    Ends the check without a judgement if the command was cut off: nothing was observed.
    """
    if said.rc == UNFINISHED:
        not_verified(f'{otherwise}: no answer in time')
    reason = ' '.join((said.stderr or said.stdout).split())
    assert said.rc == 0, f'{otherwise}: {reason[-LONGEST:]}'
    return str(said.stdout)
