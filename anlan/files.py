"""Writing files so that a crash leaves the old or the new one, never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomically(file: Path, content: bytes | str, mode: int = 0o600) -> None:
    """Given a file, its content and mode, replace it in one step. The folder must be there."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f'.{file.name}.')
    try:
        with os.fdopen(descriptor, 'wb') as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Given a folder, bring its names to the disk: what was renamed or removed in it stays so after a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(file: Path, document: Any, mode: int = 0o600) -> None:
    """Given a file and plain data, write it as sorted, indented JSON in one step."""
    write_atomically(file, json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + '\n', mode)
