"""Text from outside on an operator's terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Given text from outside, return it with a dot for each character that cannot be printed."""
    return ''.join(character if character.isprintable() else '·' for character in text)
