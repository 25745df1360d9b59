"""`python -m benchmarks.backup_restic`: restic through our port beside the raw program, on the same data in one run.

Needs no lab; restic is taken out of the host image once. The two take turns, each into a repository of its own that
was made alike, so that a machine that is busy for a while is busy for both.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from rich.console import Console

from backup.engines.restic import ResticEngine
from backup.engines.restic_settings import ResticSettings
from backup.port import Job
from benchmarks.figure import Figure
from tests.contract.backup.tools import program

MIB = 1 << 20
SECONDS = 3600.0
GOAL_RATIO = 1.05
GOAL_SECOND = 0.10
LARGE_MIB = 8
SMALL_EACH = 20
SMALL_BYTES = 16_000


@dataclass
class Seen:
    """Seconds of every run, by who ran it; `work` are those of a core that a first backup took, ours and restic's."""

    first: dict[str, list[float]] = field(default_factory=lambda: {'port': [], 'raw': []})
    second: dict[str, list[float]] = field(default_factory=lambda: {'port': [], 'raw': []})
    work: dict[str, list[float]] = field(default_factory=lambda: {'port': [], 'raw': []})
    restore: dict[str, list[float]] = field(default_factory=lambda: {'port': [], 'raw': []})
    source_bytes: int = 0


def write_source(folder: Path, size_mib: int) -> int:
    """Given a folder and a size, fill it as a media host is filled, return its bytes.

    Files that do not compress, and beside each some small ones that do.
    """
    chance, total = random.Random(6), 0
    for number in range(size_mib // LARGE_MIB):
        part = folder / f'{number:04d}'
        part.mkdir()
        (part / 'video.bin').write_bytes(chance.randbytes(LARGE_MIB * MIB))
        for small in range(SMALL_EACH):
            (part / f'{small}.json').write_text(f'{{"lesson": {number}, "part": {small}}}' * 512, encoding='utf-8')
        total += sum(file.stat().st_size for file in part.iterdir())
    return total


def measure(folder: Path, size_mib: int, runs: int) -> Seen:
    """Given a folder, the size of the source and a number of runs, run both in turn and return what was seen."""
    seen = Seen()
    source = folder / 'source'
    source.mkdir()
    seen.source_bytes = write_source(source, size_mib)
    password_file = folder / 'password'
    password_file.write_text('of a benchmark', encoding='utf-8')
    settings = ResticSettings(str(folder / 'template'), password_file, program=program('restic'))
    ResticEngine(settings).prepare(SECONDS)
    for number in range(runs):
        for who in ('port', 'raw') if number % 2 == 0 else ('raw', 'port'):
            repository, target = folder / who, folder / f'{who}-back'
            shutil.copytree(folder / 'template', repository)
            engine = ResticEngine(replace(settings, repository=str(repository)))
            keep, bring_back = (_port if who == 'port' else _raw)(engine, source, target)
            os.sync()
            before = _core_seconds()
            seen.first[who].append(_timed(keep))
            seen.work[who].append(_core_seconds() - before)
            seen.second[who].append(_timed(keep))
            os.sync()
            seen.restore[who].append(_timed(bring_back))
            shutil.rmtree(repository)
            shutil.rmtree(target)
    return seen


def _port(engine: ResticEngine, source: Path, target: Path):  # type: ignore[no-untyped-def]
    kept: list[str] = []

    def keep() -> None:
        kept.append(engine.run(Job('media', 'app-1', (source,)), SECONDS).snapshot.identity)

    return keep, lambda: engine.restore(kept[-1], target, SECONDS)


def _raw(engine: ResticEngine, source: Path, target: Path):  # type: ignore[no-untyped-def]
    settings = engine.settings
    raw = [settings.program, '-r', settings.repository, '--password-file', str(settings.password_file), '--no-cache']

    def do(*words: str) -> None:
        subprocess.run([*raw, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    return (
        lambda: do('backup', '--host', 'app-1', '--tag', 'policy=media', str(source)),
        lambda: do('restore', 'latest', '--verify', '--target', str(target)),
    )


def _timed(call) -> float:  # type: ignore[no-untyped-def]
    started = time.monotonic()
    call()
    return time.monotonic() - started


def _core_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def figures(seen: Seen) -> Iterator[Figure]:
    """Given what was seen, yield its figures."""
    size = seen.source_bytes / 1e6
    ratio = median(seen.first['port']) / median(seen.first['raw'])
    second = [later / first for first, later in zip(seen.first['port'], seen.second['port'], strict=True)]
    rates = {
        f'{what} of {who}': size / median(seconds[who])
        for what, seconds in (('backup', seen.first), ('restore', seen.restore)) for who in ('port', 'raw')
    }  # fmt: skip
    note = ', '.join(f'{name} {rate:.0f} MB/s' for name, rate in rates.items())
    yield Figure('a first backup through the port, by the raw program (medians)', [ratio], '×', GOAL_RATIO, note=note)
    work = median(seen.work['port']) / median(seen.work['raw'])
    yield Figure('the same by the work of cores, which others on the machine do not change', [work], '×', GOAL_RATIO,
                 note=f'{median(seen.work["port"]):.2f} s beside {median(seen.work["raw"]):.2f} s')  # fmt: skip
    yield Figure('first backup through the port', seen.first['port'], 's', SECONDS, note=f'{size:.0f} MB of source')
    yield Figure('first backup by the raw program', seen.first['raw'], 's', SECONDS)
    yield Figure('second, unchanged backup, by the first', [median(second)], '×', GOAL_SECOND,
                 note=f'{median(seen.second["port"]):.2f} s; raw {median(seen.second["raw"]):.2f} s')  # fmt: skip
    yield Figure('restore through the port, every byte read again', seen.restore['port'], 's', SECONDS)
    yield Figure('the same by the raw program', seen.restore['raw'], 's', SECONDS)


def main() -> int:
    """Measure, print, and return 0 if the promise was kept, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.backup_restic', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 every worst value is below its target · 1 one is not.',
    )  # fmt: skip
    parser.add_argument('--size-mib', type=int, default=1024, help='of the source (1024)')
    parser.add_argument('--runs', type=int, default=5, help='of each of the two (5)')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='anlan-backup-') as folder:
        found = list(figures(measure(Path(folder), given.size_mib, given.runs)))
    if given.json:
        json.dump([figure.document() for figure in found], sys.stdout, indent=2, ensure_ascii=False)
    else:
        for figure in found:
            Console(width=200).print('  '.join(figure.row()), markup=False)
    return 0 if all(figure.met for figure in found) else 1


if __name__ == '__main__':
    sys.exit(main())
