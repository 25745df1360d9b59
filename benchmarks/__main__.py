"""`python -m benchmarks`: deploys the test platform, measures, prints a table, removes the platform."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from anlan.cli.work import Work
from anlan.files import write_json
from anlan.paths import PlatformPaths
from benchmarks.cdn import delivery
from benchmarks.figure import Figure
from benchmarks.firewall_pair import firewall_pair
from benchmarks.measures import converge, losses, memory, platform_up
from infra.lab.engine import connect
from tests.lab.standing import PLATFORM_FILE, Standing

COLUMNS = ('what', 'min / median / max', 'runs', 'target', 'ratio', 'note')


def figures(standing: Standing, runs: int, keep: bool) -> Iterator[Figure]:
    """Yield every figure as it is measured."""
    if not keep:
        standing.anlan('down', '--yes')
        yield platform_up(standing)
    yield memory(standing)
    yield from converge(standing, runs)
    yield from losses(standing, runs)
    yield from firewall_pair(standing, runs)
    yield from delivery(standing, runs)


def main() -> int:
    """Run all benchmarks and return 0 if every target was met, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks', epilog='Exit codes: 0 every target was met · 1 one was not, or a run failed.'
    )
    parser.add_argument('--runs', type=int, default=3, help='repetitions of each measurement (3)')
    parser.add_argument('--keep', action='store_true', help='measure the test platform that stands; leave it standing')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    arguments = parser.parse_args()
    standing = Standing(Work.of(PLATFORM_FILE), connect())
    found: list[Figure] = []
    try:
        for figure in figures(standing, arguments.runs, arguments.keep):
            found.append(figure)
            print('  '.join(figure.row()), file=sys.stderr, flush=True)
    finally:
        standing.close()
        if not arguments.keep:
            standing.anlan('down', '--yes')
        report(found, arguments.json)
    return 0 if all(figure.met for figure in found) else 1


def report(found: list[Figure], as_json: bool) -> None:
    """Print the figures and keep them under var/benchmarks/."""
    document = {
        'measured_at': datetime.now(UTC).isoformat(timespec='seconds'),
        'machine': f'{platform.machine()}, kernel {platform.release()}',
        'figures': [figure.document() for figure in found],
    }
    paths = PlatformPaths.of('benchmarks')
    paths.make()
    write_json(paths.directory / 'latest.json', document, 0o644)
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    table = Table(title='Anlan on this machine', title_justify='left')
    for column in COLUMNS:
        table.add_column(column)
    for figure in found:
        mark = '✓' if figure.met else '✗'
        name, *cells = figure.row()
        table.add_row(f'{mark} {name}', *cells)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == '__main__':
    sys.exit(main())
