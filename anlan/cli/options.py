"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anlan.paths import ROOT

DEFAULT_PLATFORM = ROOT / 'infra' / 'platforms' / 'lab.yaml'

PlatformFile = Annotated[
    Path,
    typer.Option(
        '--platform',
        '-p',
        envvar='ANLAN_PLATFORM',
        help='The platform file.',
        show_default=str(DEFAULT_PLATFORM.relative_to(ROOT)),
    ),
]
Json = Annotated[bool, typer.Option('--json', help='Print JSON on standard output.')]
DryRun = Annotated[bool, typer.Option('--dry-run', help='Say what would be done; change nothing.')]
YesLose = Annotated[
    bool, typer.Option('--yes', '-y', help='Do not ask before hosts that stand are removed or made anew.')
]
AtOnce = Annotated[
    bool,
    typer.Option(
        '--at-once', help='Make anew all hosts that must be at once, not one after another: the database is lost.'
    ),
]
