"""The steps of `up`: each shows its time, ends with what it found, and is skipped or short when its result is there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import typer

from anlan.cli.comparing import SITE
from anlan.cli.configuring import release_variables, run_playbook
from anlan.cli.handing_over import hand_over as hand_over_to_keeper
from anlan.cli.observing import NotObserved
from anlan.cli.operating import operating
from anlan.cli.releases import note_deployed, wanted_release
from anlan.cli.renewing import hand_over, losses_of, require_whole, unshared, waves_of
from anlan.cli.rotating import bring
from anlan.cli.status import check_status
from anlan.cli.work import Work
from anlan.console import Step, say, step
from anlan.errors import AnlanError, BadInput
from anlan.files import write_json
from anlan.lock import hold
from anlan.paths import ROOT, cache_directory
from anlan.secret_key import discard_key
from anlan.secret_store import kept
from app_stack.release import Release, build_release
from infra.authority import authority_key, ensure_certificates
from infra.connect import connect
from infra.images.build import ensure_images, missing_images
from infra.inventory import Inventory
from infra.outputs import inventory_of, outputs
from infra.outputs_file import read_outputs
from infra.ssh_files import ssh_files, write_ssh_files
from infra.targets.base import Target
from monitoring.status import Status

VERIFY_SECONDS = 120.0
PACK_SECONDS = 600.0
VERIFY_PAUSE_SECONDS = 2.0


def bring_up(
    work: Work,
    command: str,
    *,
    recover: bool = False,
    may_lose_hosts: bool = False,
    at_once: bool = False,
    further: Mapping[str, Any] | None = None,
    recorded: bool = True,
) -> Status:
    """Given a platform, make it stand as its file says, verify it from its clients, and return its status.

    `recover` clears first what a killed run left. Before a host that stands is removed or made anew, the user is asked,
    unless `may_lose_hosts`. Hosts of a platform that stands are made anew one after another, with the platform whole in
    between, unless `at_once`. `further` are more variables of the configuration; without `recorded` nothing is written
    to the ledger. Raise Busy if another command holds the platform, BadInput if
    something stands in the way (nothing is touched then), AnlanError if a step fails.
    """
    target = work.target()
    with hold(work.paths.lock, command):
        check_way(work, target)
        unrecorded: dict[str, Any] = {}
        noting = operating(work.platform, command.removeprefix('anlan ')) if recorded else nullcontext(unrecorded)
        with noting as noted:
            status, changed, release = _brought_up(
                work, target, recover=recover, may_lose_hosts=may_lose_hosts, at_once=at_once, further=further
            )
            noted |= {'changed': changed, 'release': release, 'status': status.state}
    return status


def hand_over_state(work: Work) -> None:
    """Bring what the platform is rebuilt from to the host that keeps it. If that fails it is said; `up` did well."""
    with step('What it is rebuilt from') as shown:
        try:
            with connect(work.platform, work.paths, read_outputs(work.paths.outputs)) as remote:
                shown.result = (
                    f'{hand_over_to_keeper(remote, work.paths) / 1_000_000:.1f} MB handed to {remote.bastion}'
                )
        except AnlanError as error:
            shown.result = f'not handed over: {error}'


def _brought_up(
    work: Work, target: Target, *, recover: bool, may_lose_hosts: bool, at_once: bool, further: Mapping[str, Any] | None
) -> tuple[Status, int, str]:
    """Return the status, how many tasks of the last configuration changed something, and the release that stands."""
    with _Packing() as packing:
        if work.makes_hosts:
            build_images(work)
            if recover:
                target.clear()
            if not may_lose_hosts:
                ask_about_losses(work, target, at_once=at_once)
        outdated = target.outdated() if work.paths.outputs.exists() and not at_once else []
        if set(outdated) - set(unshared(work.topology, outdated)):
            make_anew(work, target, waves_of(work.topology, outdated), packing)
        with step('Hosts and networks') as shown:
            inventory = _make(work, target, shown)
        write_connections(work, inventory)
        with step('Release of the application') as shown:
            packed = packing.release()
            shown.result = f'{packed.id}, {packed.size_bytes / 1_000_000:.0f} MB'
    issue_certificates(work)
    with step('Configuration of the hosts') as shown:
        wanted = wanted_release(work.paths, release_variables(packed))
        run = bring(work, lambda limit: run_playbook(work, SITE, wanted, shown, limit=limit, further=further), shown)
        shown.result = f'{run.changed} changed'
        if wanted['id'] != packed.id:
            shown.result += f'; {packed.id} was rolled back, {wanted["id"]} stays'
    if wanted['id'] == packed.id:
        note_deployed(work.paths, wanted)
    hand_over_state(work)
    with step('Verification from the clients') as shown:
        status = verify(work)
        shown.result = status.state
    return status, run.changed, wanted['id']


def make_anew(work: Work, target: Target, waves: list[list[str]], packing: _Packing) -> None:
    """Make the hosts of each wave anew and configure them. Raise AnlanError if the platform is not whole before one."""
    wanted = wanted_release(work.paths, release_variables(packing.release()))
    with step('What stands: verification') as shown:
        status = verify(work, deadline_seconds=0, outdated=[name for names in waves for name in names])
        shown.result = status.state
    if status.state != 'ok':
        # What a killed run left half done is finished first: only then is it known whether a host may be missed.
        missing = [name for name, state in target.hosts().items() if state != 'running']
        status = _renew(work, target, missing, wanted, title='What stands', pending=waves)
    for number, names in enumerate(waves, 1):
        require_whole(status, f'making {", ".join(names)} anew')
        hand_over(work, names)
        title = f'Hosts anew, {number} of {len(waves)}'
        status = _renew(work, target, names, wanted, title=title, pending=waves[number:])


def _renew(
    work: Work,
    target: Target,
    names: list[str],
    wanted: Mapping[str, str],
    *,
    title: str,
    pending: Sequence[Sequence[str]],
) -> Status:
    """Make these hosts, none if there are none, configure every host but those of the pending waves, return the status.

    A host that is still to be made anew may lack what the roles of today need: it stays as it is until its turn.
    """
    later = {name for wave in pending for name in wave}
    limit = [host.name for host in work.topology.hosts if host.name not in later] if later else []
    if names:
        with step(f'{title}: {", ".join(names)}') as shown:
            inventory = target.up(lambda resource, state: shown.note(f'{resource} {state}'), names)
            write_connections(work, inventory)
        issue_certificates(work)
    else:
        # The roles are today's: what the platform file says today has to be among what they read.
        write_connections(work, inventory_of(work.topology, read_outputs(work.paths.outputs)))
    with step(f'{title}: configuration') as shown:
        run = run_playbook(work, SITE, wanted, shown, limit=limit)
        shown.result = f'{run.changed} changed'
    with step(f'{title}: verification') as shown:
        status = verify(work, outdated=later)
        shown.result = status.state
    return status


def check_way(work: Work, target: Target) -> None:
    """Raise BadInput with all that stands in the way of `up`; images that are to be built are no obstacle."""
    with step('Preflight'):
        problems = [problem for problem in target.preflight() if problem.path != 'images']
    if problems:
        lines = '\n'.join(f'  {problem}' for problem in problems)
        raise BadInput(f'platform {work.platform.name} cannot be brought up here; nothing was touched:\n{lines}')


def ask_about_losses(work: Work, target: Target, *, at_once: bool = False) -> None:
    """Have the platform's name typed if hosts that stand would be lost with their data. Raise BadInput if it is not."""
    if not work.paths.outputs.exists():
        return
    with step('What stands'):
        changes = target.plan().changes
    lost, fate = losses_of(work.topology, changes, at_once)
    if not lost:
        return
    name = work.platform.name
    lines = '\n'.join(f'  {change}' for change in lost)
    if not sys.stdin.isatty():
        raise BadInput(f'hosts of {name} {fate}; add --yes if that is meant:\n{lines}')
    say(f'These hosts stand; they {fate}:\n{lines}')
    if typer.prompt("Type the platform's name to go on", err=True).strip() != name:
        raise BadInput(f'that is not {name}; nothing was changed')


