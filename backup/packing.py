"""Packing what runs on hosts: one file that Python's own interpreter runs, with nothing to install beside it."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNEL = ('anlan/__init__.py', 'anlan/errors.py', 'anlan/deadline.py', 'anlan/files.py')
CONTROLLER_ONLY = frozenset({'packing.py', 'policy.py', 'policies_file.py', 'coverage.py', 'schedule.py'})
"""Modules of the folder that need libraries which hosts do not have, and that hosts do not need."""

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can name: the same sources are the same bytes, whenever they are packed."""

MAIN = 'import sys\n\nfrom backup.agent import main\n\nsys.exit(main(sys.argv[1:]))\n'


def packed() -> bytes:
    """Return the program that hosts run, as the bytes of a zip file that `python3 FILE` runs."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        _write(archive, '__main__.py', MAIN.encode())
        for name in KERNEL:
            _write(archive, name, (ROOT / name).read_bytes())
        for file in sorted(sources()):
            _write(archive, str(file.relative_to(ROOT)), file.read_bytes())
    return stream.getvalue()


def sources() -> list[Path]:
    """Return the modules of the backup that hosts have."""
    folder = ROOT / 'backup'
    of_hosts = [*folder.glob('*.py'), *folder.glob('engines/*.py')]
    return [file for file in of_hosts if file.parent != folder or file.name not in CONTROLLER_ONLY]


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
