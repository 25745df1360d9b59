"""`python -m benchmarks.offsite_rebuild`: the main site and the operator's machine are lost; until it stands again.

On the platform of the tests (infra/platforms/test.yaml), which is brought up if it does not stand: a learner writes,
the recovery kit is written, then every host but the one of the other site and the learners' devices is destroyed, and
with them the platform's folder and the key of its secrets. `anlan backup rebuild --kit` has it back. Counted are the
seconds of each phase, and acknowledged writes that are gone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from anlan.cli.work import Work
from anlan.errors import AnlanError
from anlan.secret_key import key_folder
from infra.lab.engine import connect as connect_docker
from tests.lab.standing import PLATFORM_FILE, Standing

GOAL_SECONDS = 900.0
REBUILD_SECONDS = 2400.0
UP_SECONDS = 1200.0
SURVIVORS = {'offsite', 'client'}


@dataclass(frozen=True)
class Rebuilding:
    """What came of a loss: seconds by phase and in all, writes that were acknowledged, and those that are gone."""

    phases: dict[str, float]
    seconds: float
    acknowledged: int
    lost: int
    restored: dict[str, object]
    records_before: int
    records_after: int


def lose_and_rebuild(standing: Standing, folder: Path, writing_seconds: float = 20.0) -> Rebuilding:
    """Given a platform that stands and a folder for the kit, lose its main site and rebuild it.

    Return what came of it. Raise AnlanError if a step fails.
    """
    kit = folder / 'kit.json'
    for policy in ('platform', 'ledger', 'database'):
        done(standing, 'backup', 'run', policy)
    done(standing, 'backup', 'kit', '--output', str(kit))
    before = records(standing)
    with standing.learner() as learner:
        time.sleep(writing_seconds)
    acknowledged = learner.run().acknowledged
    lose(standing, folder)
    started = time.monotonic()
    said = done(standing, 'backup', 'rebuild', '--kit', str(kit), '--yes', '--json', seconds=REBUILD_SECONDS)
    seconds = time.monotonic() - started
    document = json.loads(said)
    gone = acknowledged - set(learner.over(standing.remote()).read_back())
    phases = document.pop('seconds')
    return Rebuilding(phases, seconds, len(acknowledged), len(gone), document, before, records(standing))


def lose(standing: Standing, folder: Path) -> None:
    """Destroy every host of the main site, and on this machine all that belongs to the platform."""
    standing.close()
    for host in standing.work.topology.hosts:
        if host.tier not in SURVIVORS:
            standing.container(host.name).remove(force=True, v=True)
    shutil.move(standing.work.paths.directory, folder / 'lost')
    for key in key_folder().glob(f'{standing.work.platform.name}-*.key'):
        shutil.move(key, folder / key.name)


def records(standing: Standing) -> int:
    """Return how many records the evidence ledger has."""
    file = standing.work.paths.ledger / 'records.jsonl'
    return len(file.read_text(encoding='utf-8').splitlines())


def done(standing: Standing, *words: str, seconds: float = 600.0) -> str:
    """Run a command on the platform and return what it printed. Raise AnlanError if it fails."""
    ended = standing.anlan(*words, deadline_seconds=seconds)
    if ended.returncode:
        raise AnlanError(f'anlan {" ".join(words)}: exit {ended.returncode}: {(ended.stdout + ended.stderr)[-3000:]}')
    return ended.stdout


def main() -> int:
    """Measure, print, and return 0 if nothing was lost within the goal, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.offsite_rebuild', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'Exit codes: 0 whole within {GOAL_SECONDS:.0f} s, nothing lost · 1 not so, or a run failed.',
    )  # fmt: skip
    parser.add_argument('--seconds', type=float, default=20.0, help='how long the learner writes before (20)')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    given = parser.parse_args()
    standing = Standing(Work.of(PLATFORM_FILE), connect_docker())
    try:
        if not standing.work.paths.outputs.exists():
            done(standing, 'up', '--yes', seconds=UP_SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            found = lose_and_rebuild(standing, Path(folder), given.seconds)
    except AnlanError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return error.exit_code
    finally:
        standing.close()
    if given.json:
        print(json.dumps(asdict(found), indent=2, default=str))
    else:
        for name, seconds in found.phases.items():
            print(f'{name:<18} {seconds:7.1f} s')
        print(f'{"all":<18} {found.seconds:7.1f} s (goal {GOAL_SECONDS:.0f} s)')
        print(f'{found.acknowledged} writes were acknowledged before, {found.lost} of them are gone')
        print(f'the ledger had {found.records_before} records, and has {found.records_after}')
    return 0 if found.seconds <= GOAL_SECONDS and not found.lost else 1


if __name__ == '__main__':
    sys.exit(main())
