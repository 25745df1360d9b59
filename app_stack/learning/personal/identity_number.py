"""The citizen identity number of GB 11643: six digits of an area, a date of birth, a sequence and a check character."""

from __future__ import annotations

import re
from datetime import date

SHAPE = re.compile(r'[0-9]{17}[0-9X]')
WEIGHTS = tuple(2**power % 11 for power in range(17, 0, -1))
CHECK_CHARACTERS = '10X98765432'
EARLIEST_BIRTH_YEAR = 1900


def check_character(first_seventeen: str) -> str:
    """Given the first 17 digits, return the check character of ISO 7064 MOD 11-2, as GB 11643 has it."""
    total = sum(int(digit) * weight for digit, weight in zip(first_seventeen, WEIGHTS, strict=True))
    return CHECK_CHARACTERS[total % 11]


def is_identity_number(text: str, today: date) -> bool:
    """Given a text and the present day, return whether it can be an identity number.

    Areas are not looked up: they are divided anew every year, and a number keeps the area of the day it was given.
    """
    if not SHAPE.fullmatch(text) or check_character(text[:17]) != text[17]:
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return born.year >= EARLIEST_BIRTH_YEAR and born <= today
