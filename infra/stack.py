"""The stack of a platform: Pulumi's Automation API with everything given explicitly, and recovery from a killed run."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, InvalidVersionError

from anlan.errors import AnlanError, Busy
from anlan.files import write_atomically
from anlan.paths import ROOT
from infra.engine_events import EventLog
from infra.pulumi_command import CommandWithDeadline
from infra.targets.changes import Drift, Plan, Report, silent

PROJECT_FILE = ROOT / 'infra' / 'Pulumi.yaml'
FILE_BACKEND = 'file'
RUN_SECONDS = 1800.0
PARALLEL = 16
"""Operations at the same time; measured best on 2 cores (16: 20 s for 60 hosts, 32: 24 s)."""

DYING_ENGINE_SECONDS = 120.0
"""An engine whose program was killed finishes what it has begun; it needs no longer than this."""

SHOWN_CHARACTERS = 600

PULUMI_SWITCHES = (
    'PULUMI_SKIP_UPDATE_CHECK',
    'PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION',
    'PULUMI_IGNORE_AMBIENT_PLUGINS',
    'PULUMI_DISABLE_REGISTRY_RESOLVE',
)


@dataclass(frozen=True)
class StackPlace:
    """Where a stack is: its name, the folder of its state (var/<platform>/pulumi), the CLI's root, the backend.

    `backend` is `file`, or the address of an S3 bucket or a PostgreSQL database.
    """

    name: str
    directory: Path
    pulumi_root: Path
    backend: str = FILE_BACKEND

    @property
    def is_local(self) -> bool:
        """Return whether the state is a file under `directory`, which nobody else uses while we hold the platform."""
        return self.backend == FILE_BACKEND

    @property
    def backend_url(self) -> str:
        """Return the backend as Pulumi names it."""
        return f'file://{self.directory / "state"}' if self.is_local else self.backend

    @property
    def work(self) -> Path:
        """Return the folder that Pulumi works in; it is there once a stack was opened from this machine."""
        return self.directory / 'work'

    @property
    def project(self) -> str:
        """Return the name of the project, part of every path in the state."""
        return str(yaml.safe_load(PROJECT_FILE.read_text(encoding='utf-8'))['name'])

    @property
    def locks(self) -> Path:
        """Return the folder of locks of a local state."""
        return self.directory / 'state' / '.pulumi' / 'locks' / 'organization' / self.project / self.name

    @property
    def checkpoint(self) -> Path:
        """Return the file of a local state."""
        return self.directory / 'state' / '.pulumi' / 'stacks' / self.project / f'{self.name}.json'


class PlatformStack:
    """The stack of one platform and the program that declares it."""

    def __init__(self, place: StackPlace, program: Callable[[], None]) -> None:
        self.place = place
        self._program = program
        self._opened: automation.Stack | None = None

    def plan(self) -> Plan:
        """Return what `up` would do; what a killed run left in the state is cleared first. Raise AnlanError."""
        if self.leftovers():
            self.clear_leftovers()
        log = EventLog()
        self._run(log, lambda stack: stack.preview(refresh=True, on_event=log.listen, parallel=PARALLEL))
        return Plan(tuple(log.changes))

    def up(self, report: Report = silent, only: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """Make everything as declared and return the outputs; a killed run's leftovers are cleared first.

        `only`: these resources, by type and name, and no other. Raise Busy if another run holds the state, AnlanError
        with every reason if something fails.
        """
        if self.leftovers():
            self.clear_leftovers(report)
        log = EventLog(report)
        urns = [f'urn:pulumi:{self.place.name}::{self.place.project}::{kind}::{name}' for kind, name in only]
        result = self._run(
            log, lambda stack: stack.up(refresh=True, on_event=log.listen, parallel=PARALLEL, target=urns or None)
        )
        return {name: output.value for name, output in result.outputs.items()}

    def down(self, report: Report = silent) -> None:
        """Remove everything that the state knows, and the stack itself. Raise Busy or AnlanError."""
        if self.leftovers():
            self.clear_leftovers(report)
        log = EventLog(report)
        self._run(
            log,
            lambda stack: stack.destroy(
                refresh=True, remove=True, run_program=False, on_event=log.listen, parallel=PARALLEL
            ),
        )
        self._opened = None

    def drift(self) -> list[Drift]:
        """Return all that differs from the state. Raise AnlanError."""
        log = EventLog()
        self._run(log, lambda stack: stack.preview_refresh(run_program=False, on_event=log.listen, parallel=PARALLEL))
        return log.drifts

    def is_known(self) -> bool:
        """Return whether the state holds any resource."""
        return bool(self._deployment().get('resources'))

    def holds(self, provider: str) -> bool:
        """Given a provider's name, return whether the state holds any resource of it. Raise AnlanError."""
        return any(item['type'].startswith(f'{provider}:') for item in self._deployment().get('resources') or [])

    def leftovers(self) -> list[str]:
        """Return what a killed run left: operations that were not finished and, in a local state, locks."""
        found = [
            f'{operation["type"]} {operation["resource"]["urn"].rsplit("::", 1)[-1]}'
            for operation in self._deployment().get('pending_operations') or []
        ]
        if self.place.is_local:
            found += [f'lock {file.stem}' for file in sorted(self.place.locks.glob('*.json'))]
        return found

    def clear_leftovers(self, report: Report = silent, force: bool = False) -> None:
        """Clear what a killed run left: its lock, and operations that were not finished.

        A lock in a shared backend may be somebody's: it is cleared only with `force`. Raise Busy if the lock's
        owner lives on this machine and does not end, AnlanError if the state cannot be read.
        """
        report('state', 'recovering')
        if self.place.is_local:
            self._wait_for_owners()
        if force or self.place.is_local:
            try:
                self._open().cancel()
            except CommandError as error:
                if 'no update' not in str(error) and 'not currently' not in str(error):
                    raise _explained(error, []) from None
        log = EventLog(report)
        self._run(
            log,
            lambda stack: stack.refresh(
                clear_pending_creates=True, run_program=False, on_event=log.listen, parallel=PARALLEL
            ),
        )
        report('state', 'recovered')

    def _wait_for_owners(self) -> None:
        ends = time.monotonic() + DYING_ENGINE_SECONDS
        while True:
            owners = [owner for owner in map(_living_owner, self.place.locks.glob('*.json')) if owner is not None]
            if not owners:
                return
            if time.monotonic() > ends:
                raise Busy(
                    f'the state is held by process {owners[0]}, which still runs after '
                    f'{DYING_ENGINE_SECONDS:.0f} s; end it or wait, then run this again'
                )
            time.sleep(0.5)

    def _deployment(self) -> dict[str, Any]:
        if self.place.is_local:
            try:
                document = json.loads(self.place.checkpoint.read_text(encoding='utf-8'))
            except FileNotFoundError:
                return {}
            except (OSError, ValueError) as error:
                raise AnlanError(
                    f'{self.place.checkpoint} cannot be read ({error}); move it away: `anlan up` imports what exists'
                ) from None
            latest: dict[str, Any] = (document.get('checkpoint') or {}).get('latest') or {}
            return latest
        exported: dict[str, Any] = self._open().export_stack().deployment or {}
        return exported

    def _run(self, log: EventLog, operation: Callable[[automation.Stack], Any]) -> Any:
        try:
            return operation(self._open())
        except ConcurrentUpdateError:
            raise Busy(
                f'another run holds the state of {self.place.name}; if you are sure that it is dead: `anlan recover`'
            ) from None
        except CommandError as error:
            raise _explained(error, log.errors) from None

    def _open(self) -> automation.Stack:
        if self._opened is None:
            work = self._write_work_directory()
            try:
                workspace = automation.LocalWorkspace(
                    work_dir=str(work),
                    pulumi_home=str(self.place.directory / 'home'),
                    program=self._program,
                    env_vars=self._environment(),
                    pulumi_command=CommandWithDeadline(self.place.pulumi_root, RUN_SECONDS),
                )
                self._opened = automation.Stack.create_or_select(self.place.name, workspace)
            except (OSError, InvalidVersionError) as error:
                raise AnlanError(f'the Pulumi CLI under {self.place.pulumi_root} cannot be used: {error}') from None
            except CommandError as error:
                raise _explained(error, []) from None
        return self._opened

    def _write_work_directory(self) -> Path:
        """Write the project file to the platform's own folder: Pulumi puts the stack's settings beside it."""
        work = self.place.work
        for folder in (work, self.place.directory / 'home', self.place.directory / 'state'):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        project = yaml.safe_load(PROJECT_FILE.read_text(encoding='utf-8'))
        for plugin in project['plugins']['providers']:
            plugin['path'] = os.path.relpath(PROJECT_FILE.parent / plugin['path'], work.resolve())
        write_atomically(work / 'Pulumi.yaml', yaml.safe_dump(project, sort_keys=False))
        return work

    def _environment(self) -> dict[str, str]:
        passphrase_file = self.place.directory / 'passphrase'
        if not passphrase_file.exists():
            write_atomically(passphrase_file, secrets.token_urlsafe(32))
        environment = dict.fromkeys(PULUMI_SWITCHES, 'true') | {
            'PULUMI_BACKEND_URL': self.place.backend_url,
            'PULUMI_CONFIG_PASSPHRASE_FILE': str(passphrase_file),
            'ANLAN_PYTHON': sys.executable,
        }
        if 'PULUMI_CONFIG_PASSPHRASE' in os.environ:
            # It would win over the file, and an environment can be added to but not cut.
            environment['PULUMI_CONFIG_PASSPHRASE'] = passphrase_file.read_text(encoding='utf-8')
        return environment


def _living_owner(lock: Path) -> int | None:
    """Given a lock file, return the process that holds it, or None if it is dead or the file says nothing."""
    try:
        document = json.loads(lock.read_text(encoding='utf-8'))
        process = int(document['pid'])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if document.get('hostname') not in (None, socket.gethostname()):
        return None
    try:
        name = Path(f'/proc/{process}/comm').read_text(encoding='utf-8').strip()
    except OSError:
        return None
    return process if name == 'pulumi' else None


def _explained(error: CommandError, reasons: list[str]) -> AnlanError:
    """Given a failed command and what the engine said, return an error with the reasons, not with the whole output."""
    if not reasons:
        lines = [line.partition('error: ')[2].strip() for line in str(error).splitlines()]
        reasons = [line for line in lines if line] or [str(error)[-SHOWN_CHARACTERS:]]
    if any('incorrect passphrase' in reason for reason in reasons):
        return AnlanError(
            'the state cannot be decrypted: its passphrase is not the one in var/. Put the file `passphrase` back '
            'from a backup, or move the folder `pulumi` away: `anlan up` then imports what exists'
        )
    return AnlanError('; '.join(dict.fromkeys(reasons)))
