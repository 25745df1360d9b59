"""Files that commands write for people: where they may be written, told before anything else is done."""

from __future__ import annotations

import tempfile
from pathlib import Path

from anlan.errors import BadInput


def require_writable(output: Path, *, force: bool) -> None:
    """Given a file to write, raise BadInput if it is there (with `force`: and is no file), or its folder takes none.

    That is tried with a file that leaves nothing behind: modes alone do not tell it, to root least of all.
    """
    if output.exists() and not output.is_file():
        raise BadInput(f'{output} is no file that can be replaced; name another')
    if output.exists() and not force:
        raise BadInput(f'{output} is there already; --force replaces it')
    if not output.parent.is_dir():
        raise BadInput(f'{output.parent}: there is no such folder')
    try:
        tempfile.TemporaryFile(dir=output.parent).close()
    except OSError as error:
        raise BadInput(
            f'{output.parent}: no file can be written there ({error.strerror}); name another folder'
        ) from None
