"""`python -m benchmarks.ledger`: how long the offline verifier takes over 100,000 records, and what an append costs.

Needs no lab. The ledger is made in a temporary folder, with an attachment for every tenth record.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from anlan.ledger import Draft, Ledger
from anlan.ledger.pack import VERIFIER, write_pack
from anlan.secret_key import discard_key
from benchmarks.figure import Figure

RECORDS = 100_000
BATCH = 1_000
SINGLE = 50
PROMISED_SECONDS = 5.0


def drafts(ledger: Ledger, first: int, count: int) -> list[Draft]:
    """Given a ledger and numbers, return as many drafts of checks, as an audit makes them."""
    now = datetime.now(UTC)
    made = []
    for number in range(first, first + count):
        files = {'answer.txt': ledger.attach(f'answer {number // 10}'.encode())} if number % 10 == 0 else {}
        observed = {'command': ['sshd', '-T'], 'exit': 0, 'answer': f'permitrootlogin no {number}', 'seconds': 0.021}
        made.append(Draft('check', f'host-{number % 17} 密码', now, now, 'pass', ['8.1.4.1.a'], observed, files))
    return made


def figures(records: int, runs: int) -> Iterator[Figure]:
    """Yield what verifying and appending take."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / 'ledger')
        for first in range(0, records, BATCH):
            ledger.append('benchmark', drafts(ledger, first, min(BATCH, records - first)))
        single = []
        for number in range(SINGLE):
            made = drafts(ledger, records + number, 1)
            started = time.monotonic()
            ledger.append('benchmark', made)
            single.append((time.monotonic() - started) * 1000)
        yield Figure('append one record and its seal', single, 'ms', 50.0)
        pack = Path(folder) / 'evidence.zip'
        write_pack(ledger, pack)
        own, offline = [], []
        for _ in range(runs):
            started = time.monotonic()
            assert ledger.verify().good
            own.append(time.monotonic() - started)
            started = time.monotonic()
            done = subprocess.run([sys.executable, '-I', str(VERIFIER), str(pack)], capture_output=True, check=False)
            offline.append(time.monotonic() - started)
            assert done.returncode == 0, done.stdout
        size = pack.stat().st_size / 1e6
        yield Figure(f'verify {records} records with the pack\'s own program', offline, 's', PROMISED_SECONDS,
                     note=f'a pack of {size:.1f} MB')  # fmt: skip
        yield Figure('the same by `anlan evidence verify`, every seal', own, 's', 10.0)
        discard_key(Path(folder))


def main() -> int:
    """Measure, print, and return 0 if the promise was kept, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.ledger', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 every worst value is below its target · 1 one is not.',
    )  # fmt: skip
    parser.add_argument('--records', type=int, default=RECORDS)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    found = list(figures(given.records, given.runs))
    if given.json:
        json.dump([figure.document() for figure in found], sys.stdout, indent=2, ensure_ascii=False)
    else:
        for figure in found:
            Console(width=160).print('  '.join(figure.row()), markup=False)
    return 0 if all(figure.met for figure in found) else 1


if __name__ == '__main__':
    sys.exit(main())
