"""`anlan backup report`: what auditors are handed about the backups of a platform that stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from anlan.cli.output_file import require_writable
from anlan.errors import BadInput
from anlan.files import write_atomically
from anlan.paper import papers_of
from backup.coverage import load_exemptions
from backup.policies_file import load_policies
from backup.record import Record
from backup.report.page import Found, render_page
from backup.report.words import Language
from backup.status import PolicyStatus

SUFFIXES = ('.html', '.pdf')


def check_output(output: Path, *, force: bool) -> None:
    """Given the file to write, raise BadInput if it cannot be one."""
    if output.suffix not in SUFFIXES:
        raise BadInput(f'--output: {output.name} ends with neither {" nor ".join(SUFFIXES)}')
    require_writable(output, force=force)


def write_report(
    output: Path, language: Language, platform: str, statuses: Sequence[PolicyStatus], records: Sequence[Record]
) -> int:
    """Given the file, a language and all that is known, write the report and return its bytes."""
    page = render_page(
        Found(platform, datetime.now(UTC), load_policies(), tuple(statuses), tuple(records), load_exemptions()),
        language,
    )
    content = page.encode() if output.suffix == '.html' else papers_of({'report': page})['report']
    write_atomically(output, content, 0o644)
    return len(content)
