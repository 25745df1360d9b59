"""The timers of this host's tasks, as systemd holds them: those of its plan, and no others."""

from __future__ import annotations

import subprocess
from pathlib import Path

from anlan.errors import AnlanError
from anlan.files import write_atomically
from backup.task import HostPlan
from backup.unit_files import PREFIX, unit_files

UNITS = Path('/etc/systemd/system')


def install(plan: HostPlan, folder: Path, *, check: bool = False) -> list[str]:
    """Given what a host does and systemd's folder, hold the units of it and no others; return what was changed.

    A timer that is not there any more is stopped; one that does not run is started.
    """
    wanted = unit_files(plan)
    timers = sorted(name for name in wanted if name.endswith('.timer'))
    there = {file.name: file for pattern in ('timer', 'service') for file in folder.glob(f'{PREFIX}*.{pattern}')}
    stale = sorted(set(there) - set(wanted))
    wrong = sorted(name for name, text in wanted.items() if _text_of(there.get(name)) != text)
    idle = [name for name in timers if not _runs(name)]
    changed = [*(f'removed {name}' for name in stale), *(f'wrote {name}' for name in wrong),
               *(f'started {name}' for name in idle if name not in wrong)]  # fmt: skip
    if check or not changed:
        return changed
    gone = [name for name in stale if name.endswith('.timer')]
    if gone:
        _systemctl('disable', '--now', *gone)
    for name in stale:
        there[name].unlink()
    for name in wrong:
        write_atomically(folder / name, wanted[name], 0o644)
    _systemctl('daemon-reload')
    if timers:
        _systemctl('enable', '--now', *timers)
        rewritten = [name for name in wrong if name.endswith('.timer')]
        if rewritten:
            _systemctl('restart', *rewritten)
    # The first backup of the database is not waited for until its hour: before it there is nothing to go back to.
    first = [f'{PREFIX}{each.name}' for each in plan.tasks if (each.engine, each.kind) == ('pgbackrest', 'incremental')]
    for name in first:
        if f'{name}.timer' not in there:
            _systemctl('start', '--no-block', f'{name}.service')
    return changed


def _text_of(file: Path | None) -> str | None:
    return None if file is None else file.read_text(encoding='utf-8')


def _runs(unit: str) -> bool:
    done = subprocess.run(['systemctl', 'is-active', '--quiet', unit], check=False, timeout=30)
    return done.returncode == 0


def _systemctl(*words: str) -> None:
    done = subprocess.run(['systemctl', *words], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AnlanError(f'systemctl {words[0]}: {done.stderr.strip()[-300:]}')
