"""`anlan clause`: what a platform has to meet, and what proves it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from anlan.cli.options import Json
from anlan.console import print_json, results
from anlan.errors import EXIT_FAILED, BadInput
from compliance.catalogue import load_catalogue, require_checks
from compliance.check_list import list_checks
from compliance.clause import Clause
from compliance.coverage import Coverage, cover
from compliance.inventory import inventory

CODES = 'Exit codes: 0 done · 2 a clause file is wrong, or there is no such clause.'
COVERAGE_CODES = (
    "Exit codes: 0 every clause has a proof, a gap with its reason, or is somebody else's · 1 one has not, or a proof "
    'serves no clause · 2 a clause file is wrong.'
)
COLOUR = {'covered': 'green', 'gap': 'yellow', 'open': 'red'}
MEANING = {
    'covered': 'proved by what is there', 'gap': 'something that proves it is not built yet; never counted as covered',
    'document': 'answered by a document', 'manual': 'answered by a person',
    'inherited': 'answered by who runs the machine room or the cloud', 'open': 'nothing proves it, and no gap says why',
}  # fmt: skip

app = typer.Typer(help='The clauses that a platform has to meet.', no_args_is_help=True)


def completed_clauses(incomplete: str) -> list[str]:
    """Given the beginning of an id, return the clauses that begin so."""
    try:
        return [clause.id for clause in load_catalogue().clauses() if clause.id.startswith(incomplete)]
    except Exception:
        return []


@app.command('list', epilog=CODES)
def list_clauses(
    chapter: Annotated[
        str | None, typer.Option('--chapter', help='Only ids that begin so: 22239-8.1.4, cosha.')
    ] = None,
    json: Json = False,
) -> None:
    """List every clause: id, level, what it rests on, how it is proved, its title."""
    clauses = [clause for clause in load_catalogue().clauses() if clause.id.startswith(chapter or '')]
    if not clauses:
        raise BadInput(f'there is no clause whose id begins with {chapter!r}; `anlan clause list` has them all')
    if json:
        print_json([clause.model_dump(mode='json') for clause in clauses])
        return
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('id', 'level', 'standing', 'proof', 'title'):
        table.add_column(column, no_wrap=column == 'id', overflow='fold')
    for clause in clauses:
        level = '–' if clause.level is None else str(clause.level)
        table.add_row(
            clause.id,
            level,
            clause.standing,
            f'{clause.proof} {clause.handled}',
            f'{clause.title.zh} · {clause.title.en}',
        )
    results.print(table)
    results.print(f'  {len(clauses)} clauses')


@app.command(epilog=CODES)
def show(
    name: Annotated[str, typer.Argument(metavar='ID', help='The id of the clause.', autocompletion=completed_clauses)],
    json: Json = False,
) -> None:
    """Show one clause, in Chinese and English, with what proves it and what does not yet."""
    clause = load_catalogue().clause(name)
    if json:
        print_json(clause.model_dump(mode='json'))
        return
    for line in lines_of(clause):
        results.print(Text(line), soft_wrap=True)


@app.command(epilog=COVERAGE_CODES)
def coverage(json: Json = False) -> None:
    """Say which clauses have a proof, and which have a gap instead."""
    catalogue = load_catalogue()
    named = {name for clause in catalogue.clauses() for name in clause.proofs.documents}
    served = {check.name: check.clauses for check in list_checks()}
    require_checks(catalogue, served)
    found = cover(catalogue, inventory(named), served)
    if json:
        print_json(found.document())
    else:
        print_coverage(found)
    raise typer.Exit(EXIT_FAILED if found.findings else 0)


def print_coverage(found: Coverage) -> None:
    """Given the coverage, print how many clauses are in each state, and what is wrong."""
    counts = found.counts()
    results.print(f'  {len(found.rows)} clauses', markup=False)
    for state, meaning in MEANING.items():
        if counts.get(state):
            results.print(Text(f'  {counts[state]:>4} {state:<10} {meaning}', style=COLOUR.get(state, '')))
    for finding in found.findings:
        results.print(Text(f'  {finding}', style='red'), soft_wrap=True)


def lines_of(clause: Clause) -> list[str]:
    """Given a clause, return what is shown of it."""
    level = '' if clause.level is None else f', level {clause.level}'
    period = (
        ''
        if clause.period_days is None
        else f'; a proof counts {clause.period_days} day{"s" * (clause.period_days > 1)}'
    )
    lines = [
        f'{clause.id}  {clause.title.zh} · {clause.title.en}',
        f'  {clause.requirement.zh}', f'  {clause.requirement.en}',
        f'  {clause.source.code} {clause.source.place} ({clause.standing}{level})'
        + (' · high risk, cannot be downgraded' if clause.high_risk else ''),
        f'  proof {clause.proof}, {clause.handled}{period}',
    ]  # fmt: skip
    lines += [f'  {kind}: {", ".join(names)}' for kind, names in clause.proofs.named().items()]
    for gap in clause.gaps:
        lines += [f'  gap: {gap.what.zh}（{gap.reason.zh}）', f'       {gap.what.en} ({gap.reason.en})']
    if clause.note is not None:
        lines += [f'  {clause.note.zh}', f'  {clause.note.en}']
    return lines
