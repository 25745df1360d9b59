"""Calendar expressions in words: those of every policy, and whatever is not known stays as it is."""

from __future__ import annotations

import pytest

from backup.report.calendar_words import said
from backup.report.words import LANGUAGES
from tests.unit.backup.policy_samples import POLICIES

USED = sorted(
    {
        text
        for policy in POLICIES
        for section, names in (
            (policy.schedule, ('incremental', 'full', 'copy_offsite', 'forget')),
            (policy.verification, ('structure', 'data', 'equality', 'planting', 'restore', 'stolen')),
        )
        for text in (getattr(section, name) for name in names)
        if text is not None
    }
)


@pytest.mark.parametrize('text', USED)
def test_every_calendar_that_a_policy_uses_is_said_in_words(text: str) -> None:
    for language in LANGUAGES:
        words = said(text, language)
        assert words != text and '*' not in words


@pytest.mark.parametrize(
    ('text', 'english', 'chinese'),
    [
        ('*-*-* 01,07,13,19:15:00', 'daily at 01:15, 07:15, 13:15, 19:15', '每日 01:15、07:15、13:15、19:15'),
        ('*-*-* *:05:00', 'every hour at :05', '每小时 05 分'),
        ('*:05:00', 'every hour at :05', '每小时 05 分'),
        ('hourly', 'every hour at :00', '每小时 00 分'),
        ('daily', 'daily at 00:00', '每日 00:00'),
        ('Sun *-*-* 02:15:00', 'Sundays at 02:15', '每周日 02:15'),
        ('Mon 2:5', 'Mondays at 02:05', '每周一 02:05'),
        ('*-*-03 04:40:00', 'on day 3 of each month at 04:40', '每月 3 日 04:40'),
        ('*-*-* 03:40:00 UTC', 'daily at 03:40', '每日 03:40'),
    ],
)
def test_an_expression_is_said_as_people_say_it(text: str, english: str, chinese: str) -> None:
    assert (said(text, 'en'), said(text, 'zh')) == (english, chinese)


@pytest.mark.parametrize(
    'text',
    [
        '*-*-* 0/6:15:00', 'Mon..Fri *-*-* 02:00:00', 'Sun *-*-03 02:00:00', 'Sun *:05:00', '*-*-03 *:05:00',
        '*-02-01 02:00:00', '*-*-* 02:00:30', '*-*-* 25:00:00', '*-*-* *:*:00', 'Someday 10:00', '',
    ],
)  # fmt: skip
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    assert [said(text, language) for language in LANGUAGES] == [text, text]
