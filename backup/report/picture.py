"""Pictures: the last restores against what is promised, and sizes over time. SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from backup.record import RestoreEnded
from backup.report.words import Language, size, span

WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 70, 14, 26, 30
FAMILY = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Noto Sans", "DejaVu Sans", sans-serif'
INK, GRID, SOUND, BROKEN, PROMISE, SECOND = '#1d2733', '#dfe4e9', '#1a7f4b', '#c0271f', '#b26a00', '#24507a'
TICKS_SECONDS = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 86400.0, 864000.0)
MOST_TIMES = 5
DAY, TIME_OF_DAY = '%m-%d', '%H:%M'


@dataclass(frozen=True)
class Size:
    """What a policy took at a moment in one place: restored, and stored."""

    at: datetime
    place: str
    source_bytes: int
    stored_bytes: int


def restores(done: Sequence[RestoreEnded], promised_seconds: float, language: Language, title: str) -> str:
    """Given the last restores, old to new, what is promised and a title, return a picture of how long each took.

    The scale is logarithmic: a restore of seconds and a promise of an hour are both to be read.
    """
    seconds = [max(each.seconds, 0.05) for each in done]
    low = min([*seconds, promised_seconds]) / 2
    high = max([*seconds, promised_seconds]) * 1.6

    def height(value: float) -> float:
        share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = _frame(title)
    ticks = [tick for tick in TICKS_SECONDS if low <= tick <= high]
    parts += [_line(LEFT, height(tick), WIDTH - RIGHT, height(tick), GRID) for tick in ticks]
    parts += [_text(LEFT - 7, height(tick) + 4, span(tick, language), 'end') for tick in ticks]
    top = height(promised_seconds)
    parts.append(_line(LEFT, top, WIDTH - RIGHT, top, PROMISE, dash='6 4', thick=1.6))
    words = {'zh': f'承诺 {span(promised_seconds, language)}', 'en': f'promised {span(promised_seconds, language)}'}
    parts.append(_text(WIDTH - RIGHT, top - 6, words[language], 'end', PROMISE))
    step = (WIDTH - LEFT - RIGHT) / max(len(done), 1)
    for index, (each, took) in enumerate(zip(done, seconds, strict=True)):
        x, y = LEFT + step * (index + 0.5), height(took)
        parts.append(_line(x, HEIGHT - BOTTOM, x, y, SOUND if each.verified else BROKEN, thick=2.0))
        parts.append(_dot(x, y) if each.verified else _cross(x, y))
    written = _way_of_writing([each.began for each in done])
    before = ''
    for index in _spread(len(done)):
        moment = f'{done[index].began.astimezone(UTC):{written}}'
        if moment != before:
            parts.append(_text(LEFT + step * (index + 0.5), HEIGHT - BOTTOM + 16, moment, 'middle'))
        before = moment
    return ''.join([*parts, '</svg>'])


def sizes(looks: Sequence[Size], language: Language, title: str) -> str:
    """Given looks, old to new, and a title, return a picture of what is stored in each place over time."""
    begin, end = looks[0].at, looks[-1].at
    whole = max((end - begin).total_seconds(), 1.0)
    most = max((each.stored_bytes for each in looks), default=1) * 1.15 or 1.0

    def at(each: Size) -> tuple[float, float]:
        x = LEFT + (each.at - begin).total_seconds() / whole * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - each.stored_bytes / most * (HEIGHT - TOP - BOTTOM)

    parts = _frame(title)
    for tick in _round_ticks(most):
        y = HEIGHT - BOTTOM - tick / most * (HEIGHT - TOP - BOTTOM)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, GRID), _text(LEFT - 7, y + 4, size(tick), 'end')]
    names = {'local': {'zh': '本地', 'en': 'local'}, 'offsite': {'zh': '异地', 'en': 'off-site'}}
    for number, (place, colour, dash) in enumerate((('local', SECOND, ''), ('offsite', SOUND, '7 4'))):
        points = [at(each) for each in looks if each.place == place]
        if len(points) > 1:
            path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
            mark = f' stroke-dasharray="{dash}"' if dash else ''
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"{mark}/>')
        # Both places often hold the same: the ring of the one stands around the dot of the other.
        mark_of = _ring if place == 'offsite' else _dot
        if len(points) == 1:
            parts.append(mark_of(*points[0], colour))
        x = WIDTH - RIGHT - 150 + number * 80
        line = _line(x, 12, x + 22, 12, colour, dash=dash, thick=2.2)
        parts += [mark_of(x + 11, 12, colour) if len(points) == 1 else line, _text(x + 27, 16, names[place][language])]
    times = min(MOST_TIMES, (end.date() - begin.date()).days + 1)
    for index in range(times):
        share = index / max(times - 1, 1)
        anchor = 'start' if index == 0 else 'end' if index == times - 1 else 'middle'
        moment = begin + timedelta(seconds=whole * share)
        parts.append(
            _text(
                LEFT + share * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM + 16,
                f'{moment.astimezone(UTC):{DAY}}',
                anchor,
            )
        )
    return ''.join([*parts, '</svg>'])


def _frame(title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label={quoteattr(title)} font-size="11.5" font-family={quoteattr(FAMILY)}>',
        _line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, INK),
    ]


def _spread(count: int) -> list[int]:
    """Return up to MOST_TIMES of so many places, the first and the last among them."""
    if count <= MOST_TIMES:
        return list(range(count))
    return sorted({round(index * (count - 1) / (MOST_TIMES - 1)) for index in range(MOST_TIMES)})


def _way_of_writing(moments: Sequence[datetime]) -> str:
    """Given moments, return how they are written below a picture: as days, or where all are of one day as times."""
    return TIME_OF_DAY if len({each.astimezone(UTC).date() for each in moments}) == 1 else DAY


def _round_ticks(most: float) -> list[float]:
    """Return three to six round numbers of bytes from 0 up to `most`."""
    step = 1.0
    while most / step > 5:
        step *= 2
    return [step * index for index in range(int(most / step) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = '', thick: float = 1.0) -> str:
    mark = f' stroke-dasharray="{dash}"' if dash else ''
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{thick}"{mark}/>'
    )


def _text(x: float, y: float, text: str, anchor: str = 'start', colour: str = '#44505d') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _dot(x: float, y: float, colour: str = SOUND) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'


def _ring(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7.5" fill="none" stroke="{colour}" stroke-width="2"/>'


def _cross(x: float, y: float) -> str:
    return (
        f'<path d="M{x - 5:.1f},{y - 5:.1f} l10,10 M{x + 5:.1f},{y - 5:.1f} l-10,10" stroke="{BROKEN}" '
        f'stroke-width="2.6"/>'
    )
