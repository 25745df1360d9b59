"""`anlan ssh`: a session or a command on any host, through the bastion."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Annotated

import typer

from anlan.cli.options import DEFAULT_PLATFORM, PlatformFile
from anlan.errors import EXIT_CODES_HELP, AnlanError, BadInput
from anlan.paths import PlatformPaths
from anlan.platform import load_platform
from infra.outputs_file import read_outputs
from infra.ssh_files import ssh_files


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'ssh',
        context_settings={'allow_extra_args': True, 'ignore_unknown_options': True, 'allow_interspersed_args': False},
        epilog=EXIT_CODES_HELP + " With a command: the exit code is the command's own (255: no connection).",
    )(ssh)


def ssh(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help='A host of the platform; clients too.')],
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
