"""Results: what one check found on one host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

CheckVerdict = Literal['pass', 'fail', 'not-verified', 'not-applicable']


@dataclass(frozen=True)
class CheckResult:
    """A check, on a host.

    `check` is its file and function without `test_`: `ssh.ends_a_connection_after_few_tries`; `case` the parameter that
    it ran with, empty without. `reason` says why it is not `pass`; `commands` are what it asked the host, in order.
    """

    check: str
    case: str
    host: str
    clauses: tuple[str, ...]
    verdict: CheckVerdict
    reason: str
    commands: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the check with its case and host: no two results of an audit have the same."""
        return f'{self.name}@{self.host}'

    @property
    def name(self) -> str:
        """Return the check with its case, as people write it."""
        return f'{self.check}[{self.case}]' if self.case else self.check

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> CheckResult:
        """Given what `document` returned, return the result. Raise ValueError if its verdict is none."""
        if document['verdict'] not in get_args(CheckVerdict):
            raise ValueError(f'{document["verdict"]!r} is no verdict')
        return cls(**{**document, 'clauses': tuple(document['clauses']), 'commands': tuple(document['commands'])})
