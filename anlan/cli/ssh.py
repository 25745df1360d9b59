"""`anlan ssh`: a session or a command on any host, through the bastion."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from anlan.cli.options import DEFAULT_PLATFORM, PlatformFile
from anlan.errors import EXIT_CODES_HELP, AnlanError, BadInput
from anlan.paths import PlatformPaths
from anlan.platform import load_platform
from infra.outputs_file import read_outputs
from infra.ssh_files import ssh_files
from infra.topology import topology_of


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'ssh',
        context_settings={'allow_extra_args': True, 'ignore_unknown_options': True, 'allow_interspersed_args': False},
        epilog=EXIT_CODES_HELP + " With a command: the exit code is the command's own (255: no connection).",
    )(ssh)


def completed_hosts(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a host's name, return the hosts of the platform file in force that it may be.

    For a shell that completes a line: no host is asked, and a file that is wrong has no hosts.
    """
    try:
        file = context.params.get('platform') or os.environ.get('ANLAN_PLATFORM') or DEFAULT_PLATFORM
        names = [host.name for host in topology_of(load_platform(Path(file))).hosts]
    except Exception:
        return []
    return [name for name in names if name.startswith(incomplete)]


def ssh(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help='A host of the platform; clients too.', autocompletion=completed_hosts)],
    platform: PlatformFile = DEFAULT_PLATFORM,
) -> None:
    """Open a session on HOST, or run a command there: `anlan ssh db-1 -- uptime`."""
    file = load_platform(platform)
    paths = PlatformPaths.of(file.name)
    outputs = read_outputs(paths.outputs)
    if host not in outputs['hosts']:
        raise BadInput(f'there is no host {host}; hosts are {", ".join(outputs["hosts"])}')
    program = shutil.which('ssh')
    if program is None:
        raise AnlanError('there is no ssh on this machine; install openssh-client')
    configuration = ssh_files(file, paths.ssh).configuration
    command = context.args[1:] if context.args[:1] == ['--'] else context.args
    # Quoted for the remote shell word by word, so that the host runs just what was typed here.
    remote = [shlex.join(command)] if command else []
    os.execv(program, [program, '-F', str(configuration), host, *remote])  # noqa: S606 - becomes ssh, terminal and all
