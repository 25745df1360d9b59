"""`python -m benchmarks.floods`: each flood against a lab that stands, with its limits and without, as learners see it.

Two places: from another carrier, through the firewalls; and from the carrier of the learner's edge, where no firewall
is between. Without limits means: meters, SYN cookies, limits of nginx and HAProxy and time-outs away, for that while.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from anlan.cli.observing import observing
from anlan.errors import AnlanError
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.remote import Remote
from anlan.secret_store import read_secret
from drills.floods import ATTACKS, Attack, attack_named
from drills.limits_off import limits_off
from drills.under_attack import Place, Seen, watch
from infra.connect import connect

PLACES = {
    'other carrier': Place(attacker='client-2', learner='client-1', edge='edge-1'),
    'same carrier': Place(attacker='client-2', learner='client-1', edge='edge-2'),
}
PAUSE_SECONDS = 12.0
"""Between two attacks: what waits is served, and the rates of HAProxy (10 s) begin anew."""

COLUMNS = ('attack', 'from', 'limits', 'sent', 'mean ms', 'p99 ms', 'journey ms', 'lost', 'acted')


@dataclass(frozen=True)
class Row:
    """One attack from one place, with the limits or without."""

    place: str
    limited: bool
    seen: Seen
    faults: tuple[str, ...]

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        seen = self.seen
        journey = 1000 * sum(seen.journey_seconds) / max(1, len(seen.journey_seconds))
        return (
            seen.attack,
            self.place,
            'with' if self.limited else 'without',
            seen.sent,
            f'{seen.mean_seconds * 1000:.0f}',
            f'{seen.p99_seconds * 1000:.0f}',
            f'{journey:.0f}' + (' broke off' if seen.journey_reason else ''),
            f'{seen.lost} of {seen.requests} ({seen.lost_share:.1%})',
            ', '.join(f'{name} {count}' for name, count in seen.acted.items()) or '–',
        )


@dataclass(frozen=True)
class Lab:
    """A lab that stands, and the password of its learners."""

    platform: Platform
    remote: Remote
    outputs: dict[str, Any]
    password: str

    def see(self, attack: Attack, place: str, seconds: float, limited: bool) -> Row:
        """Attack once and return what was seen."""
        paths = PlatformPaths.of(self.platform.name)
        off = nullcontext() if limited else limits_off(self.remote, self.outputs, seconds + 60)
        with off, connect(self.platform, paths, self.outputs) as attackers:
            seen = watch(
                (self.remote, attackers), self.outputs, attack, PLACES[place], password=self.password, seconds=seconds
            )
        promised = (self.platform.objectives.journey_mean_seconds, self.platform.limits.lost_share_under_attack)
        return Row(place, limited, seen, tuple(seen.faults(*promised)))


def measured(
    platform: Platform, attacks: list[Attack], places: list[str], seconds: float, ways: list[bool]
) -> Iterator[Row]:
    """Given a lab that stands, yield each attack from each place, in the given ways (with limits, without)."""
    paths = PlatformPaths.of(platform.name)
    password = read_secret(paths.secrets, 'journey_password')
    with observing(platform) as (remote, outputs):
        lab = Lab(platform, remote, outputs, password)
        for attack, place, limited in itertools.product(attacks, places, ways):
            if attack.passes_firewall or place == 'same carrier':
                yield lab.see(attack, place, seconds, limited)
                time.sleep(PAUSE_SECONDS)


def main() -> int:
    """Measure, print, and return 0 if with limits everything was kept, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.floods', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 with limits, everything promised was kept · 1 it was not, or a run failed.',
    )  # fmt: skip
    parser.add_argument(
        '-p', '--platform', type=Path, default=Path('infra/platforms/lab.yaml'), help='the platform file'
    )
    parser.add_argument('--attack', action='append', choices=[attack.name for attack in ATTACKS], help='only this one')
    parser.add_argument('--place', action='append', choices=list(PLACES), help='only from here')
    parser.add_argument('--seconds', type=float, default=12.0, help='how long each attack lasts (12)')
    parser.add_argument('--limits', choices=['with', 'without', 'both'], default='both', help='(both)')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    given = parser.parse_args()
    attacks = [attack_named(name) for name in given.attack] if given.attack else list(ATTACKS)
    ways = {'with': [True], 'without': [False], 'both': [True, False]}[given.limits]
    rows: list[Row] = []
    try:
        for row in measured(load_platform(given.platform), attacks, given.place or list(PLACES), given.seconds, ways):
            rows.append(row)
            print('  '.join(row.cells()), *row.faults, sep='\n    ', file=sys.stderr, flush=True)
    except AnlanError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return error.exit_code
    finally:
        report(rows, given.json)
    return 1 if any(row.faults for row in rows if row.limited) else 0


def report(rows: list[Row], as_json: bool) -> None:
    """Print the rows, and by how much the limits make a flood cheaper for the learner."""
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    table = Table(title='Floods, as a learner sees them', title_justify='left')
    for column in (*COLUMNS, 'with / without'):
        table.add_column(column)
    for row in rows:
        mark = '' if not row.limited else '✗ ' if row.faults else '✓ '
        name, *cells = row.cells()
        table.add_row(mark + name, *cells, ratio_of(row, rows))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def ratio_of(row: Row, rows: list[Row]) -> str:
    """Given a row with limits, return how its mean and its lost requests compare to the same without; else a dash."""
    other = next(
        (each for each in rows if not each.limited and (each.place, each.seen.attack) == (row.place, row.seen.attack)),
        None,
    )
    if not row.limited or other is None or not other.seen.mean_seconds:
        return '–'
    return (
        f'mean {row.seen.mean_seconds / other.seen.mean_seconds:.2f}, '
        f'lost {row.seen.lost_share:.1%} / {other.seen.lost_share:.1%}'
    )


if __name__ == '__main__':
    sys.exit(main())
