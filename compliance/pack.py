"""What a pack holds beside the ledger: the catalogue, the verdicts, reports for people and forms for programs."""

from __future__ import annotations

from pathlib import Path

from anlan.ledger.canonical import canonical
from anlan.paper import papers_of
from compliance.assessment import Assessment
from compliance.exports.comma_separated import comma_separated
from compliance.exports.junit import junit
from compliance.exports.oscal import oscal
from compliance.report.excerpt import Excerpts
from compliance.report.page import render_page
from compliance.saying import LANGUAGES
from compliance.score import NO_OFFICIAL_RESULT

README = """\
证据包 / Evidence pack: {platform}, {time}

核验 / To verify:  python3 verify.py THIS.zip --key FINGERPRINT
  (Python >= 3.9, openssl >= 3, 无需网络 / no network)

report.zh.html, report.zh.pdf, report.en.html, report.en.pdf   报告 / the report
verdicts.json           每一条款的结论及依据 / the verdict of every clause, and the records that it rests on
results.csv             每项核查一行 / a row a result
oscal.json              OSCAL assessment results 1.1.2
junit.xml               JUnit XML
catalogue/              条款目录 / the clauses
waivers.yaml            豁免，如有 / waivers, if there are any
records.jsonl           台账：每条记录一行 / the ledger, a record a line
attachments/            记录的附件，以 SHA-256 命名 / attachments of records, by their SHA-256
key.pub, verify.py      公钥与核验程序 / public key, and the program that verifies

{note_zh}
{note_en}
"""


def further_files(
    assessment: Assessment, excerpts: Excerpts, catalogue_folder: Path, waivers: bytes | None, *, paper: bool = True
) -> dict[str, bytes]:
    """Given an assessment, a way to answers, the catalogue's folder and the file of waivers, return the files by name.

    Without `paper` there are no PDFs. Raise AnlanError if a report cannot be made.
    """
    pages: dict[str, str] = {language: render_page(assessment, language, excerpts) for language in LANGUAGES}
    note = NO_OFFICIAL_RESULT
    readme = README.format(
        platform=assessment.platform, time=f'{assessment.situation.now:%Y-%m-%d %H:%M} UTC', note_zh=note.zh,
        note_en=note.en,
    )  # fmt: skip
    files = {
        'README.txt': readme.encode('utf-8'),
        'verdicts.json': canonical(assessment.document()),
        'oscal.json': oscal(assessment),
        'junit.xml': junit(assessment),
        'results.csv': comma_separated(assessment),
        **{f'catalogue/{file.name}': file.read_bytes() for file in sorted(catalogue_folder.glob('*.yaml'))},
        **{f'report.{language}.html': page.encode('utf-8') for language, page in pages.items()},
    }
    if waivers is not None:
        files['waivers.yaml'] = waivers
    if paper:
        files |= {f'report.{language}.pdf': content for language, content in papers_of(pages).items()}
    return files
