"""The report: whole in both languages, opens offline, and what hosts wrote stays text in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import yaml

from anlan.paper import papers_of
from backup.coverage import load_exemptions
from backup.judgement import judge
from backup.report.page import Found, daily_sizes, render_page
from backup.report.picture import restores, sizes
from backup.report.words import FILE, LANGUAGES, Language, size, words
from backup.stateful import STATEFUL
from tests.unit.backup.policy_samples import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    POLICIES,
    PROMISES,
    drilled,
    look,
    restore,
    six_weeks,
)

HOSTILE = '<script>alert(1)</script>"\'&\u202e'


def found(records: list[object] | None = None) -> Found:
    given = tuple(six_weeks() if records is None else records)
    return Found('sample', NOW, POLICIES, judge(PROMISES, given, NOW), given, load_exemptions())  # type: ignore[arg-type]


@pytest.mark.parametrize('language', LANGUAGES)
def test_every_policy_exemption_reason_and_promise_is_in_it(language: Language) -> None:
    page = render_page(found(), language)
    text = re.sub(r'\s+', ' ', page)
    for policy in POLICIES:
        assert getattr(policy.title, language) in text
        assert all(clause in text for clause in policy.clauses)
    for each in load_exemptions():
        assert each.name in text
    assert '`' not in text.partition('<main>')[2]
    for status in found().statuses:
        for reason in status.reasons:
            assert getattr(reason, language) in text
    assert 'lesson-3: sha256 differs' in text
    assert page.count('<svg') == 2 * len(PROMISES)
    assert not re.search(r'built-in method|Undefined|None', page)


@pytest.mark.parametrize('language', LANGUAGES)
def test_it_opens_offline_and_runs_nothing(language: Language) -> None:
    page = render_page(found(), language)
    assert "default-src 'none'" in page
    assert not re.search(r'<(script|link|img|iframe)\b|\bon\w+=|\b(src|href)="(?!#)', page)
    assert set(re.findall(r'https?://[^\s"]+', page)) == {'http://www.w3.org/2000/svg'}
    assert all(f'id="{name}"' in page for name in re.findall(r'href="#([^"]+)"', page))


def test_what_hosts_wrote_stays_text() -> None:
    hostile = restore(HOUR, problems=(HOSTILE,), place=HOSTILE)
    page = render_page(found([*six_weeks(), hostile]), 'en')
    assert '<script' not in page
    assert '\u202e' not in page
    assert '⟨U+202E⟩' in page


@pytest.mark.parametrize('language', LANGUAGES)
def test_without_any_record_it_says_so_and_nothing_is_ok(language: Language) -> None:
    page = render_page(found([]), language)
    assert page.count(f'class="policy {"never"}"') == len(PROMISES)
    assert 'class="policy ok"' not in page
    assert '<svg' not in page
    assert words(language)['no_restores'] in page


@pytest.mark.parametrize('language', LANGUAGES)
def test_the_last_restores_say_what_was_restored(language: Language) -> None:
    kinds = (('database', 'newest'), ('database', 'time'), ('database', 'backup'), ('media', 'newest'),
             ('media', 'oldest'), ('media', 'random'))  # fmt: skip
    done = [restore(MINUTE * number, policy=name, choice=choice) for number, (name, choice) in enumerate(kinds)]
    failed = restore(HOUR, failure='locked', sentence='held', snapshot=None)
    page = render_page(found([*done, failed]), language)
    cells = re.findall(r'<div class="more">([^<]+)</div>', page)
    t = words(language)
    assert cells == [
        t['choice_newest_with_log'], t['choice_time'], t['choice_backup'], t['choice_newest'], t['choice_oldest'],
        t['choice_random'], '–',
    ]  # fmt: skip
    assert len(set(cells)) == len(cells)


def test_every_resource_has_a_name_in_both_languages_and_no_page_shows_a_raw_calendar() -> None:
    for language in LANGUAGES:
        t = words(language)
        assert {f'resource_{each.name}' for each in STATEFUL} == {name for name in t if name.startswith('resource_')}
        assert '*-*-*' not in render_page(found(), language)
    page = render_page(found(), 'zh')
    assert '学习档案' in page and 'learning-archive' not in page


def test_every_word_is_there_in_both_languages_and_whole() -> None:
    document = yaml.safe_load(FILE.read_text(encoding='utf-8'))
    for name, texts in document.items():
        assert set(texts) == set(LANGUAGES), name
        assert all(isinstance(text, str) and text for text in texts.values()), name


def test_pictures_are_well_formed_and_show_each_restore() -> None:
    done = [restore(timedelta(days=10 - index), 5.0 + index, checks=index % 2) for index in range(10)]
    drawn = restores(done, 900, 'en', 'a "title" & <more>')
    ElementTree.fromstring(drawn)
    assert drawn.count('<circle') == 5
    assert drawn.count('<path') == 5
    assert 'promised 15 min' in drawn
    for number in (1, 3, 40):
        looks = [look(timedelta(days=number - index), stored_bytes=10**8 * index) for index in range(number)]
        ElementTree.fromstring(sizes(daily_sizes(looks), 'zh', 'x'))
    ElementTree.fromstring(restores([restore(DAY, 0.0)], 900, 'zh', 'x'))
    ElementTree.fromstring(sizes(daily_sizes([look(DAY, stored_bytes=0)]), 'zh', 'x'))


def test_restores_of_one_day_are_told_apart_by_their_times_and_others_by_their_days() -> None:
    assert '>09:59</text>' in restores([restore(2 * HOUR), restore(3 * HOUR)], 900, 'en', 'x')
    assert '>11-26</text>' not in restores([restore(2 * HOUR), restore(3 * HOUR)], 900, 'en', 'x')
    assert '>11-26</text>' in restores([restore(2 * HOUR), restore(3 * DAY)], 900, 'en', 'x')


def test_two_places_that_hold_the_same_are_both_seen_and_the_legend_shows_what_the_picture_does() -> None:
    both = [look(DAY), look(DAY, place='offsite')]
    drawn = sizes(daily_sizes(both), 'en', 'x')
    ElementTree.fromstring(drawn)
    assert drawn.count('r="4.5"') == drawn.count('r="7.5" fill="none"') == 2
    assert 'dasharray' not in drawn
    lines = sizes(daily_sizes([*both, look(2 * DAY), look(2 * DAY, place='offsite')]), 'en', 'x')
    assert '<circle' not in lines
    assert lines.count('>11-24</text>') == lines.count('>11-25</text>') == 1


def test_sizes_are_summed_over_hosts_and_a_host_not_looked_at_stands_as_it_was() -> None:
    looks = [
        look(2 * DAY, host='a', stored_bytes=1), look(2 * DAY - HOUR, host='a', stored_bytes=2),
        look(2 * DAY, host='b', stored_bytes=10), look(DAY, host='a', stored_bytes=5),
    ]  # fmt: skip
    assert [each.stored_bytes for each in daily_sizes(looks)] == [12, 15]


def test_sizes_are_written_with_three_digits() -> None:
    assert [size(number) for number in (0, 1023, 1536, 10**9, 5 * 1024**5)] == [
        '0 B', '1023 B', '1.50 KiB', '954 MiB', '5120 TiB',
    ]  # fmt: skip


def test_a_policy_that_was_never_judged_is_never_ok() -> None:
    page = render_page(replace(found(), statuses=()), 'en')
    assert 'class="policy ok"' not in page


def test_it_becomes_paper_in_both_languages() -> None:
    papers = papers_of({language: render_page(found(), language) for language in LANGUAGES})
    assert all(content.startswith(b'%PDF-') and len(content) > 20_000 for content in papers.values())


@pytest.mark.parametrize('language', LANGUAGES)
def test_the_last_drill_of_stolen_credentials_stands_at_its_policy(language: Language) -> None:
    t = words(language)
    assert t['none_stolen'] in render_page(found(), language)
    passed = drilled(HOUR, policy='platform')
    failed = drilled(MINUTE, policy='platform', refused=8, succeeded=(HOSTILE, 'delete a version (1 of 2)'))
    page = render_page(found([*six_weeks(), passed]), language)
    assert t['stolen_counts'].format(2, 9, 9) in page
    page = render_page(found([*six_weeks(), passed, failed]), language)
    assert f'✗ {t["stolen_fail"]}' in page
    assert t['stolen_counts'].format(2, 8, 9) in page
    assert 'delete a version (1 of 2)' in page
    assert '<script' not in page
