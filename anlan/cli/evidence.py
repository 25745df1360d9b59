"""`anlan evidence`: the ledger of a platform, read, verified, and packed for an auditor."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.assessing import assess_platform
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.output_file import require_writable
from anlan.console import json_text, print_json, results, step
from anlan.errors import EXIT_FAILED, AnlanError, BadInput
from anlan.files import write_atomically
from anlan.ledger import Ledger, Record
from anlan.ledger.pack import VERIFIER, write_pack
from anlan.ledger.record import BEGINNING, SEAL
from anlan.paths import PlatformPaths
from anlan.platform import load_platform
from compliance.catalogue import FOLDER as CATALOGUE
from compliance.pack import further_files

ROWS = 30
MOST_CLAUSES = 3
"""An audit serves a hundred; `anlan evidence show` has them all."""

CODES = 'Exit codes: 0 done · 1 something is wrong with the ledger · 2 bad input, or there is no ledger.'
VERIFY_CODES = (
    'Exit codes: 0 nothing is wrong · 1 the first wrong place is named · 2 it is no pack, or there is no ledger.'
)
VERIFY_SECONDS = 600.0
COLOUR = {'pass': 'green', 'fail': 'red', 'stale': 'yellow', 'not-verified': 'yellow'}

app = typer.Typer(help='The evidence ledger: what was done and observed, signed.', no_args_is_help=True)


@app.command('list', epilog=CODES)
def list_records(
    platform: PlatformFile = DEFAULT_PLATFORM,
    kind: Annotated[str | None, typer.Option('--kind', help='Only records of this kind.')] = None,
    limit: Annotated[int, typer.Option('--limit', min=1, help=f'The newest so many ({ROWS}).')] = ROWS,
    json: Json = False,
) -> None:
    """List the newest records, the oldest of them first; seals are left out."""
    ledger = ledger_of(platform)
    chosen = (record for record in ledger.records() if record.kind == (kind or record.kind) and record.kind != SEAL)
    records = deque(chosen, maxlen=limit)
    if kind is not None and not records:
        kinds = sorted({record.kind for record in ledger.records()} - {SEAL})
        raise BadInput(f'--kind: no record of the kind {kind} is listed; kinds are {", ".join(kinds) or "none at all"}')
    if json:
        print_json([dict(record.document) for record in records])
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('record', 'ended (UTC)', 'kind', 'subject', 'verdict', 'clauses'):
        table.add_column(column, justify='right' if column == 'record' else 'left')
    for record in records:
        table.add_row(*_cells(record))
    results.print(table)


@app.command(epilog=CODES)
def show(
    number: Annotated[int, typer.Argument(help='The number of the record.', min=1)],
    platform: PlatformFile = DEFAULT_PLATFORM,
    save: Annotated[
        Path | None, typer.Option('--save', help='Write the attachments of the record into this folder.')
    ] = None,
    json: Json = False,
) -> None:
    """Show one record, whole, with its own hash."""
    ledger = ledger_of(platform)
    record = next((each for each in ledger.records() if each.number == number), None)
    if record is None:
        raise BadInput(f'there is no record {number}')
    document = {**record.document, 'sha256': record.sha256}
    if json:
        print_json(document)
    else:
        for name, value in document.items():
            text = value if isinstance(value, str) else json_text(value).strip()
            results.print(f'{name:<14}{text}', markup=False, soft_wrap=True)
    if save is not None:
        try:
            save.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, sha256 in record.attachments.items():
                write_atomically(save / Path(name).name, ledger.attachment(sha256))
        except OSError as error:
            raise AnlanError(f'{save}: nothing could be saved there ({error.strerror or error})') from None


@app.command(epilog=VERIFY_CODES)
def verify(
    file: Annotated[Path | None, typer.Argument(help='A pack; the ledger of the platform without it.')] = None,
    key: Annotated[str | None, typer.Option('--key', help='Fingerprint of the key that must have sealed it.')] = None,
    platform: PlatformFile = DEFAULT_PLATFORM,
    json: Json = False,
) -> None:
    """Look at every record, seal and attachment, and name the first place that is wrong.

    A pack is verified by the program that stands in every pack. Whoever has the ledger's files and its key can write
    another one: keep the fingerprint, and packs, where those who run the platform cannot change them.
    """
    if file is not None:
        if not file.exists():
            raise BadInput(f'{file}: there is no such pack; `anlan evidence pack` writes one')
        words = [sys.executable, '-I', str(VERIFIER), str(file), '--all-seals', *(['--key', key] if key else [])]
        done = subprocess.run(words, capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False)
        said = (done.stdout or done.stderr).strip()
        if json:
            print_json({'good': done.returncode == 0, 'said': said})
        else:
            results.print(Text(said, style='green' if done.returncode == 0 else 'red'), soft_wrap=True)
        raise typer.Exit(done.returncode)
    ledger = ledger_of(platform)
    with step('Looking at every record') as shown:
        found = ledger.verify()
        shown.result = f'{found.records}'
    fault = None if found.fault is None else str(found.fault)
    if fault is None and key is not None and key.lower() != found.key:
        fault = f'it is sealed with the key {found.key}'
    if json:
        print_json({
            'good': fault is None, 'fault': fault, 'records': found.records, 'sealed': found.sealed, 'head': found.head,
            'key': found.key,
        })  # fmt: skip
    elif fault is not None:
        results.print(Text(f'✗ {fault}', style='red'), soft_wrap=True)
    else:
        results.print(Text(f'✓ {found.records} records, sealed up to record {found.sealed}', style='green'))
        results.print(f'  key  {found.key}\n  head {found.head}', markup=False)
    raise typer.Exit(EXIT_FAILED if fault else 0)


@app.command(epilog=CODES)
def pack(
    output: Annotated[Path, typer.Option('--output', '-o', help='The file to write.')],
    platform: PlatformFile = DEFAULT_PLATFORM,
    force: Annotated[bool, typer.Option('--force', help='Replace a file that is there.')] = False,
    paper: Annotated[
        bool, typer.Option(help='Reports as PDF beside those as HTML; they take most of the time.')
    ] = True,
    json: Json = False,
) -> None:
    """Write one file with records, attachments, catalogue, verdicts, reports, and the program that verifies all of it.

    What is in it is named in the ledger by a record of its own, and sealed, before the file is written.
    """
    require_writable(output, force=force)
    ledger = ledger_of(platform)
    with step('Judging every clause') as shown:
        assessed = assess_platform(platform)
        shown.result = f'{assessed.assessment.score.verified} of {assessed.assessment.score.applicable} verified'
    with step('Reports'):
        files = further_files(assessed.assessment, assessed.excerpts(), CATALOGUE, assessed.waivers, paper=paper)
    with step('Packing'):
        found = write_pack(ledger, output, files)
    if json:
        print_json({'file': str(output), 'records': found.records, 'key': found.key})
        return
    results.print(f'{output}: {found.records} records. Sealed with the key {found.key}', markup=False, soft_wrap=True)
    results.print('  to verify it anywhere: unzip -p PACK verify.py > verify.py; python3 verify.py PACK', markup=False)


def ledger_of(platform: Path) -> Ledger:
    """Given a platform file, return its ledger. Raise BadInput if nothing was ever written to it."""
    file = load_platform(platform)
    ledger = Ledger(PlatformPaths.of(file.name).ledger)
    if not ledger.stands:
        raise BadInput(f'{file.name} has no evidence yet: nothing was tried or checked (`anlan reach`)')
    return ledger


def _cells(record: Record) -> tuple[Any, ...]:
    document = record.document
    try:
        ended = f'{datetime.fromisoformat(str(document["ended"])).astimezone(UTC):%Y-%m-%d %H:%M:%S}'
    except ValueError:
        raise AnlanError(f'record {record.number}: {document["ended"]!r} is no time; `anlan evidence verify`') from None
    verdict = str(document['verdict'] or ('–' if record.kind != BEGINNING else ''))
    served = list(map(str, document.get('clauses') or ()))
    clauses = ', '.join(served) if len(served) <= MOST_CLAUSES else f'{served[0]} and {len(served) - 1} more'
    return (
        str(record.number),
        ended,
        record.kind,
        str(document['subject']),
        Text(verdict, COLOUR.get(verdict, '')),
        clauses,
    )
