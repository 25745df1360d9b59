"""Changes: what a run would do, and what is no longer as it was left. Plain data, the same for every target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Report = Callable[[str, str], None]
"""Called with a resource (`host app-1`) and its state (`creating`, `created`, `failed: …`) as a run goes on."""

Operation = Literal['create', 'import', 'update', 'replace', 'delete']
DriftKind = Literal['removed', 'stopped', 'changed', 'unreachable']


@dataclass(frozen=True)
class Change:
    """One thing that a run would do. `details` are lines such as `memory_mib: 256 → 512`."""

    resource: str
    operation: Operation
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'{self.operation} {self.resource}' + (f' ({"; ".join(self.details)})' if self.details else '')


@dataclass(frozen=True)
class Plan:
    """All that a run would do, in the engine's order. Empty if nothing."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


@dataclass(frozen=True)
class Drift:
    """One thing that is not as it was left, and why we say so."""

    resource: str
    kind: DriftKind
    reason: str

    def __str__(self) -> str:
        return f'{self.resource}: {self.kind}: {self.reason}'


def silent(resource: str, state: str) -> None:
    """Report to nobody."""
