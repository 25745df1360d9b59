"""Comparing: what Ansible would change on the hosts, by the platform file (plan) or by the last `up` (drift)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from anlan.cli.configuring import run_playbook
from anlan.cli.releases import read_standing, wanted_release
from anlan.cli.work import Work
from anlan.console import step
from anlan.files import write_json
from app_stack.release import release_id
from infra.authority import ensure_certificates
from infra.outputs import inventory_of, outputs
from infra.outputs_file import read_outputs
from infra.targets.base import Target

SITE = 'site.yml'


def not_comparable(work: Work, target: Target) -> str:
    """Return why the hosts cannot be asked for their configuration, empty if they can."""
    missing = [name for name, state in target.hosts().items() if state != 'running']
    if not missing and work.paths.outputs.exists():
        return ''
    names = ', '.join(missing) or 'the platform'
    return f'{names} {"does" if len(missing) < 2 else "do"} not run; `anlan up` configures what it brings up'


def planned(work: Work) -> list[str]:
    """Given a platform whose hosts are as its file says, return what `up` would change on them.

    Outputs and certificates are made as `up` would make them, in places of their own that are removed again.
    """
    inventory = inventory_of(work.topology, read_outputs(work.paths.outputs))
    file, certificates = work.paths.directory / 'planned.anlan.json', work.paths.directory / 'planned-certificates'
    settings = work.platform.certificates
    try:
        write_json(file, outputs(work.platform, work.topology, inventory))
        if work.paths.certificates.exists():
            shutil.copytree(work.paths.certificates, certificates, dirs_exist_ok=True)
        ensure_certificates(work.topology, certificates, settings.host_days, settings.renew_before_days)
        return _compared(work, wanted_release(work.paths, _source()), outputs_file=file, certificates=certificates)
    finally:
        file.unlink(missing_ok=True)
        shutil.rmtree(certificates, ignore_errors=True)


def drifted(work: Work) -> list[str]:
    """Given a platform that stands, return what is no longer on its hosts as the last `up` left it."""
    return _compared(work, read_standing(work.paths).current or _source())


def _compared(
    work: Work, release: Mapping[str, str], outputs_file: Path | None = None, certificates: Path | None = None
) -> list[str]:
    with step('Configuration of the hosts') as shown:
        run = run_playbook(work, SITE, release, shown, check=True, outputs_file=outputs_file, certificates=certificates)
        shown.result = f'{run.changed} would change'
    return sorted(run.changed_tasks)


def _source() -> dict[str, str]:
    return {'id': release_id(), 'archive': '', 'sha256': ''}
