"""The exposition: what a monitoring host does to have the metrics of the backups in a file, again and again.

It reads what every host has handed over since it last did, keeps what matters, judges it as `anlan backup status` does,
and writes the text. While the entries of a host cannot be read nothing is written: an old text is seen to be old.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from anlan.errors import AnlanError
from anlan.files import write_atomically
from backup.announcement import FIELD, IDENTIFIER
from backup.collected import REASONS, Collected, collected_of, still_wanted, taken_in
from backup.failure import BackupFailed, ExitClass
from backup.judgement import judge
from backup.metrics import exposition
from backup.speakers import SPEAKERS, Speakers, read_speakers
from backup.task import HostPlan

STATE = Path('/var/lib/anlan/backup/collected.json')
METRICS = Path('/run/anlan/metrics/backup.prom')
INTERVAL_SECONDS = 30.0
AT_ONCE = 5000
"""So many entries of one host are read at a time, of a first reading of half a year too."""

JOURNAL_SECONDS = 60.0
ROUND_SECONDS = 300.0
"""How long one round may read. What is left is read in the next one; until then nothing is written."""


@dataclass(frozen=True)
class Files:
    """Where the exposition keeps what it has collected, what it writes, and who may say what."""

    state: Path = STATE
    metrics: Path = METRICS
    speakers: Path = SPEAKERS


Entries = Callable[[Path, str | None], Sequence[str]]


def entries_of(store: Path, after: str | None) -> list[str]:
    """Given a host's store and a cursor, return its next entries of backups, AT_ONCE at most. Raise BackupFailed."""
    if not _was_heard(store):
        return []
    command = [
        'journalctl', '--quiet', '--no-pager', f'--directory={store}', '--output=json', '--all',
        f'--output-fields={FIELD},_UID', f'--lines=+{AT_ONCE}', *([f'--after-cursor={after}'] if after else []),
        f'SYSLOG_IDENTIFIER={IDENTIFIER}',
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=JOURNAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupFailed(ExitClass.FAILED, f'{store} cannot be read: {error}') from None
    said = done.stderr.decode(errors='replace').strip()
    # Nothing found is an exit code of 1 and no word.
    if done.returncode != 0 and said:
        raise BackupFailed(ExitClass.FAILED, f'{store} cannot be read: {said.splitlines()[-1][:300]}')
    return done.stdout.decode(errors='replace').splitlines()


def _was_heard(store: Path) -> bool:
    """Return whether a host ever handed anything over. Raise BackupFailed if that cannot be seen."""
    try:
        return any('.journal' in each.name for each in store.iterdir())
    except FileNotFoundError:
        # The host is new. Without the folder of all stores nobody was ever listened to, and nothing is known.
        if store.parent.is_dir():
            return False
        raise BackupFailed(ExitClass.FAILED, f'{store.parent} is not there') from None
    except OSError as error:
        raise BackupFailed(ExitClass.FAILED, f'{store} cannot be read: {error.strerror}') from None


def gathered(
    before: Collected, speakers: Speakers, plan: HostPlan, now: datetime, entries: Entries = entries_of
) -> tuple[Collected, bool]:
    """Given what there is, return it with what hosts have handed over since, and whether that is all of it.

    Raise BackupFailed if a host's entries cannot be read. What was read until then is read again: it is the same then.
    """
    refusal = partial(speakers.refusal, promises=plan.promises)
    ends = time.monotonic() + ROUND_SECONDS
    collected = still_wanted(before, speakers, plan.promises)
    for host in speakers.hosts:
        while True:
            came = entries(Path(speakers.stores) / host, collected.cursors.get(host))
            try:
                collected = taken_in(collected, host, came, refusal, now)
            except ValueError as error:
                raise BackupFailed(ExitClass.FAILED, f'what {host} handed over cannot be read: {error}') from None
            if len(came) < AT_ONCE:
                break
            if time.monotonic() > ends:
                return collected, False
    return collected, True


def text_of(collected: Collected, speakers: Speakers, plan: HostPlan, now: datetime) -> str:
    """Given what was collected, who speaks, what is promised, and the time, return the metrics."""
    # Of who was never refused a zero: of a count that begins with its first one nobody sees that it grew.
    never = {(host, reason): 0 for host in speakers.hosts for reason in REASONS}
    records = collected.records
    statuses = judge(plan.promises, records, now)
    return exposition(plan.promises, statuses, records, now, {**never, **collected.refused})


def read_state(file: Path) -> tuple[Collected, str | None]:
    """Given the file, return what was collected, and why it begins anew if it does: the stores have all of it still."""
    try:
        return collected_of(json.loads(file.read_text(encoding='utf-8'))), None
    except FileNotFoundError:
        return Collected(), None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Collected(), f'{file} cannot be used ({error}); all that hosts handed over is read again'


def expose(plan: HostPlan, files: Files, now: datetime, entries: Entries = entries_of) -> str | None:
    """Read, judge and write once. Return what is to be said of it, if anything is. Raise AnlanError, OSError."""
    before, anew = read_state(files.state)
    speakers = read_speakers(files.speakers)
    collected, whole = gathered(before, speakers, plan, now, entries)
    if collected != before:
        write_atomically(files.state, json.dumps(collected.document(), ensure_ascii=False) + '\n', 0o600)
    if not whole:
        return 'what hosts have handed over is much; the metrics are written when all of it is read'
    files.metrics.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    write_atomically(files.metrics, text_of(collected, speakers, plan, now), 0o644)
    return anew


def expose_for_ever(plan: Callable[[], HostPlan], files: Files = Files()) -> None:
    """Do so until stopped. What goes wrong is said once, until something else does. Raise BadInput without a plan."""
    last: str | None = None
    while True:
        started = time.monotonic()
        try:
            said = expose(plan(), files, datetime.now(UTC))
        except (AnlanError, OSError) as error:
            said = f'the metrics of backups are not written: {error}'
        if said is not None and said != last:
            print(f'<4>{said}', file=sys.stderr, flush=True)
        last = said
        time.sleep(max(1.0, INTERVAL_SECONDS - (time.monotonic() - started)))
