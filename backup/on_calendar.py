"""When a calendar expression of systemd is next true: the part of systemd.time(7) that policies may use. Pure.

`[weekdays] [year-month-day] hour:minute[:second]`, or hourly, daily, weekly, monthly. Of each number: `*`, one, a list
`1,3`, a range `1..5`, a step `0/15`. All times are UTC; what is written here for systemd says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

WEEKDAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
SHORT = {
    'hourly': '*-*-* *:00:00', 'daily': '*-*-* 00:00:00', 'weekly': 'Mon *-*-* 00:00:00', 'monthly': '*-*-01 00:00:00',
}  # fmt: skip
DAYS_AHEAD = 3 * 366
"""How far ahead a next time is looked for. A policy whose schedule is silent for longer has none."""

_NUMBER = re.compile(r'\d{1,4}')
YEARS = (2000, 2199)


@dataclass(frozen=True)
class OnCalendar:
    """An expression, taken apart: the values of each part, None where every value fits."""

    text: str
    weekdays: frozenset[int] | None
    years: frozenset[int] | None
    months: frozenset[int] | None
    days: frozenset[int] | None
    times: tuple[time, ...]

    def fits(self, day: date) -> bool:
        """Return whether a day is one of its days."""
        parts = (
            (self.weekdays, day.weekday()), (self.years, day.year), (self.months, day.month), (self.days, day.day)
        )  # fmt: skip
        return all(values is None or value in values for values, value in parts)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Given an aware moment, return every later time in order, as far as DAYS_AHEAD."""
        moment = moment.astimezone(UTC)
        for ahead in range(DAYS_AHEAD):
            day = moment.date() + timedelta(days=ahead)
            if not self.fits(day):
                continue
            for each in self.times:
                at = datetime.combine(day, each, UTC)
                if at > moment:
                    yield at


def parse(text: str) -> OnCalendar:
    """Given an expression, return it taken apart. Raise ValueError with the reason if it is none, or never true."""
    words = SHORT.get(text, text).split()
    if words and words[-1] == 'UTC':
        words.pop()
    weekdays = _weekdays(words.pop(0)) if words and words[0][:1].isalpha() else None
    days = words.pop(0) if words and '-' in words[0] else '*-*-*'
    if len(words) != 1 or ':' not in words[0]:
        raise ValueError(f'{text!r} is no calendar expression like "Sun *-*-* 03:10:00"')
    years, months, month_days = _parts(days, '-', (YEARS, (1, 12), (1, 31)), 'a date is year-month-day')
    clock = words[0] if words[0].count(':') == 2 else f'{words[0]}:00'
    hours, minutes, seconds = _parts(clock, ':', ((0, 23), (0, 59), (0, 59)), 'a time is hour:minute or with seconds')
    times = tuple(
        time(hour, minute, second)
        for hour in sorted(range(24) if hours is None else hours)
        for minute in sorted(range(60) if minutes is None else minutes)
        for second in sorted(range(60) if seconds is None else seconds)
    )
    made = OnCalendar(text, weekdays, years, months, month_days, times)
    if next(made.after(datetime(2026, 1, 1, tzinfo=UTC)), None) is None:
        raise ValueError(f'{text!r} is never true')
    return made


def for_systemd(text: str) -> str:
    """Given an expression, return it for a timer: in UTC, whatever the clock of the host shows to people."""
    whole = SHORT.get(text, text)
    return whole if whole.endswith(' UTC') else f'{whole} UTC'


def longest_gap_seconds(expression: OnCalendar, start: datetime, days: int = 400) -> float:
    """Given an expression, a moment and a number of days, return the longest time without any of its times then.

    The first days and the last count as well: a schedule that has ended, or only begins later, keeps no promise.
    """
    end = start + timedelta(days=days)
    longest, before = 0.0, start
    for at in expression.after(start):
        if at > end:
            break
        longest = max(longest, (at - before).total_seconds())
        before = at
    return max(longest, (end - before).total_seconds())


def _weekdays(text: str) -> frozenset[int]:
    chosen: set[int] = set()
    for part in text.split(','):
        first, _, last = part.partition('..')
        names = (first, last or first)
        if any(name not in WEEKDAYS for name in names):
            raise ValueError(f'{part!r} is no day of the week like Mon or Mon..Fri')
        low, high = (WEEKDAYS.index(name) for name in names)
        if high < low:
            raise ValueError(f'{part!r} ends before it begins')
        chosen |= set(range(low, high + 1))
    return frozenset(chosen)


def _parts(text: str, mark: str, limits: tuple[tuple[int, int], ...], rule: str) -> list[frozenset[int] | None]:
    parts = text.split(mark)
    if len(parts) != len(limits):
        raise ValueError(f'{text!r}: {rule}')
    return [_values(part, low, high) for part, (low, high) in zip(parts, limits, strict=True)]


def _values(text: str, low: int, high: int) -> frozenset[int] | None:
    if text == '*':
        return None
    chosen: set[int] = set()
    for part in text.split(','):
        base, _, step = part.partition('/')
        first, _, last = base.partition('..')
        numbers = [
            first if first != '*' else str(low),
            *([last] if '..' in base else []),
            *([step] if '/' in part else []),
        ]
        if not all(_NUMBER.fullmatch(number) for number in numbers):
            raise ValueError(f'{part!r} is no number, range or step')
        begin = int(numbers[0])
        end = int(last) if last else high if '/' in part else begin
        every = int(step) if '/' in part else 1
        if not (low <= begin <= end <= high and every >= 1):
            raise ValueError(f'{part!r} is not within {low} to {high}')
        chosen |= set(range(begin, end + 1, every))
    return frozenset(chosen)
