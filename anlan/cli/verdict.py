"""`anlan verdict`: every clause with its verdict, by what is on record; reports and exports of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from rich.cells import cell_len, set_cell_size
from rich.padding import Padding
from rich.text import Text

from anlan.cli.assessing import Assessed, assess_platform
from anlan.cli.clause import completed_clauses
from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.cli.output_file import require_writable
from anlan.console import messages, print_json, results, step
from anlan.errors import EXIT_FAILED, AnlanError, BadInput
from anlan.files import write_atomically
from anlan.ledger.record import VERDICTS
from anlan.paper import papers_of
from compliance.assessment import Assessment
from compliance.exports.comma_separated import comma_separated
from compliance.exports.junit import junit
from compliance.exports.oscal import oscal
from compliance.report.page import MARKS, render_page
from compliance.saying import Language, verdict_word, visible
from compliance.score import NO_OFFICIAL_RESULT
from compliance.verdicts import ClauseVerdict

Form = Literal['html', 'pdf', 'oscal', 'junit', 'csv']
FORMS: tuple[str, ...] = get_args(Form)
BY_SUFFIX: dict[str, Form] = {'.html': 'html', '.pdf': 'pdf', '.json': 'oscal', '.xml': 'junit', '.csv': 'csv'}
COLOUR = {'pass': 'green', 'fail': 'red', 'stale': 'yellow', 'inherited': 'magenta', 'not-applicable': 'dim'}
REASONS = {'fail': 3, 'stale': 1}
"""How many reasons are printed of a clause with that verdict; --reasons prints all of every one."""

WORDS = {
    'zh': {
        'high': '高风险项不通过', 'waived': '已豁免', 'expired': '豁免已到期', 'nothing': '豁免不对应任何不通过项',
        'record': '记录', 'until': '有效至', 'more': '还有 {} 条原因；--reasons 全部列出', 'clauses': '全部 {} 条：',
        'risk': '高风险',
    },
    'en': {
        'high': 'high risk, fails', 'waived': 'waived', 'expired': 'the waiver is over',
        'nothing': 'the waiver matches no failure', 'record': 'record', 'until': 'holds until',
        'more': 'and {} more reasons; --reasons prints them', 'clauses': 'all {} clauses: ', 'risk': 'high risk',
    },
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        'verdict',
        epilog='Exit codes: 0 no clause fails but for waivers · 1 one fails and is not waived, or a waiver is over '
        '· 2 bad input, a file is wrong, or there is no evidence.',
    )(verdict)


def verdict(
    platform: PlatformFile = DEFAULT_PLATFORM,
    clause: Annotated[
        str | None,
        typer.Option('--clause', help='One clause, with all that is known of it.', autocompletion=completed_clauses),
    ] = None,
    chapter: Annotated[
        str | None, typer.Option('--chapter', help='Only ids that begin so: 22239-8.1.4, cosha.')
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option('--verdict', help=f'Only this verdict ({", ".join(VERDICTS)}); may be given again.'),
    ] = None,
    reasons: Annotated[bool, typer.Option('--reasons', help='Print all reasons of every clause.')] = False,
    language: Annotated[Language, typer.Option('--language', help='Language of what is written.')] = 'en',
    form: Annotated[
        Form | None,
        typer.Option('--format', help='Write all clauses in this form; known by the name of the file without it.'),
    ] = None,
    output: Annotated[Path | None, typer.Option('--output', '-o', help='The file to write.')] = None,
    force: Annotated[bool, typer.Option('--force', help='Replace a file that is there.')] = False,
    json: Json = False,
) -> None:
    """Say of every clause whether it is met, by what is on record and still holds; no host is asked.

    What was not observed never passes. A waiver changes no verdict: the clause fails, and somebody answers for it.
    It is no official result of a classified protection assessment.
    """
    _check_words(only, form, output, force)
    assessed = assess_platform(platform)
    assessment = assessed.assessment
    if output is not None:
        with step(f'Writing {output.name}'):
            write_form(assessed, form or BY_SUFFIX[output.suffix], language, output)
        raise typer.Exit(0 if assessment.good else EXIT_FAILED)
    chosen = chosen_of(assessment, clause, chapter)
    shown = [each for each in chosen if not only or each.verdict in only]
    if json:
        print_json([each.document() for each in shown])
    elif clause is not None:
        for each in shown:
            print_clause(each, language)
    else:
        print_list(assessment, shown, language, reasons=reasons)
        print_summary(assessment, language)
    names = {each.clause.id for each in chosen}
    bad = any(each.clause.id in names for each in assessment.unwaived())
    over = any(each.waiver.clause in names for each in assessment.expired())
    raise typer.Exit(EXIT_FAILED if bad or over else 0)


def _check_words(only: Sequence[str] | None, form: str | None, output: Path | None, force: bool) -> None:
    wrong = [each for each in only or () if each not in VERDICTS]
    if wrong:
        raise BadInput(f'there is no verdict {wrong[0]}; verdicts are {", ".join(VERDICTS)}')
    if output is None:
        if form is not None:
            raise BadInput(f'--format {form} needs --output FILE')
        return
    if form is None and output.suffix not in BY_SUFFIX:
        raise BadInput(f'{output}: say with --format what to write, one of {", ".join(FORMS)}')
    require_writable(output, force=force)


def chosen_of(assessment: Assessment, clause: str | None, chapter: str | None) -> list[ClauseVerdict]:
    """Given an assessment, a clause's id or the beginning of ids, return the verdicts. Raise BadInput without any."""
    if clause is not None:
        assessment.catalogue.clause(clause)
        return [each for each in assessment.verdicts if each.clause.id == clause]
    found = [each for each in assessment.verdicts if each.clause.id.startswith(chapter or '')]
    if not found:
        raise BadInput(f'there is no clause whose id begins with {chapter!r}; `anlan clause list` has them all')
    return found


