"""`anlan backup rebuild`: the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from docker.errors import DockerException
from rich.text import Text

from anlan.cli.confirming import confirm_by_name
from anlan.cli.kit_state import wanted_of
from anlan.cli.options import DEFAULT_PLATFORM, DryRun, Json, PlatformFile
from anlan.cli.rebuilding import Rebuilt, rebuild
from anlan.cli.recovery_kit import Kit, read_kit
from anlan.cli.work import Work
from anlan.console import print_json, results
from anlan.errors import AnlanError
from anlan.secret_key import read_key
from infra.lab.engine import connect
from infra.lab.platform import host_states

KitFile = Annotated[
    Path | None,
    typer.Option('--kit', help="The recovery kit; needed where this machine has lost the platform's folder."),
]


def rebuild_command(
    platform: PlatformFile = DEFAULT_PLATFORM,
    kit: KitFile = None,
    yes: Annotated[bool, typer.Option('--yes', '-y', help="Do not ask for the platform's name.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make the platform anew when its main site is lost: hosts from the platform file, data from the other site alone.

    What stands is left as it is, so that a rebuild that was killed is run again.
    """
    work = Work.of(platform)
    read = None if kit is None else read_kit(kit)
    if dry_run:
        _tell(work, read, json=json)
        return
    if not yes:
        name = work.platform.name
        confirm_by_name(name, f'This makes every lost host of {name} anew, with data from the other site')
    done = rebuild(work, read)
    if json:
        print_json({'platform': work.platform.name, **done.document()})
    else:
        _print(done)
    raise typer.Exit(0 if done.whole else 1)


def _tell(work: Work, kit: Kit | None, *, json: bool) -> None:
    there = wanted_of(work, kit) is None
    hosts = [host.name for host in work.topology.hosts if host.tier != 'offsite']
    standing = standing_hosts(work)
    needed = not there or not _has_key(work)
    document = {
        'platform': work.platform.name,
        'state': 'of this machine' if there else 'of the kit',
        'kit': None if kit is None else {'platform': kit.platform, 'made': kit.made, 'needed': needed},
        'hosts': hosts,
        'standing': standing,
    }
    if json:
        print_json(document)
        return
    results.print(Text(f'  state: {"of this machine" if there or kit is None else f"of the kit of {kit.made}"}'))
    if there and kit is not None:
        use = 'has the key of its secrets, which this machine has lost' if needed else 'is not needed: all is here'
        results.print(f'  the kit of {kit.made} {use}', markup=False, soft_wrap=True)
    if standing is None:
        results.print(f'  made anew, but only what is lost: {", ".join(hosts)}', soft_wrap=True)
        results.print('  which of them stand is not known here')
    else:
        lost = [name for name in hosts if name not in standing]
        results.print(f'  stand, and are left as they are: {", ".join(standing) or "none"}', soft_wrap=True)
        results.print(f'  made anew, since they are lost: {", ".join(lost) or "none"}', soft_wrap=True)
    results.print('  from the other site: database, evidence ledger, second factors, local copies')


def standing_hosts(work: Work) -> list[str] | None:
    """Given a platform, return its hosts that stand on this machine; None where that cannot be asked. No host is."""
    if not work.makes_hosts:
        return None
    try:
        found = host_states(connect(), work.platform.name)
    except (AnlanError, DockerException, OSError):
        return None
    return [host.name for host in work.topology.hosts if host.name in found]


def _has_key(work: Work) -> bool:
    try:
        read_key(work.paths.directory)
    except AnlanError:
        return False
    return True


def _print(done: Rebuilt) -> None:
    for name, seconds in done.seconds.items():
        results.print(f'  {name:<16} {seconds:8.1f} s')
    for name, reason in done.undone.items():
        results.print(Text(f'  {name} is not done: {reason}', style='red'), soft_wrap=True)
    document = done.document()
    results.print(f'  {"all":<16} {document["total_seconds"]:8.1f} s; the platform is {document["status"]}')
