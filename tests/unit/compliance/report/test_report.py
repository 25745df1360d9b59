"""The report: whole in both languages, opens offline, and what hosts and people wrote stays text in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from anlan.errors import AnlanError, BadInput
from anlan.paper import papers_of
from compliance.assessment import Source, assess
from compliance.clause import HIGH_RISK_GUIDELINE
from compliance.evidence import Evidence, Found, Reference
from compliance.report.excerpt import MOST_LINES, RecordedExcerpts
from compliance.report.page import render_page
from compliance.report.picture import ORDER, picture
from compliance.report.words import FILE, words
from compliance.result import CheckResult
from compliance.saying import LANGUAGES, Language, visible
from compliance.score import NO_OFFICIAL_RESULT
from compliance.verdicts import Situation, judge_clauses
from tests.unit.compliance.samples import CONFIGURATION, HOSTILE, NOW, Sample, catalogue_of, clause, sample

VOID = {'meta', 'br', 'rect', 'circle', 'path'}


class Page(HTMLParser):
    """What a browser would see of a page: its tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample(tmp_path_factory.mktemp('var') / 'ledger')


@pytest.fixture(scope='module', params=LANGUAGES)
def page(request: pytest.FixtureRequest, made: Sample) -> tuple[Language, Page, str]:
    text = render_page(made.assessment, request.param, made.excerpts())
    return request.param, Page(text), text


def test_every_clause_is_there_with_its_verdict_reasons_and_records(
    made: Sample, page: tuple[Language, Page, str]
) -> None:
    language, seen, _ = page
    text = ''.join(seen.text)
    identifiers = {value for name, value in seen.attributes if name == 'id'}
    for each in made.assessment.verdicts:
        assert f'c-{each.clause.id}' in identifiers
        assert getattr(each.clause.requirement, language) in text
        assert all(visible(getattr(said, language)) in text for said in each.reasons)
        assert all(record.sha256 in text for record in each.records)
    for said in (made.assessment.source.head, made.assessment.source.key, getattr(NO_OFFICIAL_RESULT, language)):
        assert said in text


def test_what_a_host_or_a_person_wrote_is_text_and_nothing_else(page: tuple[Language, Page, str]) -> None:
    _, seen, text = page
    assert not {'script', 'img', 'b>order', 'iframe', 'object', 'link', 'form'} & seen.tags
    assert not [name for name, _ in seen.attributes if name.startswith('on')]
    assert seen.open == []
    shown = ''.join(seen.text)
    assert '<script>alert("x")</script>' in shown
    assert '<b>order 4711</b>' in shown
    assert '{{ 7 * 7 }}' in shown
    assert '⟨U+202E⟩' in shown and '⟨U+0000⟩' in shown and '⟨U+001B⟩' in shown
    assert not set('\x00\x07\x1b\u202e\u202c') & set(text)


def test_it_asks_no_network_for_anything_and_runs_nothing(page: tuple[Language, Page, str]) -> None:
    _, seen, text = page
    for name, value in seen.attributes:
        if name in {'href', 'src', 'action', 'data', 'xlink:href'}:
            assert str(value).startswith('#'), value
    assert "default-src 'none'" in text
    style = text.partition('<style>')[2].partition('</style>')[0]
    assert '@import' not in style and 'http' not in style
    targets = {f'#{value}' for name, value in seen.attributes if name == 'id'}
    assert {value for name, value in seen.attributes if name == 'href'} <= targets


def test_answers_of_failures_stand_once_and_say_that_there_is_more(page: tuple[Language, Page, str]) -> None:
    language, seen, _ = page
    text = ''.join(seen.text)
    # ssh.takes_keys_alone fails for two clauses: the second names the first.
    assert text.count('vault-1 # sshd -T') == 1
    assert words(language)['cut'] in text
    assert words(language)['more_hosts'] in text
    assert 'db-3 # sshd -T' not in text


def test_waivers_are_listed_with_what_each_is_good_for(page: tuple[Language, Page, str]) -> None:
    language, seen, _ = page
    text = ''.join(seen.text)
    for use in ('in force', 'expired', 'matches nothing'):
        assert words(language)[use] in text


def test_every_word_is_there_in_both_languages() -> None:
    document = yaml.safe_load(FILE.read_text(encoding='utf-8'))
    assert all(set(texts) == set(LANGUAGES) and all(texts.values()) for texts in document.values())
    assert set(words('zh')) == set(words('en')) >= set(ORDER)


def test_the_same_assessment_gives_the_same_page(made: Sample) -> None:
    assert render_page(made.assessment, 'zh') == render_page(made.assessment, 'zh')


