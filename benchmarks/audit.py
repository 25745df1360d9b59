"""`python -m benchmarks.audit`: how long an audit of a lab that stands takes, live and again from the record.

Live: the first run knows no commands, the ones after it ask each host all in one round trip. A host alone: the first of
each tier, from the question to the verdicts; hosts of a lab share a machine, so that in a whole run each waits for the
others. Replay: a whole process, `anlan audit replay`, as an auditor starts it. `--mutate` plants the fault of each
check besides and prints the score.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from anlan.cli.auditing import audit_platform, mutate_platform
from anlan.cli.options import DEFAULT_PLATFORM
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from anlan.platform import load_platform
from benchmarks.figure import Figure
from compliance.audit import Selection
from infra.outputs_file import read_outputs

CHECKS, HOST_SECONDS, LAB_SECONDS, REPLAY_SECONDS = 300, 10.0, 90.0, 5.0
REPLAY = [sys.executable, '-m', 'anlan.cli', 'audit', 'replay', '--json']


def figures(file: Path, runs: int) -> Iterator[Figure]:
    """Yield what an audit takes, and of how many checks it is."""
    platform = load_platform(file)
    whole, of_host, replayed = [], [], []
    outputs = read_outputs(PlatformPaths.of(platform.name).outputs)
    tiers = {host['tier']: name for name, host in reversed(outputs['hosts'].items()) if host['tier'] != 'client'}
    checks = results = 0
    for _ in range(runs):
        started = time.monotonic()
        done = audit_platform(platform, Selection())
        whole.append(time.monotonic() - started)
        checks = len({(result.check, result.case) for result in done.results})
        results = len(done.results)
    for _ in range(runs):
        started = time.monotonic()
        said = subprocess.run([*REPLAY, '--platform', str(file)], capture_output=True, text=True, check=False)
        replayed.append(time.monotonic() - started)
        assert json.loads(said.stdout)['differences'] == [], said.stdout[:600]
    size = sum(
        len(Ledger(PlatformPaths.of(platform.name).ledger).attachment(sha256))
        for sha256 in _newest_attachments(PlatformPaths.of(platform.name).ledger)
    )
    for name in tiers.values():
        started = time.monotonic()
        audit_platform(platform, Selection(hosts=(name,)))
        of_host.append(time.monotonic() - started)
    yield Figure('audit of the whole lab', whole, 's', LAB_SECONDS, note=f'{checks} checks, {results} results')
    yield Figure('audit of one host alone, of each tier', of_host, 's', HOST_SECONDS)
    yield Figure('replay, a whole process', replayed, 's', REPLAY_SECONDS, note=f'a record of {size / 1e6:.1f} MB')
    if checks < CHECKS:
        raise SystemExit(f'only {checks} checks; {CHECKS} are promised')


def _newest_attachments(folder: Path) -> list[str]:
    newest: list[str] = []
    for record in Ledger(folder).records():
        if record.kind == 'audit':
            newest = list(record.attachments.values())
    return newest


def main() -> int:
    """Measure, print, and return 0 if the promises were kept, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.audit', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 every worst value is below its target, every fault was caught · 1 not.',
    )  # fmt: skip
    parser.add_argument('--platform', type=Path, default=DEFAULT_PLATFORM)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--mutate', action='store_true', help='plant the fault of each check on a host of the lab')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    found = list(figures(given.platform, given.runs))
    score = mutate_platform(load_platform(given.platform), ()) if given.mutate else None
    if given.json:
        document = {'figures': [figure.document() for figure in found]}
        json.dump(
            document | ({'mutation': score.document()} if score else {}), sys.stdout, indent=2, ensure_ascii=False
        )
    else:
        for figure in found:
            Console(width=160).print('  '.join(figure.row()), markup=False)
        if score is not None:
            print(f'mutation: {score.count("caught")} of {score.applicable} caught ({score.score:.1%})')
    caught = score is None or score.whole
    return 0 if caught and all(figure.met for figure in found) else 1


if __name__ == '__main__':
    sys.exit(main())
