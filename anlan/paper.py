"""Paper: a page as PDF, made by WeasyPrint. Nothing is fetched for it, from wherever.

Each PDF is made by a process of its own: it takes seconds, and what it needs of memory ends with it.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from anlan.errors import AnlanError, DeadlineExceeded
from anlan.paths import ROOT

PAPER_SECONDS = 600.0
LACKING = 3
"""Exit code of the process where this machine lacks what draws text."""


def papers_of(pages: Mapping[str, str]) -> dict[str, bytes]:
    """Given pages by name, return each as PDF; they are made at the same time.

    Raise AnlanError if this machine lacks what draws text, or one cannot be made.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(pages))) as pool:
        return dict(zip(pages, pool.map(_paper, pages.values()), strict=True))


def _paper(page: str) -> bytes:
    words = [sys.executable, '-m', 'anlan.paper']
    try:
        done = subprocess.run(
            words, input=page.encode('utf-8'), capture_output=True, timeout=PAPER_SECONDS, check=False, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        raise DeadlineExceeded(f'the PDF was not made within {PAPER_SECONDS:g} s') from None
    if done.returncode:
        said = ' '.join(done.stderr.decode('utf-8', 'replace').split())[-300:]
        if done.returncode == LACKING:
            raise AnlanError(f'a PDF cannot be made here: {said}. `make setup` installs what it needs')
        raise AnlanError(f'the PDF could not be made: {said or f"exit code {done.returncode}"}')
    return done.stdout


def main() -> int:
    """Read the page from standard input and write the PDF to standard output."""
    output = sys.stdout.buffer
    # WeasyPrint prints advice about libraries that are not there; ours is shorter.
    sys.stdout = sys.stderr
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:
        sys.stderr.write(f'\n{error}')
        return LACKING
    for name in ('weasyprint', 'fontTools'):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    page = sys.stdin.buffer.read().decode('utf-8')
    output.write(HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(pdf_identifier=b'anlan'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
