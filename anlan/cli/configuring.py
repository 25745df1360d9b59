"""Runs of Ansible as the command line shows them: a bar, and every host that failed in one error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anlan.cli.work import Work
from anlan.console import Step
from anlan.encrypted_file import SUFFIX, EncryptedFile
from anlan.errors import AnlanError
from anlan.files import write_json
from anlan.paths import PlatformPaths
from anlan.secret_store import ensure_secrets
from app_stack.release import Release
from infra.configure import Event, Run, configure

SHOWN_FAILURES = 8
FIRST_RUN_TASKS = 150
"""Tasks of `site.yml` on a platform that was never configured; later runs count on what the last one had."""


def run_playbook(
    work: Work,
    playbook: str,
    release: Mapping[str, str],
    shown: Step,
    *,
    check: bool = False,
    limit: Sequence[str] = (),
    outputs_file: Path | None = None,
    certificates: Path | None = None,
    further: Mapping[str, Any] | None = None,
) -> Run:
    """Given a playbook and the release that hosts are to have, run it over what stands and return what it did.

    `limit` names the hosts, all if it names none. `outputs_file` and `certificates` are read in place of the platform's
    own; `further` are more variables. The caller holds its lock. Raise AnlanError naming the hosts that failed and why.
    """
    bar = _Bar(work, playbook, shown)
    run = configure(
        playbook,
        work.paths,
        {
            'secrets': ensure_secrets(work.paths.secrets),
            'certificate_directory': str(certificates or work.paths.certificates),
            'release': dict(release),
            **(further or {}),
        },
        mitogen=work.platform.configuration.mitogen,
        forks=work.platform.configuration.forks,
        check=check,
        limit=limit,
        outputs_file=outputs_file,
        on_event=bar.on_event,
    )
    keep_journal_keys(work.paths)
    if run.failures:
        lines = '\n'.join(f'  {failure}' for failure in run.failures[:SHOWN_FAILURES])
        more = len(run.failures) - SHOWN_FAILURES
        rest = f'\n  and {more} more' if more > 0 else ''
        raise AnlanError(f'the configuration failed:\n{lines}{rest}\n  the whole log: {run.log}')
    bar.keep()
    return run


def keep_journal_keys(paths: PlatformPaths) -> None:
    """Given a platform's paths, encrypt the keys of journals that a run has brought. The caller holds its lock."""
    for file in paths.journal_keys.iterdir():
        if file.suffix != SUFFIX:
            key = EncryptedFile(file, paths.directory)
            # One that is there belongs to the host that had this name before.
            key.file.unlink(missing_ok=True)
            key.take_over()


def release_variables(release: Release) -> dict[str, str]:
    """Given a packed release, return it as the role `application` takes it."""
    return {'id': release.id, 'archive': str(release.path), 'sha256': release.sha256}


class _Bar:
    """Moves a step's bar with the tasks; their number is known from the run before."""

    def __init__(self, work: Work, playbook: str, shown: Step) -> None:
        self._file = work.paths.directory / 'tasks.json'
        self._playbook = playbook
        self._shown = shown
        self._count = 0
        try:
            self._known: dict[str, int] = json.loads(self._file.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            self._known = {}
        shown.total(self._known.get(playbook, FIRST_RUN_TASKS))

    def on_event(self, event: Event) -> None:
        """Given an event of the run, show where it is."""
        if event['event'] == 'task':
            self._count += 1
            self._shown.done(self._count)
            self._shown.note(event['name'].split(' : ')[-1])

    def keep(self) -> None:
        """Remember how many tasks there were."""
        known: dict[str, Any] = self._known | {self._playbook: self._count}
        write_json(self._file, known)