def write_form(assessed: Assessed, form: Form, language: Language, output: Path) -> None:
    """Given what was assessed, write it in a form to a file. Raise AnlanError if it cannot be made or written."""
    assessment = assessed.assessment
    if form in {'html', 'pdf'}:
        page = render_page(assessment, language, assessed.excerpts())
        content = page.encode('utf-8') if form == 'html' else papers_of({form: page})[form]
    else:
        content = {'oscal': oscal, 'junit': junit, 'csv': comma_separated}[form](assessment)
    try:
        write_atomically(output, content)
    except OSError as error:
        raise AnlanError(f'{output}: could not be written ({error.strerror or error})') from None


def print_list(assessment: Assessment, shown: Sequence[ClauseVerdict], language: Language, *, reasons: bool) -> None:
    """Given an assessment and the verdicts to show, print a line a clause, under chapters, with reasons of failures."""
    words = WORDS[language]
    wanted = {each.clause.id for each in shown}
    room = max((len(name) for name in wanted), default=0)
    mark = max(cell_len(verdict_word(each, language)) for each in VERDICTS)
    for chapter, judged in assessment.by_chapter():
        here = [each for each in judged if each.clause.id in wanted]
        if not here:
            continue
        results.print(Text(f'{getattr(chapter.title, language)}  {chapter.chapter}', style='bold'))
        for each in here:
            marks = [words['waived']] * each.waived + [words['risk']] * each.clause.high_risk
            title = getattr(each.clause.title, language)
            said = ''.join(f' [{mark}]' for mark in marks)
            left = f'  {MARKS[each.verdict]} {set_cell_size(verdict_word(each.verdict, language), mark)}  '
            line = Text(left, style=COLOUR.get(each.verdict, ''))
            line.append(f'{each.clause.id:<{room}}  ', style='')
            line.append(title, style='')
            # The title gives way: what is marked has to be seen.
            line.truncate(results.width - cell_len(said), overflow='ellipsis')
            line.append(said, style='yellow')
            results.print(line, no_wrap=True)
            _print_reasons(each, language, None if reasons else REASONS.get(each.verdict, 0))


def _print_reasons(each: ClauseVerdict, language: Language, limit: int | None) -> None:
    for said in each.reasons[:limit]:
        reason = Text(visible(said.in_language(language)), style=COLOUR.get(each.verdict, 'dim'))
        results.print(Padding(reason, (0, 0, 0, 6)))
    if limit and len(each.reasons) > limit:
        results.print(Text('      ' + WORDS[language]['more'].format(len(each.reasons) - limit), style='dim'))


def print_clause(each: ClauseVerdict, language: Language) -> None:
    """Given a verdict, print all that is known of it."""
    words = WORDS[language]
    waived = f' [{words["waived"]}]' if each.waived else ''
    clause = each.clause
    results.print(
        Text(f'{MARKS[each.verdict]} {verdict_word(each.verdict, language)}{waived}  ', COLOUR.get(each.verdict, ''))
        + Text(f'{clause.id}  {getattr(clause.title, language)}', 'bold')
    )
    results.print(Text(f'  {getattr(clause.requirement, language)}'))
    for said in each.reasons:
        results.print(Padding(Text(f'· {visible(said.in_language(language))}'), (0, 0, 0, 2)))
    for proof in each.proofs:
        numbers = ', '.join(map(str, sorted({record.number for record in proof.records()})))
        where = f'  ({words["record"]} {numbers})' if numbers else ''
        results.print(Text(f'  {MARKS[proof.verdict]} {proof.name}{where}', style=COLOUR.get(proof.verdict, '')))
    for record in each.records:
        ended = f'{record.ended:%Y-%m-%d %H:%M} UTC'
        line = f'  {words["record"]} {record.number}  {record.kind}  {ended}  {record.sha256}'
        results.print(Text(line), soft_wrap=True)
    for waiver in each.waivers:
        results.print(
            Text(f'  {words["waived"]}: {visible(waiver.reason)} ({visible(waiver.owner)}, {waiver.expires})')
        )
    if each.stale_from is not None:
        results.print(Text(f'  {words["until"]} {each.stale_from:%Y-%m-%d %H:%M} UTC'))


def print_summary(assessment: Assessment, language: Language) -> None:
    """Given an assessment, print the counts, the two lines of the score, and what has to be looked at first."""
    words = WORDS[language]
    counts = assessment.score.counts
    line = Text('\n  ' + words['clauses'].format(len(assessment.verdicts)))
    for index, name in enumerate(each for each in VERDICTS if counts.get(each)):
        line.append(', ' if index else '')
        line.append(f'{counts[name]} {verdict_word(name, language)}', style=COLOUR.get(name, ''))
    results.print(line)
    for sentence in assessment.score.lines():
        results.print(Text(f'  {sentence.in_language(language)}'))
    results.print(Padding(Text(NO_OFFICIAL_RESULT.in_language(language), style='dim'), (0, 0, 0, 2)))
    for name in assessment.score.high_risk_failed:
        results.print(Text(f'  {words["high"]}: {name}', style='red'))
    for each in assessment.waivers:
        if each.use != 'in force':
            said = words['expired' if each.use == 'expired' else 'nothing']
            messages.print(
                Text(f'{said}: {visible(each.waiver.text())}, {visible(each.waiver.owner)}, {each.waiver.expires}',
                     style='red' if each.use == 'expired' else 'yellow'), soft_wrap=True,
            )  # fmt: skip
