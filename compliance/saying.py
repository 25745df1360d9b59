"""Saying: the same in Chinese and in English, and the words for verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Language = Literal['zh', 'en']
LANGUAGES: tuple[Language, ...] = ('zh', 'en')

VERDICT_WORDS = {
    'pass': {'zh': '通过', 'en': 'pass'}, 'fail': {'zh': '不通过', 'en': 'fail'},
    'stale': {'zh': '已过期', 'en': 'stale'},
    'not-verified': {'zh': '未验证', 'en': 'not verified'}, 'inherited': {'zh': '继承', 'en': 'inherited'},
    'not-applicable': {'zh': '不适用', 'en': 'not applicable'},
}  # fmt: skip
UNSEEN = re.compile(
    '[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f'
    '\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
)
"""What a reader would not see, or would see out of order: control characters but tab and line feed, bidirectional ones,
characters without width."""


@dataclass(frozen=True)
class Said:
    """A sentence in both languages."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Given a language, return the sentence in it."""
        return self.zh if language == 'zh' else self.en


def verdict_word(verdict: str, language: Language) -> str:
    """Given a verdict and a language, return the word for it."""
    return VERDICT_WORDS[verdict][language] if verdict in VERDICT_WORDS else visible(verdict)


def visible(text: str) -> str:
    """Given a text that somebody else wrote, return it with what a reader would not see made visible."""
    return UNSEEN.sub(lambda found: f'⟨U+{ord(found.group()):04X}⟩', text.replace('\r\n', '\n'))


def grouped(names: Iterable[str]) -> str:
    """Given names, return them in order as people write a list."""
    return ', '.join(sorted(set(names)))
