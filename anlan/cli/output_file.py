"""Files that commands write for people: where they may be written, told before anything else is done."""

from __future__ import annotations

from pathlib import Path

from anlan.errors import BadInput


def require_writable(output: Path, *, force: bool) -> None:
    """Given a file to write, raise BadInput if it is there (with `force`: and is no file), or its folder is not."""
    if output.exists() and not output.is_file():
        raise BadInput(f'{output} is no file that can be replaced; name another')
    if output.exists() and not force:
        raise BadInput(f'{output} is there already; --force replaces it')
    if not output.parent.is_dir():
        raise BadInput(f'{output.parent}: there is no such folder')
