"""Calendar expressions of systemd as people say them, in both languages. Pure; what is unknown stays as it is."""

from __future__ import annotations

import re

from backup.on_calendar import SHORT, WEEKDAYS, parse
from backup.report.words import Language

DAYS: dict[Language, tuple[str, ...]] = {
    'en': ('Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays'),
    'zh': ('每周一', '每周二', '每周三', '每周四', '每周五', '每周六', '每周日'),
}
_EXPRESSION = re.compile(
    rf'(?:(?P<weekday>{"|".join(WEEKDAYS)}) )?(?:\*-\*-(?P<day>\*|\d\d?) )?'
    r'(?P<hours>\*|\d\d?(?:,\d\d?)*):(?P<minute>\d\d?)(?::00?)?(?: UTC)?'
)


def said(text: str, language: Language) -> str:
    """Given an expression and a language, return when it is true as people say it, or the expression itself.

    Said are times of a day, of a weekday and of a day of each month, and a minute of every hour.
    """
    found = _EXPRESSION.fullmatch(SHORT.get(text, text))
    if found is None or not _is_one(text):
        return text
    weekday, day, hours, minute = found['weekday'], found['day'] or '*', found['hours'], int(found['minute'])
    if hours == '*':
        if weekday is not None or day != '*':
            return text
        return f'every hour at :{minute:02d}' if language == 'en' else f'每小时 {minute:02d} 分'
    times = ('、' if language == 'zh' else ', ').join(f'{int(hour):02d}:{minute:02d}' for hour in hours.split(','))
    if weekday is not None:
        if day != '*':
            return text
        named = DAYS[language][WEEKDAYS.index(weekday)]
        return f'{named} at {times}' if language == 'en' else f'{named} {times}'
    if day != '*':
        return f'on day {int(day)} of each month at {times}' if language == 'en' else f'每月 {int(day)} 日 {times}'
    return f'daily at {times}' if language == 'en' else f'每日 {times}'


def _is_one(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
