"""Two languages side by side: each text stands in the source in Chinese and in English."""

from __future__ import annotations

from django.utils.functional import lazy
from django.utils.translation import get_language


def in_english() -> bool:
    """Return whether the present request is answered in English; Chinese is the default."""
    return (get_language() or '').startswith('en')


def say(chinese: str, english: str) -> str:
    """Return the text in the language of the present request."""
    return english if in_english() else chinese


say_later = lazy(say, str)