def build_images(work: Work) -> None:
    """Build the host images that are missing."""
    with step('Host images') as shown:
        missing = len(missing_images(work.tiers()))
        if missing:
            shown.total(missing)
        built: list[str] = []

        def report(line: str) -> None:
            shown.note(line)
            if line.startswith('image') and not line.startswith('image base'):
                built.append(line)
                shown.done(len(built))

        ensure_images(work.tiers(), cache_directory() / 'packages', report)
        shown.result = f'{len(built)} built' if built else 'there'


def write_connections(work: Work, inventory: Inventory) -> None:
    """Write what every later command reads: the outputs, and how SSH reaches the hosts."""
    write_json(work.paths.outputs, outputs(work.platform, work.topology, inventory))
    write_ssh_files(ssh_files(work.platform, work.paths.ssh), work.platform, work.topology, inventory)


def issue_certificates(work: Work) -> None:
    """Issue the certificates that are missing, end soon or name other things."""
    with step('Certificates') as shown:
        settings = work.platform.certificates
        renewed = ensure_certificates(
            work.topology, work.paths.certificates, settings.host_days, settings.renew_before_days
        )
        shown.result = f'{len(renewed)} issued' if renewed else 'there'


def verify(work: Work, deadline_seconds: float = VERIFY_SECONDS, outdated: Collection[str] = ()) -> Status:
    """Given a platform that was just configured, ask until all is well or the deadline passes; return what was seen.

    What the `outdated` hosts, still to be made anew, never had is not waited for.
    """
    ends = time.monotonic() + deadline_seconds
    while True:
        try:
            status = check_status(work.platform, outdated)
            if status.state == 'ok' or time.monotonic() > ends:
                return status
        except NotObserved:
            if time.monotonic() > ends:
                raise
        time.sleep(VERIFY_PAUSE_SECONDS)


