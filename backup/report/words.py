"""The words of the report, in both languages, and spans and sizes as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml

from backup.judgement import spoken

Language = Literal['zh', 'en']
LANGUAGES: tuple[Language, ...] = ('zh', 'en')
FILE = Path(__file__).parent / 'templates' / 'words.yaml'


def words(language: Language) -> dict[str, str]:
    """Given a language, return every word of the report in it. Raise KeyError if one has no text in it."""
    document = yaml.safe_load(FILE.read_text(encoding='utf-8'))
    return {str(name): str(texts[language]) for name, texts in document.items()}


def span(seconds: float | None, language: Language) -> str:
    """Given seconds, return them as people write them; a dash for what is not known."""
    return '–' if seconds is None else spoken(seconds, language)


def size(count: float) -> str:
    """Given bytes, return them with three digits and a unit."""
    for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
        if abs(count) < 1024 or unit == 'TiB':
            digits = 0 if unit == 'B' or count >= 100 else 1 if count >= 10 else 2
            return f'{count:.{digits}f} {unit}'
        count /= 1024
    raise AssertionError(count)
