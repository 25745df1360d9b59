"""The program `anlan`."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer

from anlan import __version__
from anlan.cli import (
    audit,
    block_list,
    canary,
    cdn,
    clause,
    events,
    evidence,
    harden,
    platform,
    reach,
    release,
    secrets,
    ssh,
    stack,
    status,
    verdict,
)
from anlan.console import messages
from anlan.errors import EXIT_CODES_HELP, EXIT_FAILED, EXIT_INTERRUPTED, AnlanError

app = typer.Typer(
    name='anlan',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help']},
    help='安澜 Anlan: stands up an online safety-training platform from one file, and shows that it holds.',
    epilog=EXIT_CODES_HELP,
)
app.add_typer(platform.app, name='platform')
app.add_typer(release.app, name='release')
app.add_typer(cdn.app, name='cdn')
app.add_typer(block_list.app, name='block')
app.add_typer(evidence.app, name='evidence')
app.add_typer(clause.app, name='clause')
app.add_typer(audit.app, name='audit')
app.add_typer(secrets.app, name='secret')
stack.register(app)
status.register(app)
reach.register(app)
harden.register(app)
canary.register(app)
verdict.register(app)
events.register(app)
ssh.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f'anlan {__version__}')
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option('--version', help='Print the version.', is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Take the options of the program itself."""


def main() -> None:
    """Run the command line; a failure is one clear sentence and an exit code, never a traceback."""
    # A terminal that goes away, or a supervisor that says stop, ends a run as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        app(prog_name='anlan')
    except AnlanError as error:
        messages.print(f'anlan: {error}', style='red', markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        # Typer has turned an interrupt into its exit code already.
        if ended.code == EXIT_INTERRUPTED:
            messages.print('anlan: interrupted; run the same command again to take it up', style='red', markup=False)
        raise
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        # A full disk behind standard output, for instance; what a command itself reads and writes says more.
        messages.print(f'anlan: {error}', style='red', markup=False, soft_wrap=True)
        sys.exit(EXIT_FAILED)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
