"""The picture: a bar a chapter, verdicts told apart by colour, by pattern and by number."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from compliance.saying import Language, verdict_word, visible

ORDER = ('pass', 'fail', 'stale', 'not-verified', 'inherited', 'not-applicable')
INK = {
    'pass': '#1a7f4b', 'fail': '#c0271f', 'stale': '#b26a00', 'not-verified': '#5b6b7c', 'inherited': '#6a4fa3',
    'not-applicable': '#8a94a0',
}  # fmt: skip
"""Each is readable on white and, for solid parts, under white."""

LABEL, BAR, TOTAL, ROW, THICK = 330, 520, 50, 30, 19
FAMILY = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Noto Sans", "DejaVu Sans", sans-serif'
FONT, WIDE, NARROW = 12.5, 12.8, 6.4
"""Size of the text, and how wide a character of Chinese and one of Latin is at most, on average."""

NARROWEST_WITH_NUMBER = 16.0
GROUND = {
    'pass': '#1a7f4b', 'fail': '#f7d4d1', 'stale': '#fbe9cc', 'not-verified': '#e9edf1', 'inherited': '#ece7f6',
    'not-applicable': '#ffffff',
}  # fmt: skip
PATTERNS = {
    'fail': '<path d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4" stroke="#c0271f" stroke-width="2.6"/>',
    'stale': '<circle cx="2" cy="2" r="1.4" fill="#b26a00"/><circle cx="6" cy="6" r="1.4" fill="#b26a00"/>',
    'inherited': '<path d="M0,4 h8" stroke="#6a4fa3" stroke-width="1.4"/>',
}
"""What stands on the ground. A tile has no ground of its own: seams would show between tiles."""


def picture(rows: Sequence[tuple[str, dict[str, int]]], language: Language) -> str:
    """Given, by chapter, its name and how many clauses have each verdict, return an SVG."""
    height = ROW * len(rows) + 44
    width = LABEL + BAR + TOTAL
    title = {'zh': '各章的结论', 'en': 'Verdicts by chapter'}[language]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="100%" role="img" '
        f'aria-label={quoteattr(title)} font-size="{FONT}" font-family={quoteattr(FAMILY)}>',
        '<defs>',
        *(
            f'<pattern id="p-{name}" width="8" height="8" patternUnits="userSpaceOnUse">{drawn}</pattern>'
            for name, drawn in PATTERNS.items()
        ),
        '</defs>',
    ]
    for index, (name, counts) in enumerate(rows):
        parts += _bar(name, counts, ROW * index + 4)
    parts += _legend(ROW * len(rows) + 16, language)
    return ''.join([*parts, '</svg>'])


def _bar(name: str, counts: dict[str, int], top: float) -> list[str]:
    total = sum(counts.values())
    middle = top + THICK / 2 + 4.5
    parts = [
        f'<text x="{LABEL - 10}" y="{middle}" text-anchor="end" fill="#1d2733">{escape(_fitting(visible(name)))}</text>'
    ]
    left = float(LABEL)
    for verdict in ORDER:
        count = counts.get(verdict, 0)
        if not count:
            continue
        width = BAR * count / total
        parts.append(_box(verdict, left, top, width))
        if width >= NARROWEST_WITH_NUMBER:
            parts.append(_number(verdict, left + width / 2, middle, count))
        left += width
    parts.append(f'<text x="{LABEL + BAR + 10}" y="{middle}" fill="#44505d">{total}</text>')
    return parts


def _fitting(name: str) -> str:
    """Given a chapter's name, return it cut to the room that there is for it."""
    left = float(LABEL - 14)
    for index, character in enumerate(name):
        left -= NARROW if character.isascii() else WIDE
        if left < 0:
            return name[: index - 1].rstrip() + '…'
    return name


def _box(verdict: str, left: float, top: float, width: float) -> str:
    return _filled(verdict, f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{THICK}"')


def _filled(verdict: str, place: str) -> str:
    pattern = f'<rect {place} fill="url(#p-{verdict})"/>' if verdict in PATTERNS else ''
    border = f'<rect {place} fill="none" stroke="{INK[verdict]}" stroke-width="1"/>'
    return f'<rect {place} fill="{GROUND[verdict]}"/>{pattern}{border}'


def _number(verdict: str, centre: float, middle: float, count: int) -> str:
    """Return the number on a plate of its own, so that it can be read on any pattern."""
    half = 5.0 + 4.0 * len(str(count))
    plate = (
        f'<rect x="{centre - half:.1f}" y="{middle - 11:.1f}" width="{2 * half:.1f}" height="14" rx="3" fill="#fff"/>'
    )
    text = (
        f'<text x="{centre:.1f}" y="{middle:.1f}" text-anchor="middle" font-weight="700" fill="{INK[verdict]}">'
        f'{count}</text>'
    )
    return plate + text


def _legend(top: float, language: Language) -> list[str]:
    step = (LABEL + BAR + TOTAL) / len(ORDER)
    parts = []
    for index, verdict in enumerate(ORDER):
        left = index * step + 4
        parts.append(
            _filled(verdict, f'x="{left:.1f}" y="{top}" width="26" height="14"')
            + f'<text x="{left + 33:.1f}" y="{top + 11.5}" fill="#1d2733">{verdict_word(verdict, language)}</text>'
        )
    return parts
