"""The words of the report, in both languages."""

from __future__ import annotations

from pathlib import Path

import yaml

from compliance.saying import Language

FILE = Path(__file__).parent / 'templates' / 'words.yaml'


def words(language: Language) -> dict[str, str]:
    """Given a language, return every word of the report in it. Raise KeyError if one has no text in it."""
    document = yaml.safe_load(FILE.read_text(encoding='utf-8'))
    return {str(name): str(texts[language]) for name, texts in document.items()}
