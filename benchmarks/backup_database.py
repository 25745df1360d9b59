"""`python -m benchmarks.backup_database`: pgBackRest's second, unchanged backup beside the first, at several sizes.

One host of the operations image with a database of its own; needs no platform. Both backups are taken one after another
by the settings that the platform's have (bundles, block-incremental, zstd, encrypted), and the newest is restored.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console

from benchmarks.figure import Figure
from tests.contract.backup.moment_host import MomentHost, moment_host

GOAL_SECOND = 0.10
SETTINGS = '/etc/anlan/backup/database-local.conf'
RESTORED = '/srv/restored'
ROW_BYTES = 1000
FILL = """
CREATE TABLE IF NOT EXISTS filling (id bigint PRIMARY KEY, half text, other text);
INSERT INTO filling SELECT number, (SELECT string_agg(md5(random()::text || number || part), '')
  FROM generate_series(1, 15) part), repeat('lesson ', 70)
  FROM generate_series((SELECT coalesce(max(id), 0) + 1 FROM filling), {last}) number;
VACUUM (FREEZE) filling;
CHECKPOINT;
"""


@dataclass(frozen=True)
class Seen:
    """What was seen at one size of the database. Bytes are those that were added to the repository."""

    source_bytes: int
    full_seconds: float
    full_bytes: int
    second_seconds: float
    second_bytes: int
    restore_seconds: float


def measure(host: MomentHost, size_mib: int) -> Seen:
    """Given a host and a size, fill its database up to it, back it up twice, and bring it back."""
    last = size_mib * 1024 * 1024 // ROW_BYTES
    _fill(host, last)
    full = _timed(host, '--type=full', '--start-fast', 'backup')
    second = _timed(host, '--type=incr', '--start-fast', 'backup')
    host.run('install', '-d', '-o', 'postgres', '-m', '0700', RESTORED)
    restore = _timed(host, f'--pg1-path={RESTORED}', '--type=immediate', 'restore')
    host.run('rm', '-rf', RESTORED)
    (stanza,) = json.loads(_pgbackrest(host, '--output=json', 'info'))
    of_full, of_second = (each['info'] for each in stanza['backup'][-2:])
    return Seen(
        of_full['size'], full, of_full['repository']['delta'], second, of_second['repository']['delta'], restore
    )


def _fill(host: MomentHost, last: int) -> None:
    for command in filter(None, (each.strip() for each in FILL.format(last=last).split(';\n'))):
        host.sql(command)


def _pgbackrest(host: MomentHost, *words: str) -> str:
    return host.run('runuser', '-u', 'postgres', '--', 'pgbackrest', f'--config={SETTINGS}', '--stanza=lab', *words)


def _timed(host: MomentHost, *words: str) -> float:
    started = time.monotonic()
    _pgbackrest(host, *words)
    return time.monotonic() - started


def figures(seen: Seen) -> Iterator[Figure]:
    """Given what was seen at one size, yield its figures."""
    size = f'{seen.source_bytes / 1e6:,.0f} MB'
    ratio = seen.second_seconds / seen.full_seconds
    yield Figure(f'second, unchanged backup of {size}, by the first: seconds', [ratio], '×', GOAL_SECOND,
                 note=f'{seen.second_seconds:.1f} s beside {seen.full_seconds:.1f} s, '
                 f'{seen.source_bytes / 1e6 / seen.full_seconds:.0f} MB/s')  # fmt: skip
    yield Figure('the same: bytes added', [seen.second_bytes / seen.full_bytes], '×', GOAL_SECOND,
                 note=f'{seen.second_bytes / 1e6:.2f} MB beside {seen.full_bytes / 1e6:.0f} MB')  # fmt: skip
    yield Figure('restore', [seen.restore_seconds], 's', 3600.0,
                 note=f'{seen.source_bytes / 1e6 / seen.restore_seconds:.0f} MB/s')  # fmt: skip


def main() -> int:
    """Measure, print, and return 0 if the promise was kept at the largest size, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.backup_database', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 at the largest size every value is below its target · 1 one is not.',
    )  # fmt: skip
    parser.add_argument('--sizes-mib', type=int, nargs='+', default=[256, 1024, 4096], help='(256 1024 4096)')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    found: list[Figure] = []
    with moment_host() as host:
        # A database that changes all the time has no unchanged backup.
        host.run('systemctl', 'stop', 'heart')
        for size_mib in sorted(given.sizes_mib):
            found = list(figures(measure(host, size_mib)))
            for figure in found:
                if given.json:
                    json.dump(figure.document(), sys.stdout, ensure_ascii=False)
                    sys.stdout.write('\n')
                else:
                    Console(width=200).print('  '.join(figure.row()), markup=False)
    return 0 if all(figure.met for figure in found) else 1


if __name__ == '__main__':
    sys.exit(main())
