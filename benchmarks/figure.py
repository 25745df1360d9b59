"""A figure: what was measured, the value it should reach, and what others reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Measurements of one thing, in `unit`. `target` is the largest good value; `bar` is another's, with its source."""

    name: str
    values: Sequence[float]
    unit: str
    target: float
    bar: float | None = None
    bar_source: str = ''
    note: str = ''

    @property
    def met(self) -> bool:
        """Return whether the worst value reaches the target; nothing measured reaches nothing."""
        return bool(self.values) and max(self.values) <= self.target

    def row(self) -> list[str]:
        """Return the figure as cells: name, minimum / median / maximum, runs, target, ratio to the bar, note."""
        if not self.values:
            return [self.name, 'not measured', '0', f'{self.target:g} {self.unit}', '–', self.note]
        shown = ' / '.join(f'{value:.3g}' for value in (min(self.values), median(self.values), max(self.values)))
        ratio = f'{self.bar / median(self.values):.1f} × {self.bar_source}' if self.bar and median(self.values) else '–'
        return [
            self.name,
            f'{shown} {self.unit}',
            str(len(self.values)),
            f'{self.target:g} {self.unit}',
            ratio,
            self.note,
        ]

    def document(self) -> dict[str, Any]:
        """Return the figure as plain JSON data."""
        return {
            'name': self.name, 'values': list(self.values), 'unit': self.unit, 'target': self.target,
            'met': self.met, 'bar': self.bar, 'bar_source': self.bar_source, 'note': self.note,
        }  # fmt: skip
