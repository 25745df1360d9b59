"""Template tags: `{% say "中文" "English" %}` and `{{ course|title }}`."""

from __future__ import annotations

from typing import Protocol

from django import template
from learning.language import in_english, say

register = template.Library()
register.simple_tag(say, name='say')


class Titled(Protocol):
    """Whatever has a title in both languages."""

    title_zh: str
    title_en: str


@register.filter
def title_of(thing: Titled) -> str:
    """Return the title in the language of the present request."""
    return thing.title_en if in_english() else thing.title_zh


@register.filter
def summary_of(thing: object) -> str:
    """Return the summary in the language of the present request."""
    return getattr(thing, 'summary_en' if in_english() else 'summary_zh')