def pack() -> Release:
    """Return the release of the present source, packed now unless it is there. Raise PackingFailed."""
    cache = cache_directory() / 'release'
    return build_release(cache / 'packed', cache, lambda text: None)


def _make(work: Work, target: Target, shown: Step) -> Inventory:
    done: set[str] = set()
    shown.total(len(work.topology.hosts) + len(work.topology.networks))
    counts: dict[str, int] = {}

    def report(resource: str, state: str) -> None:
        shown.note(f'{resource} {state}')
        if state in ('created', 'updated', 'deleted', 'imported', 'unchanged', 'read') and resource != 'state':
            if state not in ('unchanged', 'read'):
                counts[state] = counts.get(state, 0) + 1
            done.add(resource)
            shown.done(len(done))

    inventory = target.up(report)
    shown.result = ', '.join(f'{count} {word}' for word, count in counts.items()) or 'there'
    return inventory


class _Packing:
    """Packs the release in a process beside the other steps; it ends with us, and with a step that fails."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'TERM', sys.executable, '-m', 'app_stack.release', 'build',
             '--output', cache_directory() / 'release' / 'packed', '--cache', cache_directory() / 'release'],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> _Packing:
        return self

    def __exit__(self, *details: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=20)

    def release(self) -> Release:
        """Wait until it is packed and return it. Raise AnlanError with the packer's own sentence."""
        if self._process.returncode == 0:
            return pack()
        try:
            _, said = self._process.communicate(timeout=PACK_SECONDS)
        except subprocess.TimeoutExpired:
            raise AnlanError(f'the application was not packed within {PACK_SECONDS:.0f} s; run it again') from None
        if self._process.returncode != 0:
            raise AnlanError(f'the application could not be packed: {said.strip().splitlines()[-1]}')
        return pack()


def forget(work: Work) -> None:
    """Remove what belonged to hosts that are gone: their keys, certificates, secrets and state; logs stay.

    The evidence stays too, and with it the key that its own is encrypted with.
    """
    paths = work.paths
    # Before the rest: a plain key of an earlier version is overwritten, not only unlinked.
    for secret in (kept(paths.secrets), authority_key(paths.certificates)):
        secret.remove()
    for path in (paths.ssh, paths.certificates, paths.pulumi, paths.run):
        shutil.rmtree(path, ignore_errors=True)
    for file in (paths.outputs, paths.unfinished, paths.directory / 'release.json'):
        file.unlink(missing_ok=True)
    if not paths.ledger.exists():
        discard_key(paths.directory)
