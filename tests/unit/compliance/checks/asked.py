"""A host that says what a table has for a part of a command, and what the lab declares of it."""

from dataclasses import dataclass
from functools import cache

import pytest

from compliance.expected import Expected
from compliance.reading.sections import MARK
from infra.outputs import outputs as outputs_of
from tests.unit.samples import inventory_of, lab, platform_of, topology_from


@dataclass(frozen=True)
class Said:
    """What a host wrote, and its exit code."""

    stdout: str
    rc: int = 0
    stderr: str = ''


class Asked:
    """A host: what it says to a command that contains a word."""

    def __init__(self, says):
        self.says = says

    def run(self, command, *words):
        command = command % words if words else command
        for word, out in self.says.items():
            if word in command:
                return out if isinstance(out, Said) else Said(out)
        return Said('', 127, 'no answer')


def parts(**named):
    """Given parts of an answer by name, return it as a host writes it."""
    return ''.join(f'{MARK}{name}\n{text}' for name, text in named.items())


@cache
def outputs():
    """Return the outputs of a lab."""
    topology = topology_from(lab())
    return outputs_of(platform_of(lab()), topology, inventory_of(topology))


def expected(host):
    """Return what the lab declares of a host."""
    return Expected(host, outputs())


def fails(check, *given, saying):
    """Assert that a check fails with a sentence that has these words."""
    with pytest.raises(AssertionError, match=saying):
        check(*given)


def cannot_judge(check, *given, saying=''):
    """Assert that a check says that it cannot judge."""
    with pytest.raises(pytest.skip.Exception, match=f'not-verified: .*{saying}'):
        check(*given)