def test_verdicts_in_the_picture_are_told_apart_without_colour_and_names_are_text() -> None:
    drawn = picture([('<b>&', {'pass': 3, 'fail': 1, 'stale': 2}), ('章' * 80, {'not-verified': 100, 'fail': 1})], 'zh')
    root = ElementTree.fromstring(drawn)
    texts = [each.text or '' for each in root.iter('{http://www.w3.org/2000/svg}text')]
    assert texts[:5] == ['<b>&', '3', '1', '2', '6']
    assert any(text.endswith('…') for text in texts)
    fills = {each.get('fill') for each in root.iter('{http://www.w3.org/2000/svg}rect')}
    assert {'url(#p-fail)', 'url(#p-stale)', 'url(#p-inherited)'} <= fills


def found_on(made: Sample, host: str) -> Found:
    check = next(proof for each in made.assessment.verdicts for proof in each.proofs if proof.found)
    return next(each for each in check.found if each.result.host == host)


def test_an_excerpt_is_cut_and_a_silent_host_has_none(made: Sample) -> None:
    excerpts = made.excerpts()
    first, second = excerpts(found_on(made, 'db-1'))
    assert (first.command, first.code, first.cut) == ('sshd -T', 0, True)
    assert len(first.text.splitlines()) <= MOST_LINES
    assert first.text.startswith(HOSTILE.splitlines()[0])
    assert (second.code, second.text, second.cut) == (3, 'no such user', False)
    assert excerpts(found_on(made, 'mon-2')) == []


def test_answers_that_cannot_be_read_are_said(made: Sample) -> None:
    with pytest.raises(BadInput, match=r'record 3: answers\.json\.gz'):
        RecordedExcerpts(lambda sha256: b'rubbish')(found_on(made, 'db-1'))


def small(language: Language = 'zh', **changes: object) -> str:
    reference = Reference(7, '7' * 64, 'audit', 'every host', NOW, 'fail', CONFIGURATION)
    seen = Found(CheckResult('ssh.is_shut', '', 'db-1', (), 'fail', '中文原因', ()), reference)
    ours = catalogue_of(clause(proofs={'checks': ['ssh.is_shut']}, **changes))
    situation = Situation(NOW, CONFIGURATION, ('db-1',), on_cloud=False)
    verdicts = judge_clauses(ours, Evidence({'ssh.is_shut': (seen,)}), situation)
    found = assess('x', ours, situation, Source(8, '8' * 64, '9' * 64), verdicts=verdicts, waivers=())
    return render_page(found, language)


@pytest.mark.parametrize('language', LANGUAGES)
def test_high_risks_that_fail_stand_apart_by_whether_they_can_be_downgraded(language: Language) -> None:
    t = words(language)
    guideline = {'code': HIGH_RISK_GUIDELINE, 'place': '6.4.4.1'}
    named = '<li><span class="badge fail">'
    apart = small(language, source=guideline)
    assert t['none_high_risk'] in apart
    assert named in apart.partition(t['high_risk_downgraded'])[2]
    assert t['downgraded_note'] in apart
    final = small(language, source=guideline, high_risk=True)
    assert t['none_high_risk'] not in final and t['high_risk_downgraded'] not in final
    assert named in final
    assert named not in small(language) and t['high_risk_downgraded'] not in small(language)


def test_no_page_is_begun_for_the_first_chapter_and_identifiers_of_records_are_not_broken() -> None:
    page = small()
    assert 'class="chapter"' not in page
    assert '<td class="subject">every host</td>' in page


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """Give a server's port and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, paths
    server.shutdown()
    server.server_close()


def test_paper_is_made_of_the_page_and_fetches_nothing(asked: tuple[int, list[str]]) -> None:
    port, paths = asked
    page = small()
    planted = page.replace('</body>', f'<img src="http://127.0.0.1:{port}/x"><img src="file:///etc/hostname"></body>')
    papers = papers_of({'good': page, 'planted': planted})
    assert all(content.startswith(b'%PDF-') and content.rstrip().endswith(b'%%EOF') for content in papers.values())
    # A page of text without a font in it would be a few thousand bytes.
    assert len(papers['good']) > 20_000
    assert paths == []


def test_a_machine_that_cannot_draw_text_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'weasyprint.py').write_text("print('-----')\nraise OSError('cannot load library libpango')")
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    with pytest.raises(AnlanError, match=r'a PDF cannot be made here: .*libpango.*make setup'):
        papers_of({'x': small()})
    (tmp_path / 'weasyprint.py').unlink()
    (tmp_path / 'weasyprint').mkdir()
    (tmp_path / 'weasyprint' / '__init__.py').write_text("def HTML(**given): raise ValueError('no')")
    (tmp_path / 'weasyprint' / 'urls.py').write_text('def URLFetcher(**given): pass')
    with pytest.raises(AnlanError, match=r'could not be made: .*no'):
        papers_of({'x': small()})
